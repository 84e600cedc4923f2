/*
 * kafka.h: events through Kafka instead of straight to their subscribers (EVENTS=kafka, ./configure --with-kafka). The same outbox
 * and the same inbox: what is published waits in the outbox under the subscriber EVENT_BUS; the producer sends it keyed by its
 * aggregate, idempotent, and marks it sent when all brokers that must have it have said so. Each service is one consumer group; its
 * consumer gives messages to the service's event functions. What a function refuses is parked with what follows it of the same
 * object, tried again with growing delays and dead after as many attempts as a delivery by HTTP; the partition flows on.
 *
 * Without the library these functions exist too, and kafka_check refuses the setting.
 */
#ifndef WORK_KAFKA_H
#define WORK_KAFKA_H

#include "work/work.h"

struct kafka_producer;
struct kafka_consumer;

/* Creates the topics that the service publishes, with partitions and retention of table topic. NULL with a problem. */
struct kafka_producer *kafka_producer_new(struct hand *h, struct problem *err) MUST_CHECK;
void kafka_producer_free(struct kafka_producer *p);
/* Sends what is due, at most one message per object at a time: how many were tried; 0: nothing is due; -1. */
int kafka_produce(struct kafka_producer *p, struct hand *h, struct problem *err) MUST_CHECK;

struct kafka_consumer *kafka_consumer_new(struct hand *h, struct problem *err) MUST_CHECK;
void kafka_consumer_free(struct kafka_consumer *c); /* leaves the group; what was taken is remembered */
/* One message, waited for at most so long: 1 it was taken or parked, 0 none came, -1 it stays where it is. */
int kafka_consume(struct kafka_consumer *c, struct hand *h, int wait_ms, struct problem *err) MUST_CHECK;
/* One parked message that is due: 1, 0, -1. */
int kafka_unpark(struct hand *h, struct problem *err) MUST_CHECK;

void *kafka_producer_main(void *hand);
void *kafka_consumer_main(void *hand);

#endif

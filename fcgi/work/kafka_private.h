/* kafka_private.h: what kafka.c and kafka_consumer.c share; nobody else includes it. */
#ifndef WORK_KAFKA_PRIVATE_H
#define WORK_KAFKA_PRIVATE_H

#include "work/kafka.h"

#include <librdkafka/rdkafka.h>

/* Brokers, name, KAFKA_OPTIONS; the caller's. NULL with a problem. */
rd_kafka_conf_t *kafka_settings(struct hand *h, struct problem *err) MUST_CHECK;
int kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct problem *err) MUST_CHECK;

#endif

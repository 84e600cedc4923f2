/*
 * topic.h: what may happen, as a table: each topic's payload, its subscribers, how long its messages are kept (rows G-COM-03 to 12,
 * P-EVT-01 to 09).
 *
 * A service lists the topics it publishes in .topics. The core knows the platform's list besides: topics whose partitions and
 * retention are agreed even where the producer comes later, and which every database therefore has as rows. A service that publishes
 * one of them names subscribers and payload; partitions and retention it leaves 0 come from that list, or are the defaults below.
 *
 * `migrate` writes all of them into table topic, a row for each version, with the payload's table as JSON Schema. A schema that
 * changed without a new version is refused there (500 "topic_changed"): consumers and kept messages rely on it.
 */
#ifndef DATA_TOPIC_H
#define DATA_TOPIC_H

#include "base/buf.h"
#include "base/config.h"
#include "base/field.h"

#define TOPIC_PARTITIONS 6
#define TOPIC_DAYS       30

struct topic {
	const char *name;               /* intake.submitted */
	const char *const *subscribers; /* NULL-terminated service names */
	const char *says;
	const struct field *payload; /* every message is held to it at publish; start-up refuses a topic without one */
	int version;                 /* of the payload; 0 = 1 */
	int partitions;              /* 0: the platform list's, else TOPIC_PARTITIONS */
	int days;                    /* kept at least; 0: the platform list's, else TOPIC_DAYS */
};

extern const struct topic core_topics[];     /* what every service publishes by itself; ends with a row without name */
extern const struct topic platform_topics[]; /* ends with a row without name; no subscribers, no payload */

/* The row of a topic in one table; NULL when there is none. */
const struct topic *topic_find(const struct topic *table, const char *name);
int topic_version(const struct topic *t);
int topic_partitions(const struct topic *t);
/* Days that its messages are kept: EVENT_RETENTION where it names the topic, else the row's; never below EVENT_RETENTION_FLOORS.
 * -1 with 500 "bad_config" for an item that is no `topic=days`, or a retention set below its floor. *floor may be NULL. */
int topic_days(const struct topic *t, const struct conf *conf, int *floor, struct problem *err) MUST_CHECK;

/* Start-up: every topic has a name of words and dots, says, a payload and a retention that config allows. */
int topics_check(const struct topic *own, const struct conf *conf, struct problem *err) MUST_CHECK;
/* Writes the rows, as the database's owner. After migrate_up. */
int topics_store(const char *owner_url, const struct topic *own, const struct conf *conf, struct problem *err) MUST_CHECK;
/* The JSON Schema of a topic's payload; bare leaves descriptions out. */
void topic_schema(struct buf *out, const struct topic *t, bool bare);

#endif

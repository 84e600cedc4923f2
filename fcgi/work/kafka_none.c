/* kafka_none.c: a build without librdkafka. EVENTS=kafka is refused at start, so the rest is never reached. */
#include "work/kafka.h"

#include "base/log.h"

int
kafka_check(const struct conf *conf, struct problem *err)
{
	if (strcmp(conf_str(conf, "EVENTS"), "kafka") != 0)
		return 0;
	return problem(err, 500, "bad_config", "EVENTS=kafka needs a build by ./configure --with-kafka");
}

void *
kafka_producer_main(void *hand UNUSED)
{
	die("built without Kafka");
}

void *
kafka_consumer_main(void *hand UNUSED)
{
	die("built without Kafka");
}

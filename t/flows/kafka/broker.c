/*
 * broker.c: telerx-broker, a Kafka for whole trees of tests: librdkafka's mock cluster, which speaks the protocol on a loopback port and
 * keeps all in memory. Prints `ready host:port` and lives until a signal, or until whoever started it ends.
 *
 * The mock makes no topics by request, so all that any service publishes are made here, with the partitions of the services' tables.
 */
#include "core.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "service.h"

extern const struct service *const all_services[];

static void
make_topics(rd_kafka_mock_cluster_t *cluster, const struct topic *table)
{
	for (const struct topic *t = table; t != NULL && t->name != NULL; t++)
		if (rd_kafka_mock_topic_create(cluster, t->name, topic_partitions(t), 1) == RD_KAFKA_RESP_ERR__INVALID_ARG)
			die("%s: the mock cluster does not take this topic", t->name);
}

int
main(void)
{
	char why[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster = NULL;
	rd_kafka_t *owner = NULL;
	sigset_t ends;
	int signal;

	/* A client that owns a cluster connects to nobody, and need not warn of it. */
	if (rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why)) == RD_KAFKA_CONF_OK)
		owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (owner != NULL)
		cluster = rd_kafka_mock_cluster_new(owner, 1);
	if (cluster == NULL)
		die("no mock cluster: %s", owner == NULL ? why : "out of memory");
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	make_topics(cluster, core_topics);
	for (const struct service *const *s = all_services; *s != NULL; s++)
		make_topics(cluster, (*s)->topics);
	printf("ready %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	(void)fflush(stdout);
	(void)sigwait(&ends, &signal);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(owner);
	return 0;
}

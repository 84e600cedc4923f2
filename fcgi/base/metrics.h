/*
 * metrics.h: counters, gauges and histograms in the Prometheus text format, summed over the processes of a pool.
 *
 * The master maps one scoreboard (a memfd) before it forks; every process owns one lane of it and adds without locks between
 * processes. A series is a name and a label text ('route="/x",status="200"'), both short constants or codes, never user input.
 * Without a scoreboard (tests, one-off commands) the same calls count in private memory.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

#define METRICS_LANES 16

int metrics_create(void);                /* master: returns the memfd, -1 with errno */
int metrics_join(int fd, unsigned lane); /* process: maps it and owns the lane (< METRICS_LANES); fd -1 = private memory */
void metric_add(const char *name, const char *labels, double value);       /* counter: *_total */
void metric_set(const char *name, const char *labels, double value);       /* gauge of this process */
void metric_observe(const char *name, const char *labels, double seconds); /* histogram: 1 ms .. 30 s */
void metrics_print(struct buf *out);                                       /* exposition format 0.0.4 */

/* A series outside of a scoreboard, to carry it from one process to another: kind 1 counter, 2 gauge, 3 histogram (value is the sum,
 * buckets are not cumulative, the last is +Inf). */
#define METRICS_BUCKETS 15
struct metric_series {
	char name[64], labels[176];
	int kind;
	double value;
	double buckets[METRICS_BUCKETS];
};

/* What this process has counted so far; the caller frees *ret. */
size_t metrics_read(struct metric_series **ret);
/* The scoreboard and these beside it. */
void metrics_print_with(struct buf *out, const struct metric_series *more, size_t n);

#endif

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

#endif

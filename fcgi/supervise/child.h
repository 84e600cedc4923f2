/*
 * child.h: one supervised process and its life: down -> running -> (stopping ->) down.
 *
 * A process that ends by itself is started again after 100 ms, then 200 ms, ... up to 5 s; two seconds of life make it young again. What is
 * left of its process group is killed first, so that a successor finds sockets and ports free.
 */
#ifndef SUPERVISE_CHILD_H
#define SUPERVISE_CHILD_H

#include "supervise/table.h"

struct child {
	struct table_row row;		/* owned */
	pid_t pid;			/* 0 = not running */
	bool leaving;			/* is to stop for good: off the table, or everything stops */
	bool stopping;			/* its stop signal was sent */
	bool replace;			/* a new table was read: its turn to be replaced comes */
	int64_t since;			/* ms: start of this life, or of being down */
	int64_t kill_at;		/* ms: end of patience while stopping */
	int64_t start_at;		/* ms: earliest next start */
	int64_t backoff;		/* ms */
	unsigned restarts;		/* ends that nobody asked for */
	int status;			/* of the last end, as wait() tells it */
};

int64_t	 now_ms(void);
void	 child_start(struct child *c, const char *logs);
void	 child_stop(struct child *c);			/* sends the stop signal once */
void	 child_insist(struct child *c);			/* kills what outstayed its time */
void	 child_ended(struct child *c, int status);	/* reaped */
int64_t	 child_due(const struct child *c);		/* ms of the next thing to do for it, INT64_MAX = nothing */
void	 child_print(const struct child *c, FILE *to);	/* one line of the status file */

#endif

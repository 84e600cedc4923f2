/*
 * table.h: what a tree runs, read from one text file; a line a process:
 *
 *	name  stage  stop-signal  seconds  reload  program [argument ...]
 *
 * Stages start in ascending order and stop in descending order; processes of one stage stop together. seconds is how long a process
 * may take to stop before it is killed. reload says what SIGHUP to the supervisor means for the process: HUP (it replaces its own
 * children), restart (stop it and start it again), keep (nothing). Words are split at white space, there is no quoting; # starts a
 * comment line.
 */
#ifndef SUPERVISE_TABLE_H
#define SUPERVISE_TABLE_H

#include "core.h"

#define TABLE_ROWS 96
#define TABLE_WORDS 40

enum reload { RELOAD_KEEP, RELOAD_HUP, RELOAD_RESTART };

struct table_row {
	char *line;			/* as written, to see whether it changed */
	char *words;			/* the storage of name and argv */
	const char *name;
	int stage;
	int stop_signal;
	int stop_seconds;
	enum reload reload;
	char *argv[TABLE_WORDS + 1];
};

struct table {
	struct table_row rows[TABLE_ROWS];
	size_t n;
};

/* -1 after saying on standard error what is wrong with which line; t is then empty. */
int	 table_read(struct table *t, const char *path) MUST_CHECK;
void	 table_row_release(struct table_row *row);	/* NULL members are fine */
void	 table_release(struct table *t);

#endif

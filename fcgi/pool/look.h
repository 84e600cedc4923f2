/*
 * look.h: what the master asks its program, once, before it starts the first process: `PROGRAM serve --look` checks tables, settings
 * and database, so that a bad one is one clear line and not a row of dying processes, and says what the pool needs.
 */
#ifndef POOL_LOOK_H
#define POOL_LOOK_H

#include <sys/types.h>

#include "base/log.h"

struct look {
	size_t processes;     /* POOL_PROCESSES */
	enum log_level level; /* LOG_LEVEL */
	char level_file[256]; /* LOG_LEVEL_FILE, "" = none */
};

/* name becomes the program's argv[0]. 0; else the status that the program ended with, after it said why. */
int look(const char *program, char *name, struct look *ret);

/* Between fork and exec: only async-signal-safe calls. The process dies with its master. */
void become(const char *program, char *const argv[], pid_t master) NORETURN;

#endif

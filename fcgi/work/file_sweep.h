/*
 * file_sweep.h: the worker's part of files (net/file_store.h).
 *
 *	jobs:   { FILE_SWEEP, file_sweep_job, .says = "removes files whose time is over" }
 *	timers: { FILE_SWEEP, "FILE_SWEEP", FILE_SWEEP, "files whose time is over" }
 */
#ifndef WORK_FILE_SWEEP_H
#define WORK_FILE_SWEEP_H

#include "work/worker.h"

#define FILE_SWEEP "files.sweep"

/* Files whose time is over go, object first; then objects of the last week that no row names. */
int file_sweep_job(struct job *j, struct problem *err);

#endif

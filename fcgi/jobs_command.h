/*
 * jobs_command.h: telerx-<service> jobs [list [STATE]] | show ID | retry ID | replay KIND | workers: the queue on a terminal.
 * What it changes it does as system:operator, with an audit row. workers prints the processes that work, and before them which rows the
 * service looks through by itself, and how often.
 */
#ifndef JOBS_COMMAND_H
#define JOBS_COMMAND_H

#include "service.h"

#define JOBS_USAGE "[list [STATE] | show ID | retry ID | replay KIND | workers]"

/* 1: the words make no sense. */
int jobs_command(struct db *db, const struct scope *scope, const struct service *service, const struct conf *conf, int argc, char **argv,
    struct problem *err) MUST_CHECK;

#endif

/*
 * service_private.h: what the files of service_main share; nobody else includes it.
 */
#ifndef SERVICE_PRIVATE_H
#define SERVICE_PRIVATE_H

#include "crypto/keyring.h"
#include "service.h"

#define EXIT_USAGE  64
#define EXIT_CONFIG 78

struct call {
	const struct service *service;
	const struct conf *conf;
	int argc; /* what follows the sub-command */
	char **argv;
};

/* ---- service.c: a job_find_fn over the service's table. */
bool call_job_place(const void *service, const char *kind, const char **queue, int *attempts);

/* ---- service_keys.c */
int call_needs(const struct conf *conf, const char *key, struct problem *err) MUST_CHECK; /* 500 bad_config when it is not set */
int call_refuse(const struct problem *err);                                               /* logs; EXIT_CONFIG */
/* A connection with the service's keyring; NULL. The caller closes both, also after a failure. */
struct db *call_database(const struct call *c, struct keyring **ret_keyring, struct problem *err) MUST_CHECK;
int cmd_key(const struct call *c);
int cmd_keys(const struct call *c);

#endif

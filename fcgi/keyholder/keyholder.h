/*
 * keyholder.h: the process that has the keys (rule E8), and what its files show to each other.
 *
 * telerx-keyholder serve	answers on KEYHOLDER_SOCKET (0660) until SIGTERM; SIGHUP: key files and trail are opened anew
 * telerx-keyholder new SERVICE	a new key file
 * telerx-keyholder new-intake SERVICE	a first key pair for envelopes
 * telerx-keyholder status [SERVICE]
 * telerx-keyholder add-kek | add-index | add-mac | add-intake SERVICE
 * telerx-keyholder drop-kek | drop-index SERVICE VERSION
 *
 * It stands on base and crypto alone: no database, no network. One thread answers one question after the other; none waits for
 * anything but the trail's write. Who may ask is decided by the uid that the kernel vouches for (SO_PEERCRED): KEYHOLDER_CLIENTS lists
 * users and the services whose keys they may use. Services that run as one user are not told apart: give them users of their own
 * where that matters. Administrators are root and the keyholder's own user.
 *
 *	keyholder.c	settings, sub-commands
 *	serve.c		the socket and its clients
 *	answer.c	a question and its answer
 *	clients.c	who may ask, and how often
 *	trail.c		the line per question
 */
#ifndef KEYHOLDER_H
#define KEYHOLDER_H

#include "base/config.h"
#include "crypto/key_wire.h"
#include "crypto/keyring_file.h"

#define SERVICE_MOST 64 /* of a service's name */

struct client {
	int fd;
	pid_t pid;
	uid_t uid;
	char service[SERVICE_MOST]; /* "" before KEY_HELLO */
	struct client *next, **link; /* of all clients */
};

/* ---- serve.c: returns the exit status. */
int serve(const struct conf *conf);

/* ---- answer.c: turns the question into its answer. Rings are read when first asked for; rings_forget closes them. */
void answer(const struct conf *conf, struct client *c, struct key_message *m);
void rings_forget(void);

/* ---- clients.c */
int clients_read(const struct conf *conf, struct problem *err) MUST_CHECK; /* KEYHOLDER_CLIENTS */
bool client_may(const struct client *c, const char *service);
bool client_is_admin(const struct client *c);
/* One more key for this process; false: it had KEYHOLDER_RATE of them within a minute. *alarm: this is the first time it is told. */
bool client_takes(pid_t pid, int64_t rate, bool *alarm);

/* ---- trail.c: an append-only file of JSON lines, ids only. A line that cannot be written fails its question. */
int trail_open(const char *path, struct problem *err) MUST_CHECK; /* again: the same file by its name */
int trail_add(const struct client *c, const char *op, int64_t id, int number, const char *outcome) MUST_CHECK;

#endif

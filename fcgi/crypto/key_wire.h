/*
 * key_wire.h: what a process and the keyholder say to each other: one struct key_message a packet, on a SOCK_SEQPACKET unix socket of
 * this machine. The first question of a connection is KEY_HELLO.
 *
 *	question	id	number	data		answer: number, data
 *	KEY_HELLO			service		newest kek, id: how many index keys; struct master_key[] of
 *							the indexes, then of the macs
 *	KEY_WRAP	dek		32 bytes	kek; wrapped
 *	KEY_UNWRAP	dek	kek	wrapped		-; 32 bytes
 *	KEY_REWRAP	dek	kek	wrapped		newest kek; wrapped
 *	KEY_AGREE			protected header	-; 32 bytes
 *	KEY_PUBLIC					-; JWKS
 * and of administrators, after KEY_HELLO for the service:
 *	KEY_ADD		list	newest or 0		version; newest: what the asker knows of, nothing happens when there is a newer one
 *	KEY_DROP	list	version
 *	KEY_ENVELOPE		overlap_s
 *	KEY_DESCRIBE					-; lines of keyring_describe, and of the counts
 *
 * A new index or mac key ends the connections of all others who use the service's keys: they greet again and learn it.
 * A refusal has status (an HTTP status) and data "code\0detail"; audit as in struct problem.
 */
#ifndef CRYPTO_KEY_WIRE_H
#define CRYPTO_KEY_WIRE_H

#include "base/problem.h"

#define KEY_WIRE     2
#define KEY_DATA_MAX 6144

enum key_op {
	KEY_HELLO = 1,
	KEY_WRAP,
	KEY_UNWRAP,
	KEY_REWRAP,
	KEY_AGREE,
	KEY_PUBLIC,
	KEY_ADD,
	KEY_DROP,
	KEY_ENVELOPE,
	KEY_DESCRIBE,
	KEY_OPS_END
};

struct key_message {
	uint8_t wire; /* KEY_WIRE */
	uint8_t op;
	uint8_t audit;
	uint8_t fatal; /* of a refusal: FAULT_PERMANENT */
	int32_t status; /* 0: done */
	int32_t number;
	uint32_t n; /* of data */
	int64_t id;
	uint8_t data[KEY_DATA_MAX];
};

#define KEY_HEAD offsetof(struct key_message, data)

/* A new connection; -1. */
int key_connect(const char *socket);
/* Sends the question and reads its answer into the same message; -1 when the connection is of no use any more. */
int key_ask(int fd, struct key_message *m) MUST_CHECK;
/* The refusal in an answer as a problem; 0 when it is none. */
int key_refusal(const struct key_message *m, struct problem *err);
bool key_put(struct key_message *m, const void *p, size_t n); /* the data; false: too long */

#endif

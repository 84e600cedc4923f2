/*
 * proxy.h: telerx-fault-proxy, which stands between a client and a server on stream sockets and does to their bytes what networks do (rule F2).
 *
 *	telerx-fault-proxy CONTROL LISTEN TO
 *
 * CONTROL is the path of a unix socket that it makes; LISTEN and TO are unix:PATH or ADDRESS:PORT (port 0: any). When it is ready it prints
 * `ready LISTEN` on standard output. It ends with SIGTERM and removes what it made.
 *
 * On the control socket a line is a command and has a line of answer, `ok ...` or `error ...`:
 *
 *	set DIRECTION MODE [ARGUMENT ...]	DIRECTION: client or server, where the bytes come from; both
 *	drop					closes every connection that there is
 *	stats					ok open N accepted N fired N client BYTES server BYTES
 *
 *	pass				as they come
 *	delay MS			what comes together waits so long first
 *	slow N				N bytes a second
 *	silence				read and thrown away: a peer that is half open
 *	reset				the next bytes end their connection, by RST on TCP; the bytes are lost
 *	cut N				after N more bytes of a connection it is closed on both sides
 *	duplicate			whatever comes in one piece goes twice
 *	cut-messages N			PostgreSQL: closed after N more messages of a connection
 *	cut-before TAG N		PostgreSQL: of all connections together each N-th message that is about TAG is not delivered, and its
 *					connection closed. From the server: CommandComplete with this tag. From the client: Bind of the
 *					statement whose text is TAG (COMMIT, or one prepared since), so that the server never hears of it
 *
 * A mode holds for all connections, also later ones, until another is set; setting one starts its counts again. fired counts the connections that reset,
 * cut, cut-messages and cut-before have ended since the start.
 */
#ifndef T_FAULTS_PROXY_H
#define T_FAULTS_PROXY_H

#include "core.h"

#define CHANNEL_SIZE   (128 * 1024)
#define TAG_SIZE       32
#define STATEMENT_SIZE 24
#define STATEMENTS     4 /* statements of one text that a connection may know under different names */

enum mode { PASS, DELAY, SLOW, SILENCE, RESET, CUT, DUPLICATE, CUT_MESSAGES, CUT_BEFORE };

struct rule {
	enum mode mode;
	int64_t n;
	char tag[TAG_SIZE];
	unsigned generation; /* grows with each set: a channel that sees another one starts its counts again */
	uint64_t seen;       /* CUT_BEFORE: messages about tag so far, over all connections */
};

/* Where a channel is in the PostgreSQL protocol. */
struct wire {
	bool off;      /* TLS, or not PostgreSQL at all: no more messages are seen */
	bool begun;    /* the start-up packet, which has no type, is over */
	bool one_byte; /* the server's answer to an SSLRequest */
	size_t body;   /* bytes of the current message that have not passed */
	bool counted;  /* the current message counts when it is over */
	char statements[STATEMENTS][STATEMENT_SIZE];
	unsigned nstatements;
};

/* One direction of a connection: bytes that were read from `from` and wait to be written to `to`. */
struct channel {
	int from, to;
	uint8_t data[CHANNEL_SIZE];
	size_t n;
	size_t free; /* of those, how many may go */
	int64_t not_before;
	bool ended;  /* from said so */
	bool passed; /* to has been told */
	unsigned generation;
	uint64_t count; /* bytes or messages under the current rule */
	struct wire wire;
};

enum verdict { GOES_ON, ENDS, ENDS_HARD };

/* wire.c: how many of the n bytes at p, where a message of the current state begins, may pass; *ret_end: the connection ends behind them. Fewer than n
 * without an end: more bytes are needed to tell. from_server tells the direction; other is the opposite channel's state. */
size_t wire_pass(
    struct channel *c, struct wire *other, struct rule *r, bool from_server, const uint8_t *p, size_t n, bool *ret_end);

/* channel.c */
enum verdict channel_read(struct channel *c, struct wire *other, struct rule *r, bool from_server, uint64_t *bytes);
enum verdict channel_write(struct channel *c, struct rule *r, int64_t now);
bool channel_wants_read(const struct channel *c);
/* Milliseconds until it wants to write: 0 now, -1 never. */
int channel_waits(const struct channel *c, int64_t now);

#endif

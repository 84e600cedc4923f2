/*
 * stream.h: an answer that does not end: server-sent events for consoles. A route's row names a .stream and stream_open as its
 * handler; access is checked like any other row's. Once the head is sent the connection leaves the pool's threads: one thread of
 * each process holds all of them, looks at the source twice a second while there is anybody to tell, and writes what each has not
 * had. A client that reads slower than we write is fed no further until it has read; one that reads nothing for a minute is let go.
 * Last-Event-ID resumes behind that message, without it a stream begins with what comes next. A comment every 15 s keeps it open.
 */
#ifndef WEB_STREAM_H
#define WEB_STREAM_H

#include "base/problem.h"

struct req;
struct serve_context;

/* Where the messages come from. Positions are given to what was committed, one giver at a time and in order, since ids handed out
 * before a commit overtake each other (rule O2). */
struct stream {
	const char *settle; /* SQL: gives positions to at most $1 rows that have none; its row count is how many */
	const char *read;   /* SQL: (position, event, data) behind $1, in order, at most $2; data is one line */
	const char *end;    /* SQL: (position), the last one given */
};

int stream_open(struct req *r, struct problem *err); /* the handler of such a row */

#endif

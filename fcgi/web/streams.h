/* streams.h: what loop.c hands to stream.c; nobody else includes it. */
#ifndef WEB_STREAMS_H
#define WEB_STREAMS_H

#include "web/stream.h"
#include "web/web_private.h"

struct streams;

/* Outlives the streams. gone: a connection was closed, or went back; back: its answer ended and the connection is free again. */
struct streams_setup {
	const struct conf *conf;
	const struct keyring *keyring;
	void *pool;
	void (*gone)(void *pool);
	void (*back)(void *pool, int fd);
};

struct streams *streams_new(const struct streams_setup *setup);
bool streams_room(struct streams *s); /* takes a place, which streams_take fills; false: as many as there may be, or the end */
/* The connection is the streams' now: head sent, nothing of it read. from: position, or -1 for what comes next. */
void streams_take(struct streams *s, int fd, unsigned request_id, const struct stream *source, int64_t from);
void streams_end(struct streams *s); /* ends every answer; nobody is taken any more */
void streams_free(struct streams *s);

#endif

/*
 * file_store_private.h: what a place for files does; nobody outside of file_*.c includes it. An object is a path of plain
 * characters, "service/tenant/day/id". All of them are 503 files_unavailable when the place cannot be used.
 */
#ifndef NET_FILE_STORE_PRIVATE_H
#define NET_FILE_STORE_PRIVATE_H

#include "net/file_store.h"

struct file_place {
	struct http *http;
	struct arena *arena;
	const struct conf *conf;
};

/* Objects found so far. */
struct file_names {
	const char **name;
	size_t n, room;
};
void file_names_add(struct arena *a, struct file_names *l, const char *name);

struct file_backend {
	int (*put)(const struct file_place *p, const char *object, struct bytes sealed, struct problem *err);
	int (*get)(const struct file_place *p, const char *object, struct bytes *ret, struct problem *err); /* 404 file_not_found */
	int (*drop)(const struct file_place *p, const char *object, struct problem *err);
	/* folder: "service/tenant/day"; those older than age_s. */
	int (*list)(const struct file_place *p, const char *folder, int64_t age_s, struct file_names *ret, struct problem *err);
};

extern const struct file_backend file_local, file_s3;

#endif

/*
 * file_store.h: sealed files: pictures and documents that are too large for a row, in a local directory or behind any S3-compatible
 * API (rows P-ENR-08, G-DATA-05, P-HIPAA-01).
 *
 * Bytes are sealed before they leave the process, under a random key of the file's own and bound to file and tenant; that key is
 * sealed under its patient's data key (data/vault.h) in the file's row of table file_assets. So a rotation or an erasure of a
 * patient's keys moves rows only, and what is in the store is of no use to who has the store alone.
 *
 *	.ask:		file_put(...)			no transaction: directory or network
 *	.handle:	file_record(...)		the row, in the transaction that wants the file
 *
 * A process that dies between the two leaves an object without a row; the job file_sweep_job (work/file_sweep.h) removes it, and
 * files whose time is over. Reading is file_find and file_get in .ask, file_open in .handle.
 *
 * Errors: 404 file_not_found; 503 files_unavailable (the directory or the store cannot be written or read; RETRY); 500 file_damaged
 * (.audit: the bytes are not those that were stored); 410 erased (vault.h).
 */
#ifndef NET_FILE_STORE_H
#define NET_FILE_STORE_H

#include "base/config.h"
#include "data/db.h"
#include "net/http.h"

/* Rows of a service's .config: where its files are. */
#define FILE_STORE_CONF \
	{ "FILES_DIR", CONF_STR, .dflt = "files", .says = "directory of the sealed files; unused while FILES_S3_URL is set" }, \
	{ "FILES_S3_URL", CONF_STR, .says = "an S3-compatible API, e.g. https://s3.us-east-1.amazonaws.com; unset: FILES_DIR" }, \
	{ "FILES_S3_BUCKET", CONF_STR, .says = "its bucket" }, \
	{ "FILES_S3_REGION", CONF_STR, .dflt = "us-east-1", .says = "its region" }, \
	{ "FILES_S3_ACCESS_KEY", CONF_STR, .says = "access key id" }, \
	{ "FILES_S3_SECRET_KEY", CONF_STR, .secret = true, .says = "secret access key" }, \
	{ "FILE_SWEEP", CONF_SECS, .dflt = "10m", .says = "how often files whose time is over are removed" }, \
	{ "FILES_ORPHAN_AGE", CONF_SECS, .dflt = "1h", .says = "an object without a row is removed when it is older" }

#define FILE_OBJECT_MAX 200

struct file {
	/* the caller's */
	struct uuid subject;    /* the patient whose key seals */
	struct uuid belongs_to; /* the row of the service that it is part of */
	const char *kind;       /* insurance_card_front */
	const char *media;      /* image/png */
	int width, height;      /* of pictures, in pixels; 0 = none */
	int64_t keep_s;         /* goes after so many seconds unless file_keep; 0 = stays */
	/* the store's */
	struct uuid id;
	const char *object;
	size_t size; /* of the plain bytes */
	uint8_t key[32];
	uint8_t digest[32]; /* SHA-256 of what is in the store */
	struct bytes key_enc;
};

/* service: whose files. Seals and stores; f's second half follows. The bytes are on the disk, or acknowledged, when it returns. */
int file_put(struct http *h, struct arena *a, const struct conf *conf, const char *service, struct uuid tenant, struct bytes plain,
    struct file *f, struct problem *err) MUST_CHECK;
int file_record(struct db *db, struct file *f, struct problem *err) MUST_CHECK;
int file_find(struct db *db, struct uuid id, struct file *ret, struct problem *err) MUST_CHECK;
/* What the store has, sealed. */
int file_get(struct http *h, struct arena *a, const struct conf *conf, const struct file *f, struct bytes *ret,
    struct problem *err) MUST_CHECK;
int file_open(struct db *db, const struct file *f, struct bytes sealed, struct bytes *ret, struct problem *err) MUST_CHECK;
/* From now on it stays, or its time is over; false in *did (may be NULL): there is no such file, or its time was over. */
int file_keep(struct db *db, struct uuid id, bool *did, struct problem *err) MUST_CHECK;
int file_let_go(struct db *db, struct uuid id, struct problem *err) MUST_CHECK;

/* ---- for the sweep. An object that is not there is dropped already. */
int file_drop(struct http *h, struct arena *a, const struct conf *conf, const char *object, struct problem *err) MUST_CHECK;
/* Objects of one service, tenant and day (YYYYMMDD, UTC) that are older than age_s, ended by NULL. */
const char *const *file_list(struct http *h, struct arena *a, const struct conf *conf, const char *service, struct uuid tenant,
    const char *day, int64_t age_s, struct problem *err) MUST_CHECK;
/* The first eight digits of a time as text: the day that objects are filed under. */
const char *file_day(struct arena *a, int64_t us);

#endif

/*
 * trail.c: telerx-trail URL KEYHOLDER SERVICE ROWS: writes that many audit rows as the service itself writes them, with their macs, so that
 * verifying them can be measured.
 */
#include "core.h"

#include <pthread.h>

#include "base/log.h"
#include "crypto/keyring.h"
#include "data/audit.h"

#define WRITERS 4
#define PIECE   200 /* rows of a transaction */

struct writer {
	const char *url;
	const struct keyring *keyring;
	int64_t rows;
	pthread_t thread;
};

static void
write_piece(struct db *db, const struct scope *scope, int64_t n)
{
	char id[UUID_TEXT];
	const struct audit_entry e = { .action = "assignment.claim", .object = "prescription_assignments", .object_id = uuid_text(uuid_new(), id) };
	struct problem err = { 0 };

	if (db_begin(db, WRITE, scope, &err) < 0)
		die("%s: %s", err.code, err.detail);
	for (; n > 0; n--)
		if (audit_add(db, &e, &err) < 0)
			die("%s: %s", err.code, err.detail);
	if (db_commit(db, &err) < 0)
		die("%s: %s", err.code, err.detail);
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct scope scope = { .actor = "service:portal", .on_behalf = "physician:00000000-0000-7000-8000-0000000000a2",
		.request_id = "0123456789abcdef0123456789abcdef", .source = "127.0.0.1" };
	struct problem err = { 0 };
	struct db *db = db_open(w->url, DB_WORKER, "telerx-trail", &err);

	if (db == NULL)
		die("%s: %s", err.code, err.detail);
	db_keyring(db, w->keyring);
	for (int64_t left = w->rows; left > 0; left -= PIECE)
		write_piece(db, &scope, left < PIECE ? left : PIECE);
	db_close(db);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct writer writers[WRITERS];
	struct problem err = { 0 };
	struct keyring *keyring;

	log_open("trail", LOG_WARN);
	if (argc != 5)
		die("usage: telerx-trail URL KEYHOLDER SERVICE ROWS");
	keyring = keyring_open(argv[2], argv[3], &err);
	if (keyring == NULL)
		die("%s: %s", err.code, err.detail);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .url = argv[1], .keyring = keyring, .rows = strtoll(argv[4], NULL, 10) / WRITERS };
		if (pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]) != 0)
			die("a thread could not be started");
	}
	for (int i = 0; i < WRITERS; i++)
		(void)pthread_join(writers[i].thread, NULL);
	keyring_free(keyring);
	return 0;
}

/*
 * hand.c: what one thread of a worker owns: connection, arenas, http handle.
 */
#include "work/work.h"

#include "base/log.h"

int
hand_open(struct hand *h, struct problem *err)
{
	struct work *w = h->work;

	h->arena = arena_new(0);
	h->claims = arena_new(0);
	h->scope = work_scope(w->conf);
	while ((h->db = db_open(conf_str(w->conf, "DATABASE_URL"), DB_WORKER, w->service->name, err)) == NULL) {
		if (atomic_load(&w->stopping))
			return -1;
		if (err->status != 503) { /* not "not yet": wrong settings, wrong credentials */
			log_line(LOG_ERROR, "worker.unusable_database", "code", err->code, "detail", err->detail, NULL);
			work_fail(w);
			return -1;
		}
		log_line(LOG_WARN, "worker.waits_for_database", "code", err->code, NULL);
		(void)work_wait(h, UINT64_MAX, POLL_MS);
		problem_clear(err);
	}
	db_arena(h->db, h->arena);
	db_keyring(h->db, w->keyring);
	h->http = http_new(h->db, conf_str(w->conf, "VENDOR_CA_FILE"));
	return 0;
}

void
hand_close(struct hand *h)
{
	http_free(h->http);
	db_close(h->db);
	arena_free(h->arena);
	arena_free(h->claims);
	h->http = NULL;
	h->db = NULL;
	h->arena = NULL;
	h->claims = NULL;
}

void
hand_trouble(struct hand *h, const char *what, const struct problem *err)
{
	db_rollback(h->db);
	log_line(LOG_WARN, what, "code", err->code, "detail", err->detail, NULL);
	(void)work_wait(h, UINT64_MAX, POLL_MS);
}

/* A claim is a writing transaction, so whoever is idle and was not called by name looks first: a worker with nothing to do writes
 * nothing. */
void *
hand_loop(struct hand *h, hand_fn *due, hand_fn *one, const char *trouble)
{
	struct problem err = { 0 };
	bool idle = false, called = false;

	if (hand_open(h, &err) < 0)
		return NULL;
	while (!atomic_load(&h->work->stopping)) {
		uint64_t seen = work_hints(h->work);
		int n = idle && !called ? due(h, &err) : 1;

		called = false;
		if (n > 0)
			n = one(h, &err);
		idle = n == 0;
		if (n < 0)
			hand_trouble(h, trouble, &err);
		else if (idle)
			called = work_wait(h, seen, POLL_MS);
		problem_clear(&err);
		arena_reset(h->arena);
	}
	if (take_ends(h, &err) < 0) /* else they are handed back, and have nothing to do twice */
		db_rollback(h->db);
	hand_close(h);
	return NULL;
}

/*
 * audit_verify.c: see audit_verify.h.
 *
 * A range is a run of whole seals. Its rows are read in the log's order, (xid, id), its leaves by number: in an honest log the two lists
 * are the same length and agree place by place. Where they part, it is looked up what became of the row.
 */
#include "core.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "data/audit_log.h"
#include "data/audit_verify.h"

#define SEALS_BATCH   2000
#define RANGE_ROWS    8192
#define THREADS_MAX   16
#define INCOMPLETE_US (30 * US_PER_S)
#define RECORD_MAX    ((size_t)4 * 1024 * 1024)
#define RESULT_MAX    ((size_t)512 * 1024 * 1024)

static const char seals_sql[] = "SELECT " SEAL_COLUMNS " FROM audit_seal WHERE n >= $1 ORDER BY n LIMIT $2";
static const char rows_sql[] =
    "SELECT " AUDIT_RECORD " FROM audit WHERE xid >= $1::text::xid8 AND xid <= $3::text::xid8"
    " AND (xid, id) > ($1::text::xid8, $2::uuid) AND (xid, id) <= ($3::text::xid8, $4::uuid) ORDER BY xid, id";
static const char leaves_sql[] = "SELECT leaf_no, audit_id, hash FROM audit_leaf WHERE leaf_no BETWEEN $1 AND $2 ORDER BY leaf_no";
static const char row_sql[] = "SELECT xid::text AS xid FROM audit WHERE id = $1::uuid";
static const char leaf_of_sql[] = "SELECT leaf_no FROM audit_leaf WHERE audit_id = $1::uuid AND leaf_no BETWEEN $2 AND $3";
static const char beyond_sql[] = "SELECT min(leaf_no) AS leaf FROM audit_leaf WHERE (leaf_no > $1 AND leaf_no >"
				 " (SELECT coalesce(max(hi), 0) FROM audit_seal)) OR leaf_no < 1";
static const char tail_sql[] = "SELECT " AUDIT_RECORD " FROM audit WHERE xid >= $1::text::xid8"
			       " AND (xid, id) > ($1::text::xid8, $2::uuid) ORDER BY xid, id LIMIT 100000";
static const char plans_sql[] = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";

static const struct scope verifier_scope = { .actor = "system:verifier" };

/* Seals first to last of a batch and where their rows begin. */
struct range {
	size_t first, last;
	uint64_t xid;
	struct uuid after;
};

/* A seal that was seen outside of the database. */
struct audit_anchor {
	int64_t n;
	uint8_t digest[32];
};

struct run {
	const struct audit_check *check;
	char log[64];
	struct audit_report *report;
	struct audit_seal *seals; /* of this batch */
	size_t nseals;
	struct range *ranges;
	size_t nranges;
	atomic_size_t next;
	pthread_mutex_t lock;
	int64_t bad_leaf; /* of the fault found, so that the first one is told */
	struct audit_anchor *anchors; /* by n */
	size_t nanchors;
	size_t anchor; /* the next one to meet */
};

struct hand {
	struct run *run;
	struct db *db;
	struct arena *arena;
	struct buf work;
	pthread_t thread;
};

/* ---- faults */

static void PRINTF_LIKE(4, 5)
fault(struct run *r, enum audit_verdict verdict, int64_t leaf, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&r->lock);
	if (r->report->verdict == AUDIT_OK || leaf < r->bad_leaf) {
		r->report->verdict = verdict;
		r->bad_leaf = leaf;
		va_start(ap, fmt);
		(void)vsnprintf(r->report->says, sizeof(r->report->says), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&r->lock);
}

static void
unreadable(struct run *r, const struct problem *err)
{
	fault(r, AUDIT_UNREADABLE, INT64_MAX, "cannot be read: %s: %s", err->code, err->detail);
}

/* ---- rows against leaves, leaves against roots */

static struct param
P_XID(uint64_t xid)
{
	struct param p = { .text = NULL };

	(void)snprintf(p.own, sizeof(p.own), "%" PRIu64, xid);
	return p;
}

static int
begin(struct hand *h, struct problem *err)
{
	return db_begin(h->db, READ, &verifier_scope, err) < 0 || db_exec(h->db, plans_sql, err) < 0 ? -1 : 0;
}

static struct uuid
leaf_row(const PGresult *leaves, int i)
{
	struct uuid id = UUID_NIL;

	if (PQgetlength(leaves, i, 1) == 16)
		memcpy(id.b, PQgetvalue(leaves, i, 1), 16);
	return id;
}

/* Leaf no (its place) and the row found there part. */
static int
parted(struct hand *h, int64_t no, const PGresult *leaves, int i, const struct audit_record *r, struct problem *err)
{
	struct run *run = h->run;
	char wanted[UUID_TEXT], found[UUID_TEXT];
	struct uuid want = leaf_row(leaves, i);
	const struct row *row, *leaf = NULL;

	uuid_text(want, wanted);
	if (db_one(h->db, &row, row_sql, err, P_UUID(want)) < 0)
		return -1;
	if (r != NULL) {
		const struct audit_seal *s = run->seals;

		uuid_text(audit_record_id(r), found);
		if (db_one(h->db, &leaf, leaf_of_sql, err, P_UUID(audit_record_id(r)), P_INT(s[0].lo), P_INT(s[run->nseals - 1].hi)) < 0)
			return -1;
	}
	if (row == NULL && r != NULL && leaf == NULL)
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s is gone, and row %s stands in its place", no, wanted, found);
	else if (row == NULL)
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s was deleted", no, wanted);
	else if (r != NULL && leaf == NULL)
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s was inserted behind the seal", no, found);
	else
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s is out of its place", no, wanted);
	return 0;
}

/* False: it was told what is wrong with it. Without keys nothing is. */
static bool
check_mac(struct run *run, int64_t no, const struct audit_record *r, struct buf *work)
{
	char id[UUID_TEXT], key_id[32];
	struct bytes k = r->f[A_KEY_ID];
	uint8_t key[32];
	bool known, holds;

	if (run->check->keyring == NULL)
		return true;
	(void)snprintf(key_id, sizeof(key_id), "%.*s", (int)k.n, k.p != NULL ? (const char *)k.p : "");
	known = audit_mac_key(run->check->keyring, key_id, run->log, key) == 0;
	holds = known && audit_mac_holds(r, key, work);
	explicit_bzero(key, sizeof(key));
	if (!known)
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s bears no mac of a known key", no,
		    uuid_text(audit_record_id(r), id));
	else if (!holds)
		fault(run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": the mac of row %s does not hold", no,
		    uuid_text(audit_record_id(r), id));
	return holds;
}

/* Each row against its leaf. 1: they part somewhere, and it was said where. */
static int
check_rows(struct hand *h, const PGresult *rows, const PGresult *leaves, int64_t lo, int64_t count, struct problem *err)
{
	struct audit_record r;
	uint8_t hash[MERKLE_HASH];
	char id[UUID_TEXT];

	for (int i = 0; i < count; i++) {
		int64_t no = lo + i;

		if (i >= PQntuples(leaves) || (int64_t)be64toh(*(const uint64_t *)(const void *)PQgetvalue(leaves, i, 0)) != no) {
			fault(h->run, AUDIT_TAMPERED, no, "leaf %" PRId64 " is gone", no);
			return 1;
		}
		if (i < PQntuples(rows))
			audit_record(rows, i, &r);
		if (i >= PQntuples(rows) || !uuid_equal(audit_record_id(&r), leaf_row(leaves, i)))
			return parted(h, no, leaves, i, i < PQntuples(rows) ? &r : NULL, err) < 0 ? -1 : 1;
		audit_leaf(&r, &h->work, hash);
		if (PQgetlength(leaves, i, 2) != MERKLE_HASH || memcmp(hash, PQgetvalue(leaves, i, 2), MERKLE_HASH) != 0) {
			fault(h->run, AUDIT_TAMPERED, no, "leaf %" PRId64 ": row %s was changed", no, uuid_text(audit_record_id(&r), id));
			return 1;
		}
		if (!check_mac(h->run, no, &r, &h->work))
			return 1;
	}
	if (PQntuples(rows) > count) {
		audit_record(rows, (int)count, &r);
		fault(h->run, AUDIT_TAMPERED, lo + count, "behind leaf %" PRId64 ": row %s was inserted behind the seal", lo + count - 1,
		    uuid_text(audit_record_id(&r), id));
	}
	return 0;
}

static void
check_roots(struct hand *h, const struct range *g, const PGresult *leaves)
{
	const struct audit_seal *seals = h->run->seals;
	int at = 0;

	for (size_t k = g->first; k <= g->last; k++) {
		size_t n = (size_t)(seals[k].hi - seals[k].lo + 1);
		uint8_t *hashes = arena_alloc(h->arena, n * MERKLE_HASH), root[MERKLE_HASH];

		for (size_t i = 0; i < n; i++)
			memcpy(hashes + i * MERKLE_HASH, PQgetvalue(leaves, at + (int)i, 2), MERKLE_HASH);
		merkle_root(hashes, n, root);
		if (memcmp(root, seals[k].root, MERKLE_HASH) != 0)
			fault(h->run, AUDIT_TAMPERED, seals[k].lo,
			    "leaf %" PRId64 " or one up to %" PRId64 " is not what seal %" PRId64 " was made over", seals[k].lo,
			    seals[k].hi, seals[k].n);
		at += (int)n;
	}
}

static int
check_range(struct hand *h, const struct range *g, struct problem *err)
{
	const struct audit_seal *first = &h->run->seals[g->first], *last = &h->run->seals[g->last];
	struct param place[] = { P_XID(g->xid), P_UUID(g->after), P_XID(last->xid), P_UUID(last->last) };
	struct param numbers[] = { P_INT(first->lo), P_INT(last->hi) };
	int64_t count = last->hi - first->lo + 1;
	PGresult *rows = NULL, *leaves = NULL;
	int rc = -1;

	if (begin(h, err) == 0 && db_run_binary(h->db, &leaves, leaves_sql, numbers, COUNT(numbers), err) == 0 &&
	    db_run_binary(h->db, &rows, rows_sql, place, COUNT(place), err) == 0)
		rc = check_rows(h, rows, leaves, first->lo, count, err);
	if (rc == 0)
		check_roots(h, g, leaves);
	PQclear(rows);
	PQclear(leaves);
	if (rc < 0) {
		db_rollback(h->db);
		return -1;
	}
	pthread_mutex_lock(&h->run->lock);
	h->run->report->rows += count;
	pthread_mutex_unlock(&h->run->lock);
	return db_commit(h->db, err);
}

static void *
hand_main(void *arg)
{
	struct hand *h = arg;
	struct run *run = h->run;
	struct problem err = { 0 };
	size_t i;

	while ((i = atomic_fetch_add(&run->next, 1)) < run->nranges) {
		if (check_range(h, &run->ranges[i], &err) < 0) {
			unreadable(run, &err);
			return NULL;
		}
		arena_reset(h->arena);
	}
	return NULL;
}

/* ---- seals */

static void
check_seal(struct run *run, const struct audit_seal *before, const struct audit_seal *s)
{
	const struct audit_check *c = run->check;
	char text[SEAL_TEXT];
	size_t n = seal_text(run->log, s, text);

	if (s->n != before->n + 1)
		fault(run, AUDIT_TAMPERED, before->hi + 1, "seal %" PRId64 " is gone", before->n + 1);
	else if (!verify_knows(c->keys, s->key_id))
		fault(run, AUDIT_TAMPERED, s->lo, "seal %" PRId64 " is signed by the unknown key %s", s->n, s->key_id);
	else if (!verify_bytes(c->keys, s->key_id, BYTES(text, n), s->signature))
		fault(run, AUDIT_TAMPERED, s->lo, "the signature of seal %" PRId64 " (leaves %" PRId64 " to %" PRId64 ") does not hold", s->n,
		    s->lo, s->hi);
	else if (s->lo != before->hi + 1 || memcmp(s->prev, before->digest, sizeof(s->prev)) != 0)
		fault(run, AUDIT_TAMPERED, s->lo, "seal %" PRId64 " does not follow seal %" PRId64, s->n, before->n);
	while (run->anchor < run->nanchors && run->anchors[run->anchor].n <= s->n) {
		const struct audit_anchor *a = &run->anchors[run->anchor++];

		if (a->n == s->n && memcmp(a->digest, s->digest, sizeof(s->digest)) != 0)
			fault(run, AUDIT_TAMPERED, s->lo, "leaf %" PRId64 ": seal %" PRId64 " is another one than the anchor's: the log was replaced",
			    s->lo, s->n);
	}
}

/* Whole seals, up to RANGE_ROWS rows. */
static void
cut_ranges(struct run *run, const struct audit_seal *before)
{
	int64_t rows = 0;

	run->nranges = 0;
	for (size_t i = 0; i < run->nseals; i++) {
		const struct audit_seal *s = &run->seals[i], *b = i == 0 ? before : &run->seals[i - 1];
		int64_t n = s->hi - s->lo + 1;

		if (run->nranges == 0 || rows + n > RANGE_ROWS) {
			run->ranges[run->nranges++] = (struct range){ .first = i, .last = i, .xid = b->xid, .after = b->last };
			rows = 0;
		}
		run->ranges[run->nranges - 1].last = i;
		rows += n;
	}
}

/* The seals from *before on, checked as a chain; 0 in run->nseals: there are no more. */
static int
read_seals(struct run *run, struct db *db, const struct audit_seal *before, struct problem *err)
{
	struct rows *rows;

	run->nseals = 0;
	if (db_begin(db, READ, &verifier_scope, err) < 0)
		return -1;
	if (db_all(db, &rows, seals_sql, err, P_INT(before->n + 1), P_INT(SEALS_BATCH)) < 0) {
		db_rollback(db);
		return -1;
	}
	for (size_t i = 0; i < rows_count(rows) && run->report->verdict == AUDIT_OK; i++) {
		struct audit_seal *s = &run->seals[i];

		if (seal_from_row(rows_at(rows, i), s, err) < 0) {
			fault(run, AUDIT_TAMPERED, before->hi + 1, "%s", err->detail);
			problem_clear(err);
			break;
		}
		seal_digest(run->log, s, s->digest);
		check_seal(run, i == 0 ? before : &run->seals[i - 1], s);
		if (run->report->verdict == AUDIT_OK)
			run->nseals++;
	}
	return db_commit(db, err);
}

static int
one_seal(struct run *run, struct db *db, int64_t n, struct audit_seal *ret, struct problem *err)
{
	const struct row *w;
	struct rows *rows;

	if (db_begin(db, READ, &verifier_scope, err) < 0)
		return -1;
	if (db_all(db, &rows, seals_sql, err, P_INT(n), P_INT(1)) < 0) {
		db_rollback(db);
		return -1;
	}
	w = rows_count(rows) == 1 ? rows_at(rows, 0) : NULL;
	if (w == NULL || seal_from_row(w, ret, err) < 0 || ret->n != n)
		fault(run, AUDIT_TAMPERED, 0, "seal %" PRId64 " is not there", n);
	else
		seal_digest(run->log, ret, ret->digest);
	problem_clear(err);
	return db_commit(db, err);
}

/* ---- what stands behind the last seal */

static int
check_tail(struct hand *h, const struct audit_seal *head, struct problem *err)
{
	struct run *run = h->run;
	struct param place[] = { P_XID(head->xid), P_UUID(head->last) };
	const struct row *w;
	struct audit_record r;
	PGresult *res = NULL;
	int64_t oldest = INT64_MAX;

	if (begin(h, err) < 0 || db_one(h->db, &w, beyond_sql, err, P_INT(head->hi)) < 0 ||
	    db_run_binary(h->db, &res, tail_sql, place, COUNT(place), err) < 0)
		return -1;
	if (!row_is_null(w, "leaf"))
		fault(run, AUDIT_TAMPERED, row_int(w, "leaf"), "leaf %" PRId64 " belongs to no seal", row_int(w, "leaf"));
	for (int i = 0; i < PQntuples(res); i++) {
		audit_record(res, i, &r);
		(void)check_mac(run, head->hi + 1 + i, &r, &h->work);
		if (audit_record_at(&r) < oldest)
			oldest = audit_record_at(&r);
	}
	run->report->unsealed = PQntuples(res);
	PQclear(res);
	if (oldest < clock_us() - INCOMPLETE_US)
		fault(run, AUDIT_INCOMPLETE, INT64_MAX, "%" PRId64 " rows are unsealed, the oldest for %" PRId64 " s", run->report->unsealed,
		    (clock_us() - oldest) / US_PER_S);
	return db_commit(h->db, err);
}

static void
check_cut(struct run *run, const struct audit_seal *head)
{
	if (run->nanchors > 0 && run->anchors[run->nanchors - 1].n > head->n)
		fault(run, AUDIT_TAMPERED, head->hi + 1,
		    "leaf %" PRId64 " and what follows is gone: an anchor has seen seal %" PRId64 ", the log ends with %" PRId64,
		    head->hi + 1, run->anchors[run->nanchors - 1].n, head->n);
}

/* ---- anchors */

static int
by_number(const void *a, const void *b)
{
	const struct audit_anchor *x = a, *y = b;

	return x->n < y->n ? -1 : x->n > y->n;
}

static int
anchor_line(const char *line, const char *log, struct audit_anchor *ret)
{
	char name[64], hex[HEX32 + 1];
	int64_t hi;

	/* NOLINTNEXTLINE(cert-err34-c): the widths keep the numbers in range */
	if (sscanf(line, "%*s %63s %18" SCNd64 " %18" SCNd64 " %65s", name, &ret->n, &hi, hex) != 4)
		return -1;
	if (strcmp(name, log) != 0)
		return 0;
	return ret->n > 0 && hex_decode(hex, strlen(hex), ret->digest, sizeof(ret->digest)) == 32 ? 1 : -1;
}

static int
read_anchors(struct run *run, const char *path, struct problem *err)
{
	struct audit_anchor **ret = &run->anchors;
	size_t room = 0, *n = &run->nanchors;
	FILE *f = fopen(path, "re");
	char line[512];
	int rc = 0;

	if (f == NULL)
		return problem(err, 500, "bad_anchor", "cannot read %s: %s", path, strerror(errno));
	while (rc >= 0 && fgets(line, sizeof(line), f) != NULL) {
		if (*n == room) {
			room = room == 0 ? 64 : room * 2;
			struct audit_anchor *more = reallocarray(*ret, room, sizeof(*more));

			if (more == NULL)
				die("out of memory");
			*ret = more;
		}
		if (strchr(line, '\n') == NULL)
			break; /* a line that is being written */
		rc = anchor_line(line, run->log, *ret + *n);
		if (rc > 0)
			(*n)++;
	}
	(void)fclose(f);
	if (rc < 0)
		return problem(err, 500, "bad_anchor", "%s has a line that is no anchor", path);
	if (*n > 0)
		qsort(*ret, *n, sizeof(**ret), by_number);
	return 0;
}

/* ---- all of it */

static void
run_hands(struct run *run, struct hand *hands, unsigned n)
{
	unsigned started = 0;

	atomic_store(&run->next, 0);
	for (unsigned i = 1; i < n; i++)
		if (pthread_create(&hands[i].thread, NULL, hand_main, &hands[i]) == 0)
			started = i;
		else
			break;
	(void)hand_main(&hands[0]);
	for (unsigned i = 1; i <= started; i++)
		(void)pthread_join(hands[i].thread, NULL);
}

static int
check_log(struct run *run, struct hand *hands, unsigned n, struct problem *err)
{
	struct audit_report *report = run->report;
	struct audit_seal head = { .n = 0 };

	if (run->check->from > 1 && one_seal(run, hands[0].db, run->check->from - 1, &head, err) < 0)
		return -1;
	if (run->check->anchor_file != NULL && read_anchors(run, run->check->anchor_file, err) < 0)
		return -1;
	while (run->anchor < run->nanchors && run->anchors[run->anchor].n < run->check->from)
		run->anchor++;
	report->anchors = run->nanchors;
	while (report->verdict == AUDIT_OK) {
		if (read_seals(run, hands[0].db, &head, err) < 0)
			return -1;
		if (run->nseals == 0)
			break;
		cut_ranges(run, &head);
		run_hands(run, hands, n);
		head = run->seals[run->nseals - 1];
		report->seals += (int64_t)run->nseals;
	}
	report->head = head.n;
	memcpy(report->digest, head.digest, sizeof(report->digest));
	if (report->verdict == AUDIT_OK)
		check_cut(run, &head);
	return report->verdict == AUDIT_OK ? check_tail(&hands[0], &head, err) : 0;
}

static bool
hand_open(struct hand *h, struct run *run, struct problem *err)
{
	*h = (struct hand){ .run = run, .arena = arena_new(RESULT_MAX), .work = BUF_INIT(RECORD_MAX) };
	h->db = db_open(run->check->url, DB_OWNER, "telerx-audit", err);
	if (h->db != NULL)
		db_arena(h->db, h->arena);
	return h->db != NULL;
}

void
audit_verify(const struct audit_check *c, struct audit_report *ret)
{
	unsigned n = c->threads < 1 ? 1 : c->threads > THREADS_MAX ? THREADS_MAX : c->threads, open = 0;
	struct hand hands[THREADS_MAX] = { { 0 } };
	struct run run = { .check = c, .report = ret, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct problem err = { 0 };

	*ret = (struct audit_report){ .verdict = AUDIT_OK };
	run.seals = calloc(SEALS_BATCH, sizeof(*run.seals));
	run.ranges = calloc(SEALS_BATCH, sizeof(*run.ranges));
	if (run.seals == NULL || run.ranges == NULL)
		die("out of memory");
	while (open < n && hand_open(&hands[open], &run, &err))
		open++;
	if (open == n)
		(void)snprintf(run.log, sizeof(run.log), "%s", db_database(hands[0].db));
	if (open < n || check_log(&run, hands, n, &err) < 0)
		unreadable(&run, &err);
	for (unsigned i = 0; i < open + (open < n ? 1 : 0); i++) {
		db_close(hands[i].db);
		arena_free(hands[i].arena);
		buf_release(&hands[i].work);
	}
	free(run.anchors);
	free(run.seals);
	free(run.ranges);
	pthread_mutex_destroy(&run.lock);
}

/*
 * effect_job.c: sends an intended effect and finds out what became of it (rules M1, M3, M4, M5).
 *
 *	load and open . dress . A: "sent" is committed, fenced . the call . B: the verdict and the kind's settle, fenced
 *
 * A run that finds "sent" was preceded by one that died in between: to it the outcome is as unknown as after a timeout, and the
 * kind's rule for the unknown decides. Nothing leads from there to a send without either the vendor's promise to honour the key
 * or the vendor's word that the act is absent.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "net/breaker.h"

#define KEY_AGE_S      (20 * 3600) /* vendors forget keys after 24 hours; stop trusting them before */
#define SAME_5XX       3           /* a stored failure is answered again for ever */
#define MOST_LOOKS     3           /* at what the vendor says it does not have, while it keeps answering with a failure */
#define LONGEST_WAIT_S 300
#define LOOK_AFTER_S   15 /* an act still under way at the vendor must not be taken for absent */

/* Where an effect can be made to fail in a test build: effect.<kind>.<where>; where as for a saga's steps. */
#ifdef TELERX_FAILPOINTS
#define EFFECT_POINT(j, a, where) failpoint(arena_printf((j)->arena, "effect.%s." where, (a)->kind->name))
#else
#define EFFECT_POINT(j, a, where) ((void)0)
#endif

struct act {
	struct effect e;
	const struct effect_kind *kind;
	const char *state;
	int repeats, looks;
	int64_t age_s;  /* since the first send */
	int64_t left_s; /* to the deadline */
};

static const char load_sql[] =
    "SELECT id, kind, subject, patient, generation, vendor_key, method, path, content_type, request_enc, state, attempts,"
    " repeats, looks, vendor_ref,"
    "  error_code, first_sent_at, coalesce(extract(epoch FROM clock_timestamp() - first_sent_at), 0)::bigint AS age_s,"
    "  coalesce(ceil(extract(epoch FROM deadline - clock_timestamp())), 1)::bigint AS left_s"
    " FROM effect WHERE id = $1";
static const char sent_sql[] =
    "UPDATE effect SET state = 'sent', attempts = attempts + 1, sent_at = clock_timestamp(), updated_at = clock_timestamp(),"
    "  first_sent_at = coalesce(first_sent_at, clock_timestamp()),"
    "  deadline = coalesce(deadline, clock_timestamp() + make_interval(secs => $3))"
    " WHERE id = $1 AND state = $2";
static const char retry_sql[] = "UPDATE effect SET state = 'intent', http_status = $2, updated_at = clock_timestamp() WHERE id = $1"
				" AND state IN ('sent', 'unknown')";
static const char unknown_sql[] =
    "UPDATE effect SET state = 'unknown', updated_at = clock_timestamp(), http_status = $2, response_digest = $3,"
    "  repeats = CASE WHEN $2 < 500 THEN 0 WHEN http_status = $2 AND response_digest = $3 THEN repeats + 1 ELSE 1 END"
    " WHERE id = $1 AND state IN ('sent', 'unknown')";
static const char looked_sql[] =
    "UPDATE effect SET state = 'unknown', looks = looks + 1, updated_at = clock_timestamp() WHERE id = $1"
    " AND state IN ('sent', 'unknown')";
static const char close_sql[] =
    "UPDATE effect SET state = $2, http_status = coalesce($3, http_status), vendor_ref = coalesce($4, vendor_ref), error_code = $5,"
    "  response_digest = coalesce($6, response_digest), settled_at = clock_timestamp(), updated_at = clock_timestamp()"
    " WHERE id = $1 AND (state IN ('intent', 'sent', 'unknown') OR state = 'manual' AND $2 <> 'manual')";

/* ---- loading */

static int
act_from_row(struct job *j, const struct row *w, struct act *a, struct problem *err)
{
	*a = (struct act){
		.state = row_str(w, "state"),
		.repeats = (int)row_int(w, "repeats"),
		.looks = (int)row_int(w, "looks"),
		.age_s = row_int(w, "age_s"),
		.left_s = row_int(w, "left_s"),
		.kind = service_effect(j->service, row_str(w, "kind")),
	};
	a->e = (struct effect){
		.id = row_uuid(w, "id"),
		.subject = row_uuid(w, "subject"),
		.patient = row_uuid(w, "patient"),
		.generation = (int)row_int(w, "generation"),
		.vendor_key = row_str(w, "vendor_key"),
		.method = row_str(w, "method"),
		.path = row_str(w, "path"),
		.content_type = row_opt_str(w, "content_type"),
		.attempts = (int)row_int(w, "attempts"),
		.first_sent_at = row_time(w, "first_sent_at"),
		.vendor_ref = row_opt_str(w, "vendor_ref"),
		.error_code = row_opt_str(w, "error_code"),
	};
	if (a->kind == NULL)
		return problem(err, 500, "unknown_effect", "no effect is called %s", row_str(w, "kind"));
	return 0;
}

static bool
state_is(const struct act *a, const char *state)
{
	return strcmp(a->state, state) == 0;
}

static bool
settled(const struct act *a)
{
	return state_is(a, "confirmed") || state_is(a, "refused") || state_is(a, "manual");
}

static int
load(struct job *j, struct act *a, struct problem *err)
{
	const struct row *w;

	if (job_read(j, err) < 0 || db_one(j->db, &w, load_sql, err, P_UUID(job_uuid(j, "effectId"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "no_effect", "the effect does not exist");
	if (act_from_row(j, w, a, err) < 0)
		return -1;
	if ((!settled(a) || state_is(a, "manual")) && !row_is_null(w, "request_enc") &&
	    vault_open(j->db, "effect", "request_enc", a->e.id, row_bytes(w, "request_enc"), &a->e.request, err) < 0)
		return -1;
	return job_read_end(j, err);
}

/* ---- the end of an effect */

static struct param
digest_of(struct arena *a, const struct http_answer *ans)
{
	uint8_t *digest;

	if (ans->body.p == NULL)
		return P_NULL;
	digest = arena_alloc(a, 32);
	sha256(ans->body, digest);
	return P_BYTES(BYTES(digest, 32));
}

/* manual: nobody asks the vendor again, so a person must, who may have it asked where that can be done. */
static int
call_for_person(struct job *j, const struct act *a, struct problem *err)
{
	char id[UUID_TEXT], subject[UUID_TEXT];
	const char *can_look = a->kind->look_up != NULL ? "true" : "false";
	const struct attention what = { .kind = "effect.manual",
		.subject = uuid_text(a->e.id, id),
		.code = a->e.error_code != NULL ? a->e.error_code : "outcome_unknown",
		.patient = a->e.patient,
		.submission = job_uuid(j, "submissionId"),
		.detail = arena_printf(j->arena, "{\"effect\":\"%s\",\"of\":\"%s\",\"lookUp\":%s}", a->kind->name,
		    uuid_text(a->e.subject, subject), can_look) };

	return attention_raise(j->db, &what, err);
}

/* In the open transaction. *did false: evidence from elsewhere settled it meanwhile, and whoever brought it did the rest. */
static int
settle(struct job *j, struct act *a, const char *state, const struct http_answer *ans, bool *did, struct problem *err)
{
	struct param status = ans->status > 0 ? P_INT(ans->status) : P_NULL;
	char id[UUID_TEXT];
	int64_t moved = db_exec(j->db, close_sql, err, P_UUID(a->e.id), P_TEXT(state), status, P_TEXT(a->e.vendor_ref),
	    P_TEXT(a->e.error_code), digest_of(j->arena, ans));

	if (moved < 0)
		return -1;
	*did = moved > 0;
	if (!*did)
		return 0;
	if (effect_audit(j->db, a->e.id, a->kind->name, state, a->e.error_code, err) < 0 ||
	    (strcmp(state, "manual") == 0 && call_for_person(j, a, err) < 0) ||
	    (state_is(a, "manual") && attention_clear(j->db, "effect.manual", uuid_text(a->e.id, id), "looked_up", err) < 0))
		return -1;
	return a->kind->settle == NULL ? 0 : a->kind->settle(j, &a->e, state, ans, err);
}

static void
tell(const struct act *a, const char *state)
{
	char id[UUID_TEXT];

	if (strcmp(state, "manual") == 0) {
		log_line(LOG_ERROR, "effect.manual", "effect", uuid_text(a->e.id, id), "kind", a->kind->name, "code",
		    a->e.error_code, NULL);
		metric_add("effects_manual_total", NULL, 1);
	}
}

/* The answer is known to this process only: a row that is locked or a snapshot that is old must not make it an unknown outcome. */
static int
close_effect(struct job *j, struct act *a, const char *state, const struct http_answer *ans, struct problem *err)
{
	for (int tries = 0;; tries++) {
		bool did, passing;

		if (job_begin(j, err) == 0 && settle(j, a, state, ans, &did, err) == 0) {
			EFFECT_POINT(j, a, "before_b");
			if (job_end(j, err) == 0) {
				EFFECT_POINT(j, a, "after_b");
				if (did)
					tell(a, state);
				return 0;
			}
		}
		passing = strcmp(err->code, "serialization") == 0 || strcmp(err->code, "lock_timeout") == 0;
		if (!passing || tries >= 5)
			return -1;
		db_rollback(j->db);
		problem_clear(err);
	}
}

static int
give_up(struct job *j, struct act *a, const char *why, struct problem *err)
{
	a->e.error_code = why;
	return close_effect(j, a, "manual", &(struct http_answer){ 0 }, err);
}

/* ---- verdicts that leave it open */

static int64_t
wait_s(const struct act *a, int64_t base, int n)
{
	int64_t s = base << (n < 8 ? n : 8);

	if (s > LONGEST_WAIT_S)
		s = LONGEST_WAIT_S;
	if (a->kind->unknown == MANUAL || s > a->left_s)
		s = a->left_s;
	return s < 0 ? 0 : s;
}

/* No attempt is used up: what bounds the unknown is its deadline. */
static int
wait_more(struct job *j, int64_t delay_s, struct problem *err)
{
	job_again(j, delay_s);
	return job_end(j, err);
}

static int
uncertain(struct job *j, struct act *a, const struct http_answer *ans, struct problem *err)
{
	int64_t delay = a->kind->unknown == RESEND ? wait_s(a, 2, a->e.attempts - 1) : wait_s(a, LOOK_AFTER_S, 0);

	if (job_begin(j, err) < 0 ||
	    db_exec(j->db, unknown_sql, err, P_UUID(a->e.id), P_INT(ans->status), digest_of(j->arena, ans)) < 0 ||
	    effect_audit(j->db, a->e.id, a->kind->name, "unknown", NULL, err) < 0)
		return -1;
	return wait_more(j, delay, err);
}

static int
not_done(struct job *j, struct act *a, const struct http_answer *ans, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, retry_sql, err, P_UUID(a->e.id), P_INT(ans->status)) < 0 ||
	    effect_audit(j->db, a->e.id, a->kind->name, "retry", NULL, err) < 0 || job_commit(j, err) < 0)
		return -1;
	problem(err, 503, "vendor_unavailable", "%s: answer %d", a->kind->name, ans->status);
	err->retry_after = ans->retry_after;
	return -1;
}

static int
conclude(struct job *j, struct act *a, enum verdict v, const struct http_answer *ans, struct problem *err)
{
	switch (v) {
	case EFFECT_CONFIRMED:
		return close_effect(j, a, "confirmed", ans, err);
	case EFFECT_REFUSED:
		return close_effect(j, a, "refused", ans, err);
	case EFFECT_RETRY:
		return not_done(j, a, ans, err);
	case EFFECT_UNCERTAIN:
		break;
	}
	return uncertain(j, a, ans, err);
}

/* ---- sending */

/* stripe.authorize is spoken to stripe. */
static const char *
vendor_of(struct arena *a, const struct effect_kind *k)
{
	return arena_ndup(a, k->name, strcspn(k->name, "."));
}

/* Transaction A. *mine false: settled by evidence since it was loaded. */
static int
mark_sent(struct job *j, struct act *a, bool *mine, struct problem *err)
{
	int64_t moved;

	if (job_begin(j, err) < 0)
		return -1;
	moved = db_exec(j->db, sent_sql, err, P_UUID(a->e.id), P_TEXT(a->state), P_INT(a->kind->deadline_s));
	if (moved < 0)
		return -1;
	*mine = moved > 0;
	if (!*mine) {
		db_rollback(j->db);
		return 0;
	}
	if (effect_audit(j->db, a->e.id, a->kind->name, "sent", NULL, err) < 0)
		return -1;
	return job_commit(j, err);
}

/* A transfer ends before the lease does (rule Q4): the lease was renewed with "sent". */
static int
limit_ms(struct job *j, int wanted)
{
	int left = hand_lease_left_ms(j->hand), ms = wanted > 0 ? wanted : 15000;

	return ms < left ? ms : left;
}

static void
note_send(struct act *a)
{
	a->e.attempts++;
	if (a->e.first_sent_at == 0) {
		a->e.first_sent_at = clock_us();
		a->left_s = a->kind->deadline_s;
	}
}

static enum verdict
verdict_of(struct job *j, struct act *a, const struct http_answer *ans)
{
	if (ans->outcome == HTTP_NOT_SENT)
		return EFFECT_RETRY;
	if (ans->outcome == HTTP_UNKNOWN)
		return EFFECT_UNCERTAIN;
	return a->kind->judge != NULL ? a->kind->judge(j, &a->e, ans) : effect_judge_http(ans);
}

static int
send_effect(struct job *j, struct act *a, struct problem *err)
{
	struct http_call call = { .method = a->e.method };
	struct http_answer ans = { 0 };
	const char *vendor = vendor_of(j->arena, a->kind);
	bool mine = false;
	int r;

	breaker_retrying(j->attempt > 1 || a->e.attempts > 0);
	if (a->kind->dress(j, &a->e, &call, err) < 0 || breaker_enter(vendor, err) < 0)
		return -1;
	call.body = a->e.request; /* the bytes that were committed, whatever dress did */
	EFFECT_POINT(j, a, "before_a");
	r = mark_sent(j, a, &mine, err);
	if (r < 0 || !mine) {
		breaker_leave(vendor, true);
		return r;
	}
	call.total_ms = limit_ms(j, call.total_ms);
	if (call.total_ms <= 0) { /* the process was stopped for longer than its lease */
		breaker_leave(vendor, true);
		return not_done(j, a, &ans, err);
	}
	EFFECT_POINT(j, a, "after_a");
	http_do(j->http, j->arena, &call, &ans);
	EFFECT_POINT(j, a, "after_send");
	breaker_leave(vendor, breaker_worked(&ans));
	note_send(a);
	if (ans.outcome != HTTP_ANSWERED)
		log_line(LOG_WARN, ans.outcome == HTTP_UNKNOWN ? "effect.no_answer" : "effect.not_sent", "kind", a->kind->name,
		    "detail", ans.error, NULL);
	return conclude(j, a, verdict_of(j, a, &ans), &ans, err);
}

/* ---- the unknown */

static int
look_again(struct job *j, struct act *a, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, looked_sql, err, P_UUID(a->e.id)) < 0)
		return -1;
	return wait_more(j, wait_s(a, LOOK_AFTER_S, a->looks + 1), err);
}

static int
look_up(struct job *j, struct act *a, struct problem *err)
{
	struct http_answer ans = { 0 };
	enum verdict v = a->kind->look_up(j, &a->e, &ans);

	db_rollback(j->db); /* a look-up that failed half-way may have left its reading open */
	if (v == EFFECT_CONFIRMED || v == EFFECT_REFUSED)
		return conclude(j, a, v, &ans, err);
	if (v == EFFECT_UNCERTAIN)
		return look_again(j, a, err);
	if (a->kind->unknown == LOOK_UP) /* absent: the same bytes may go out again */
		return send_effect(j, a, err);
	/* Absent, yet its key is answered with a stored failure or is older than the vendor remembers. */
	if (a->age_s > KEY_AGE_S || a->looks >= MOST_LOOKS)
		return give_up(j, a, "absent_at_vendor", err);
	return look_again(j, a, err);
}

/* Time is up: what the vendor knows by now counts; absent or unclear, and older than a key is trusted, is a person's (rule M3). */
static int
last_look(struct job *j, struct act *a, struct problem *err)
{
	struct http_answer ans = { 0 };
	enum verdict v = a->kind->look_up == NULL ? EFFECT_UNCERTAIN : a->kind->look_up(j, &a->e, &ans);

	db_rollback(j->db);
	if (v == EFFECT_CONFIRMED || v == EFFECT_REFUSED)
		return conclude(j, a, v, &ans, err);
	return give_up(j, a, v == EFFECT_RETRY ? "absent_at_vendor" : "outcome_unknown", err);
}

static int
after_unknown(struct job *j, struct act *a, struct problem *err)
{
	bool stuck = a->repeats >= SAME_5XX || a->age_s > KEY_AGE_S;

	if (a->left_s <= 0)
		return last_look(j, a, err);
	if (a->kind->unknown == RESEND && !stuck)
		return send_effect(j, a, err);
	if (a->kind->unknown != MANUAL && a->kind->look_up != NULL)
		return look_up(j, a, err);
	if (a->kind->unknown == RESEND)
		return give_up(j, a, "same_failure", err);
	if (job_begin(j, err) < 0 || db_exec(j->db, unknown_sql, err, P_UUID(a->e.id), P_INT(0), P_NULL) < 0)
		return -1;
	return wait_more(j, a->left_s, err);
}

/* A person wants the vendor asked once more. What is absent or unclear stays theirs: the item tells the news. */
static int
look_for_person(struct job *j, struct act *a, struct problem *err)
{
	struct http_answer ans = { 0 };
	enum verdict v;

	if (a->kind->look_up == NULL)
		return 0;
	v = a->kind->look_up(j, &a->e, &ans);
	db_rollback(j->db);
	if (v == EFFECT_CONFIRMED || v == EFFECT_REFUSED)
		return conclude(j, a, v, &ans, err);
	a->e.error_code = v == EFFECT_RETRY ? "absent_at_vendor" : "outcome_unknown";
	if (job_begin(j, err) < 0 || effect_audit(j->db, a->e.id, a->kind->name, "looked_up", a->e.error_code, err) < 0 ||
	    call_for_person(j, a, err) < 0)
		return -1;
	return job_end(j, err);
}

int
effect_job(struct job *j, struct problem *err)
{
	struct act a;

	if (load(j, &a, err) < 0)
		return -1;
	if (state_is(&a, "manual"))
		return look_for_person(j, &a, err);
	if (settled(&a))
		return 0;
	if (a.kind->unknown == 0 || a.kind->dress == NULL)
		return problem(err, 500, "bad_effect", "%s lacks its rule for the unknown or its dress", a.kind->name);
	return state_is(&a, "intent") ? send_effect(j, &a, err) : after_unknown(j, &a, err);
}

/* The job will not run again, so nobody would ever look: a person must. */
int
effect_buried(struct job *j, const struct problem *why, struct problem *err)
{
	const struct row *w;
	struct act a;
	bool did;

	if (db_one(j->db, &w, load_sql, err, P_UUID(job_uuid(j, "effectId"))) < 0)
		return -1;
	if (w == NULL || service_effect(j->service, row_str(w, "kind")) == NULL)
		return 0;
	if (act_from_row(j, w, &a, err) < 0)
		return -1;
	if (settled(&a))
		return 0;
	a.e.error_code = arena_dup(j->arena, why->code);
	if (settle(j, &a, "manual", &(struct http_answer){ 0 }, &did, err) < 0)
		return -1;
	tell(&a, "manual");
	return 0;
}

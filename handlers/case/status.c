/*
 * status.c: where a case stands (A-FLOW-02, A-PIT-02, A-PIT-03). The status is a function of what is known: news that is late, repeated or out of order
 * ends where the same news in order would have. The way there goes along the table below, a line of history and an event for each edge.
 */
#include "case/case.h"

#include "data/attention.h"

#define PARTIAL "case.partial"

static const char lock_sql[] =
	"SELECT id, patient_id, state, platform, intake_type, status, eligible, reasons::text AS reasons, rule_version, decided_at, voucher_id, voucher_status,"
	"  voucher_at, assignment_id, provider_id, assigned_at, overdue, created_at, moved_at FROM cases WHERE id = $1 FOR UPDATE";
static const char children_sql[] = "SELECT status FROM case_children WHERE case_id = $1";
static const char move_sql[] = "UPDATE cases SET status = $3, moved_at = now(), overdue = overdue AND $3 = 'partial' WHERE id = $1 AND status = $2";
static const char note_sql[] =
	"INSERT INTO case_events (case_id, at, source, what, code, subject) VALUES ($1, coalesce($2::timestamptz, now()), $3, $4, $5, $6::uuid)";
static const char moved_sql[] =
	"INSERT INTO case_events (case_id, at, source, what, code, from_status) VALUES ($1, now(), 'case', 'status', $3, $2)";

/* A case goes along the line; what stands beside it is reached from one place of it and goes back there. */
static const char *const line[] = {
	"created", "eligible", "awaiting_provider", "provider_assigned", "prescribed", "ordered", "fulfilled", "completed"
};
static const struct edge edges[] = {
	{ "created", "ineligible" }, { "created", "eligible" }, { "ineligible", "eligible" }, { "eligible", "ineligible" },
	{ "eligible", "awaiting_provider" }, { "awaiting_provider", "provider_assigned" }, { "provider_assigned", "prescribed" },
	{ "prescribed", "ordered" }, { "ordered", "fulfilled" }, { "fulfilled", "completed" },
	{ "prescribed", "partial" }, { "ordered", "partial" }, { "partial", "prescribed" }, { "partial", "ordered" },
	{ "prescribed", "provider_assigned" }, { "partial", "provider_assigned" }, { "ordered", "provider_assigned" },
	{ "eligible", "cancelled" }, { "awaiting_provider", "cancelled" }, { "provider_assigned", "cancelled" }, { "cancelled", "provider_assigned" },
};
const struct edges case_edges = { "cases", edges, COUNT(edges) };

static const struct {
	const char *status;
	enum reached reached;
} reaches[] = {
	{ "cancelled", WITHDRAWN }, { "denied", WITHDRAWN }, { "rejected", TROUBLE }, { "failed", TROUBLE }, { "manual", TROUBLE },
	{ "submitted", ORDERED }, { "accepted", ORDERED }, { "cancel_pending", ORDERED }, { "cancel_refused", ORDERED },
	{ "shipped", FULFILLED }, { "in_transit", FULFILLED }, { "out_for_delivery", FULFILLED }, { "exception", FULFILLED },
	{ "delivered", COMPLETED }, { "completed", COMPLETED },
};

enum reached
reached_by(const char *status)
{
	for (size_t i = 0; i < COUNT(reaches); i++)
		if (strcmp(reaches[i].status, status) == 0)
			return reaches[i].reached;
	return PRESCRIBED;
}

const char *
case_target(const struct patient_case *c)
{
	static const char *const stands[] = {
		[PRESCRIBED] = "prescribed", [TROUBLE] = "partial", [ORDERED] = "ordered", [FULFILLED] = "fulfilled", [COMPLETED] = "completed"
	};

	if (c->voucher_status == NULL)
		return !c->decided ? "created" : c->eligible ? "eligible" : "ineligible";
	if (c->reached == PRESCRIBED && c->overdue)
		return "partial";
	if (c->reached >= PRESCRIBED)
		return stands[c->reached];
	if (strcmp(c->voucher_status, "invalidated") == 0 || strcmp(c->voucher_status, "expired") == 0)
		return "cancelled";
	return uuid_is_nil(c->provider_id) ? "awaiting_provider" : "provider_assigned";
}

static size_t
rank_of(const char *status)
{
	for (size_t i = 0; i < COUNT(line); i++)
		if (strcmp(line[i], status) == 0)
			return i;
	if (strcmp(status, "partial") == 0)
		return rank_of("prescribed");
	return strcmp(status, "cancelled") == 0 ? rank_of("eligible") : 0;
}

/* The next edge on the way; NULL: there is none. */
static const char *
next_of(const char *status, const char *target)
{
	size_t at = rank_of(status);
	const char *next;

	if (edge_legal(&case_edges, status, target))
		return target;
	if (strcmp(status, "cancelled") == 0)
		next = "provider_assigned";
	else if (rank_of(target) > at)
		next = line[at + 1];
	else
		return NULL;
	return edge_legal(&case_edges, status, next) ? next : NULL;
}

static void
case_from_row(struct patient_case *c, const struct row *w)
{
	*c = (struct patient_case){
		.id = row_uuid(w, "id"), .patient_id = row_uuid(w, "patient_id"), .voucher_id = row_uuid(w, "voucher_id"),
		.provider_id = row_uuid(w, "provider_id"), .assignment_id = row_uuid(w, "assignment_id"), .state = row_str(w, "state"),
		.platform = row_str(w, "platform"), .intake_type = row_str(w, "intake_type"), .status = row_str(w, "status"),
		.decided = !row_is_null(w, "eligible"), .eligible = row_bool(w, "eligible"), .reasons = row_str(w, "reasons"),
		.rule_version = row_opt_str(w, "rule_version"), .voucher_status = row_opt_str(w, "voucher_status"), .overdue = row_bool(w, "overdue"),
		.decided_at = row_time(w, "decided_at"), .voucher_at = row_time(w, "voucher_at"), .assigned_at = row_time(w, "assigned_at"),
		.created_at = row_time(w, "created_at"), .moved_at = row_time(w, "moved_at"),
	};
}

int
case_lock(struct db *db, struct uuid id, struct patient_case *ret, struct problem *err)
{
	struct rows *children;
	const struct row *w;

	if (db_one(db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such case");
	case_from_row(ret, w);
	if (db_all(db, &children, children_sql, err, P_UUID(id)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(children); i++) {
		enum reached reached = reached_by(row_str(rows_at(children, i), "status"));

		if (reached > ret->reached)
			ret->reached = reached;
	}
	return 0;
}

int
case_note(struct db *db, struct uuid id, const struct case_line *said, struct problem *err)
{
	return db_exec(db, note_sql, err, P_UUID(id), P_TIME(said->at), P_TEXT(said->source), P_TEXT(said->what), P_TEXT(said->code),
	    P_OPT_UUID(said->subject)) < 0 ? -1 : 0;
}

static int
publish_move(struct db *db, const struct patient_case *c, const char *to, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", c->id);
	jw_uuid(&w, "patient_id", c->patient_id);
	jw_str(&w, "from", c->status);
	jw_str(&w, "to", to);
	jw_end(&w);
	return event_publish(db, "case.status.changed", c->id, buf_str(&b), err);
}

static int
tell_staff(struct db *db, const struct patient_case *c, const char *to, struct problem *err)
{
	bool was = strcmp(c->status, "partial") == 0, is = strcmp(to, "partial") == 0;
	char id[UUID_TEXT];

	uuid_text(c->id, id);
	if (is)
		return attention_raise(db, &(struct attention){ .kind = PARTIAL, .subject = id, .patient = c->patient_id,
		    .code = c->reached == TROUBLE ? "order_failed" : "order_missing" }, err);
	return was ? attention_clear(db, PARTIAL, id, to, err) : 0;
}

static int
move(struct db *db, struct patient_case *c, const char *to, struct problem *err)
{
	char id[UUID_TEXT];

	if (db_exec(db, move_sql, err, P_UUID(c->id), P_TEXT(c->status), P_TEXT(to)) < 0 ||
	    db_exec(db, moved_sql, err, P_UUID(c->id), P_TEXT(c->status), P_TEXT(to)) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "case.move", .object = "cases", .object_id = uuid_text(c->id, id),
		.reason = to }, err) < 0 ||
	    tell_staff(db, c, to, err) < 0 || publish_move(db, c, to, err) < 0)
		return -1;
	c->status = to;
	return 0;
}

int
case_settle(struct db *db, struct uuid id, struct problem *err)
{
	const char *target, *next;
	struct patient_case c;

	if (case_lock(db, id, &c, err) < 0)
		return -1;
	target = case_target(&c);
	while (strcmp(c.status, target) != 0 && (next = next_of(c.status, target)) != NULL)	/* no way there: it stays, and its facts say why */
		if (move(db, &c, next, err) < 0)
			return -1;
	return 0;
}

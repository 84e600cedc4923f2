/*
 * judge.c: when a journey is over, three accounts of it must agree: the vendors' own ledgers, our rows, the audit trail. The rows are read as
 * telerx_inspect, which may read everything and write nothing.
 *
 * What must never be, whatever process died on the way: two charges, two prescriptions, two patients, two tasks. `manual` is a right end only where the
 * vendor offers neither key nor look-up: Boothwyn's order, FedEx's label.
 */
#include "base/clock.h"
#include "data/db.h"
#include "journey.h"

#define SETTLED_US (INT64_C(90) * 1000 * 1000)

/* ---- the vendors' side */

static json_t *
ledger(struct patient *p, const char *vendor, const char *type, const char *key)
{
	struct reply r;

	if (client_expect(p, &(struct ask){ .method = "GET", .as = AS_ADMIN,
	    .path = arena_printf(p->arena, "/sandbox/%s/ledger?type=%s&key=%s", vendor, type, key) }, 200, &r) < 0)
		return NULL;
	return json_object_get(r.body, "entries");
}

static int
count(struct patient *p, const char *vendor, const char *type, const char *key, size_t want)
{
	json_t *entries = ledger(p, vendor, type, key);

	if (entries == NULL)
		return -1;
	if (json_array_size(entries) != want)
		return fail(p, "%s holds %zu %s of this patient, not %zu", vendor, json_array_size(entries), type, want);
	return 0;
}

/* Adds up what Stripe took and counts the holds that are still open. */
static int
money(struct patient *p, int64_t *taken, size_t *charges, size_t *open)
{
	json_t *entries = ledger(p, "stripe", "payment_intent", p->patient_id), *entry;
	size_t i;

	*taken = 0;
	*charges = *open = 0;
	if (entries == NULL)
		return -1;
	json_array_foreach(entries, i, entry) {
		const char *status = json_text_at(entry, "data.status");

		*taken += json_int_at(entry, "data.amount_received", 0);
		*charges += json_int_at(entry, "data.amount_received", 0) > 0;
		*open += status != NULL && strcmp(status, "requires_capture") == 0;
	}
	return 0;
}

static bool may_have_gone_out(struct patient *p, const char *type);

/* Once, whatever died. None at all is right only where the worker died while the mail vendor was being called: it offers neither key nor look-up. */
static int
mail_once(struct patient *p, const char *type, const char *subject)
{
	struct reply r;
	size_t i, n = 0;
	json_t *mail;

	if (client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/sandbox/outbox?to=%s", p->email) }, 200, &r) < 0)
		return -1;
	json_array_foreach(json_object_get(r.body, "messages"), i, mail) {
		const char *s = json_text_at(mail, "subject");

		n += s != NULL && strstr(s, subject) != NULL;
	}
	if (n == 1 || (n == 0 && may_have_gone_out(p, type)))
		return 0;
	return fail(p, "%zu mails \"%s\", not one", n, subject);
}

/* ---- our side */

static const char payments_sql[] = "SELECT count(*) AS n FROM payments WHERE submission_id = $1::uuid AND status = $2";
static const char ledger_sql[] =
	"SELECT coalesce(sum(l.amount_cents), 0) AS n FROM ledger l JOIN payments p ON p.id = l.payment_id"
	" WHERE p.submission_id = $1::uuid AND l.account = $2";
static const char submissions_sql[] = "SELECT count(*) AS n FROM router_submissions WHERE submission_id = $1::uuid AND $2 = $2";
static const char stopped_sql[] =
	"SELECT count(*) AS n FROM router_submissions WHERE submission_id = $1::uuid AND status IN ('cancelled', 'rejected') AND $2 = $2";
static const char router_id_sql[] = "SELECT id::text AS id FROM router_submissions WHERE submission_id = $1::uuid";
static const char shipments_sql[] = "SELECT count(*) AS n FROM shipments WHERE submission_id = $1::uuid AND ($2 = '' OR status = $2)";
static const char own_parcel_sql[] = "SELECT id::text AS id FROM shipments WHERE submission_id = $1::uuid AND kind = 'own'";
static const char refills_sql[] =
	"SELECT count(*) AS n FROM refill_schedules s JOIN orchestration_runs r ON r.id = s.run_id WHERE r.submission_id = $1::uuid AND s.status = $2";
static const char holds_sql[] = "SELECT count(*) AS n FROM payment_holds WHERE submission_id = $1::uuid AND status = $2";
static const char credits_sql[] =
	"SELECT count(*) AS n FROM visit_credits c JOIN prescription_assignments a ON a.id = c.assignment_id"
	" WHERE a.submission_id = $1::uuid AND a.status = $2";
static const char intakes_sql[] = "SELECT count(*) AS n FROM intake_submissions WHERE id = $1::uuid AND $2 = $2";
static const char chart_sql[] = "SELECT count(*) AS n FROM ehr_entries WHERE submission_id = $1::uuid AND status <> $2";
static const char notes_sql[] =
	"SELECT count(*) AS n FROM ehr_entries WHERE submission_id = $1::uuid AND resource = 'DocumentReference' AND status = $2";
static const char unknown_mail_sql[] =
	"SELECT count(*) AS n FROM effect f JOIN notification_log l ON l.id = f.subject JOIN notification_messages m ON m.id = l.message_id"
	" WHERE m.submission_id = $1::uuid AND m.type = $2 AND l.channel = 'email' AND f.state IN ('sent', 'unknown', 'manual')";
static const char audit_sql[] = "SELECT count(*) AS n FROM audit WHERE object_id = $1 AND action = $2 AND outcome = 'success'";

static struct db *
inspect(struct patient *p, const char *database)
{
	struct problem err = { 0 };
	struct db *db = db_open(arena_printf(p->arena, "postgresql://telerx_inspect:%s@/%s?host=%s", client_env("TELERX_INSPECT_PASSWORD"),
	    database, client_env("TELERX_DATABASE_SOCKET")), DB_OWNER, "journey", &err);

	if (db == NULL)
		fail(p, "telerx_inspect cannot read %s: %s", database, err.detail);
	else
		db_arena(db, p->arena);
	return db;
}

static const struct row *
ask_row(struct patient *p, struct db *db, const char *sql, const char *id, const char *detail)
{
	const struct scope scope = { .actor = "system:journey", .request_id = "journey" };
	struct problem err = { 0 };
	const struct row *w = NULL;

	if (db_begin(db, READ, &scope, &err) < 0 || (detail == NULL ? db_one(db, &w, sql, &err, P_TEXT(id)) :
	    db_one(db, &w, sql, &err, P_TEXT(id), P_TEXT(detail))) < 0)
		fail(p, "judge: %s", err.detail);
	db_rollback(db);
	return w;
}

static int
rows(struct patient *p, const char *database, const char *sql, const char *id, const char *detail, int64_t want, const char *what)
{
	struct db *db = inspect(p, database);
	const struct row *w;

	if (db == NULL)
		return -1;
	w = ask_row(p, db, sql, id, detail);
	db_close(db);
	if (w == NULL)
		return -1;
	return row_int(w, "n") == want ? 0 : fail(p, "%s: %lld, not %lld", what, (long long)row_int(w, "n"), (long long)want);
}

static const char *
text_of(struct patient *p, const char *database, const char *sql)
{
	struct db *db = inspect(p, database);
	const struct row *w = db == NULL ? NULL : ask_row(p, db, sql, p->submission_id, NULL);
	const char *s = w == NULL ? NULL : row_str(w, "id");

	db_close(db);
	return s;
}

static bool
may_have_gone_out(struct patient *p, const char *type)
{
	struct db *db = inspect(p, "notification_service");
	const struct row *w = db == NULL ? NULL : ask_row(p, db, unknown_mail_sql, p->submission_id, type);
	bool may = w != NULL && row_int(w, "n") > 0;

	db_close(db);
	return may;
}

/* ---- the verdicts */

static int
judge_chart(struct patient *p)
{
	if (count(p, "canvas", "Patient", p->patient_id, 1) < 0 ||
	    count(p, "canvas", "Task", arena_printf(p->arena, "telerx-%s", p->submission_id), 1) < 0 ||
	    rows(p, "intake_gateway", intakes_sql, p->submission_id, "", 1, "intake submissions") < 0 ||
	    rows(p, "hisera", chart_sql, p->submission_id, "created", 0, "chart entries that Canvas has not") < 0 ||
	    rows(p, "physician_registry", audit_sql, p->assignment_id, "assignment.claim", 1, "audited claims") < 0)
		return -1;
	return mail_once(p, "welcome", "We have received your intake");
}

static int
judge_paid(struct patient *p)
{
	int64_t taken;
	size_t charges, open;

	if (money(p, &taken, &charges, &open) < 0)
		return -1;
	if (charges != 1 || taken != p->amount_cents || open != 0)
		return fail(p, "Stripe took %lld cents in %zu charges with %zu holds open; the price was %lld", (long long)taken, charges, open,
		    (long long)p->amount_cents);
	if (rows(p, "billing", payments_sql, p->submission_id, "captured", 1, "captured payments") < 0 ||
	    rows(p, "billing", ledger_sql, p->submission_id, "revenue", -p->amount_cents, "revenue in the ledger (credit)") < 0)
		return -1;
	return mail_once(p, "payment_charged", "Your receipt");
}

static int
judge_pharmacy(struct patient *p)
{
	const char *id = text_of(p, "pharmacy_router", router_id_sql), *parcel;

	if (id == NULL)
		return fail(p, "the router has no prescription of this case");
	if (rows(p, "pharmacy_router", submissions_sql, p->submission_id, "", 1, "prescriptions at the router") < 0)
		return -1;
	if (strcmp(json_text_at(p->file, "pharmacy"), "gmp") != 0)
		return count(p, "boothwyn", "case", id, 1);
	parcel = text_of(p, "shipping_service", own_parcel_sql);
	if (parcel == NULL)
		return fail(p, "shipping has no parcel of this case");
	return count(p, "pioneerrx", "rx", id, 1) < 0 || count(p, "fedex", "label", parcel, 1) < 0 ? -1 : 0;
}

static int
judge_delivered(struct patient *p)
{
	bool boothwyn = strcmp(json_text_at(p->file, "pharmacy"), "boothwyn") == 0;

	if (strcmp(p->run_state, "manual") == 0) {
		/* Right only where the vendor can neither be asked nor be told twice, and then nothing is doubled. */
		if (!boothwyn)
			return fail(p, "the run is manual: %s", p->run_reason == NULL ? "" : p->run_reason);
		say(p, "judge", "manual: %s", p->run_reason == NULL ? "" : p->run_reason);
		return 0;
	}
	if (strcmp(p->run_state, "completed") != 0)
		return fail(p, "the run ended %s: %s", p->run_state, p->run_reason == NULL ? "" : p->run_reason);
	if (judge_paid(p) < 0 || judge_pharmacy(p) < 0 ||
	    rows(p, "pharmacy_router", stopped_sql, p->submission_id, "", 0, "prescriptions the pharmacy stopped") < 0 ||
	    rows(p, "orchestrator", refills_sql, p->submission_id, "scheduled", 1, "refills scheduled") < 0 ||
	    rows(p, "shipping_service", shipments_sql, p->submission_id, "delivered", 1, "parcels delivered") < 0 ||
	    rows(p, "physician_registry", credits_sql, p->submission_id, "completed", 1, "visit credits") < 0)
		return -1;
	if (rows(p, "hisera", notes_sql, p->submission_id, "created", 1, "H&P notes in the chart") < 0)
		return -1;
	return mail_once(p, "prescription_approved", "approved your request") < 0 || mail_once(p, "shipment_update", "Your order: delivered") < 0 ? -1 : 0;
}

static int
judge_unpaid(struct patient *p)
{
	int64_t taken;
	size_t charges, open;

	if (money(p, &taken, &charges, &open) < 0)
		return -1;
	if (charges != 0 || open != 0)
		return fail(p, "Stripe took %lld cents and holds %zu authorisations", (long long)taken, open);
	if (rows(p, "pharmacy_router", submissions_sql, p->submission_id, "", 0, "prescriptions at the router") < 0 ||
	    rows(p, "shipping_service", shipments_sql, p->submission_id, "", 0, "parcels") < 0)
		return -1;
	return rows(p, "physician_registry", credits_sql, p->submission_id, "completed", 1, "visit credits");
}

static int
judge_declined(struct patient *p)
{
	if (strcmp(p->run_state, "failed") != 0)
		return fail(p, "the run ended %s, not failed", p->run_state);
	if (judge_unpaid(p) < 0 || rows(p, "orchestrator", holds_sql, p->submission_id, "active", 1, "holds kept") < 0)
		return -1;
	return mail_once(p, "payment_failed", "Your card was declined");
}

static int
judge_denied(struct patient *p)
{
	if (strcmp(p->run_state, "denied") != 0)
		return fail(p, "the run ended %s, not denied", p->run_state);
	if (judge_unpaid(p) < 0 || rows(p, "orchestrator", holds_sql, p->submission_id, "released", 1, "holds released") < 0)
		return -1;
	return mail_once(p, "prescription_denied", "About your request");
}

static int
judge_once(struct patient *p)
{
	if (p->ending == EXCLUDED)
		return count(p, "stripe", "setup_intent", p->intake_id, 0);
	if (judge_chart(p) < 0)
		return -1;
	return p->ending == DELIVERED ? judge_delivered(p) : p->ending == DECLINED ? judge_declined(p) : judge_denied(p);
}

/* The last messages and credits are on their way, and what a killed worker held comes back with its lease: ask until all agrees, or for too long. */
int
judge(struct patient *p)
{
	int64_t until = clock_mono_us() + SETTLED_US;

	while (judge_once(p) < 0) {
		if (clock_mono_us() > until)
			return -1;
		p->failure[0] = '\0';
		client_pause(1000);
	}
	say(p, "judge", "ledgers, rows and audit agree");
	return 0;
}

/*
 * validate.c: the validation worker (P-VAL-01 to 10). A row of validation_jobs is one look at one prescription; its end, the prescription's
 * status, the checks, the audit row and the event or the alert are one transaction. The job is woken at once; the sweep finds what nobody
 * was woken for.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "prescription/prescription.h"

#define INVALID "prescription.invalid"

static const char wanted_sql[] =
	"INSERT INTO validation_jobs (id, prescription_id) VALUES ($1, $2) ON CONFLICT (prescription_id) WHERE status = 'pending' DO UPDATE SET"
	" status = 'pending' RETURNING id";
static const char take_sql[] = "SELECT id, prescription_id FROM validation_jobs WHERE id = $1 AND status = 'pending' FOR UPDATE SKIP LOCKED";
static const char pending_sql[] = "SELECT id FROM validation_jobs WHERE status = 'pending' ORDER BY created_at LIMIT 500";
static const char end_sql[] = "UPDATE validation_jobs SET status = $2, errors = $3, finished_at = now() WHERE id = $1";
static const char npi_sql[] = "SELECT active FROM npi WHERE npi = $1";
static const char ndc_sql[] = "SELECT ndc, schedule, cold_chain, ends_on::text AS ends_on FROM ndc WHERE ndc = ANY ($1::text[]) LIMIT 3";
static const char checked_sql[] =
	"UPDATE prescriptions SET checks = $2::jsonb, validation_errors = $3::jsonb, drug_ndc = coalesce($4, drug_ndc), schedule = $5, cold_chain = $6,"
	" updated_at = now() WHERE id = $1";

/* One look, and what it found. */
struct look {
	struct prescription p;
	const char *text[SCRIPT__MAX];
	struct rx_known known;
	struct rx_errors errors;
	const char *ndc; /* the one form that the table has */
	bool cold_chain;
};

int
validate_later(struct db *db, struct uuid prescription, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, wanted_sql, err, P_UUID(uuid_new()), P_UUID(prescription)) < 0)
		return -1;
	return job_enqueue_id(db, "rx.validate", "id", row_uuid(w, "id"), err);
}

/* ---- what the registries know */

static int
ask_npi(struct db *db, struct look *l, struct problem *err)
{
	const struct row *w;

	if (l->text[SCRIPT_NPI] == NULL || !npi_is_good(l->text[SCRIPT_NPI]))
		return 0;
	if (db_one(db, &w, npi_sql, err, P_TEXT(l->text[SCRIPT_NPI])) < 0)
		return -1;
	l->known.npi = w == NULL ? NPI_UNKNOWN : row_bool(w, "active") ? NPI_ACTIVE : NPI_DEACTIVATED;
	return 0;
}

static int
ask_ndc(struct db *db, struct look *l, struct problem *err)
{
	char forms[3][NDC_TEXT];
	size_t n = l->text[SCRIPT_NDC] != NULL ? ndc_forms(l->text[SCRIPT_NDC], forms) : 0;
	struct arena *a = db_current_arena(db);
	const struct row *w;
	struct rows *rows;

	if (n == 0)
		return 0;
	if (db_all(db, &rows, ndc_sql, err, P_TEXT(n == 1 ? arena_printf(a, "{%s}", forms[0]) : arena_printf(a, "{%s,%s,%s}", forms[0], forms[1], forms[2]))) < 0)
		return -1;
	l->known.ndc_hits = (unsigned)rows_count(rows);
	if (l->known.ndc_hits != 1)
		return 0;
	w = rows_at(rows, 0);
	l->ndc = row_str(w, "ndc");
	l->known.schedule = row_str(w, "schedule");
	l->known.ends_on = row_opt_str(w, "ends_on");
	l->cold_chain = row_bool(w, "cold_chain");
	return 0;
}

static int
look_at(struct job *j, struct look *l, struct problem *err)
{
	char now[CLOCK_TEXT];

	l->known.today = arena_ndup(j->arena, clock_text(clock_us(), now), 10);
	if (content_open(j->db, &l->p, l->text, err) < 0 || ask_npi(j->db, l, err) < 0 || ask_ndc(j->db, l, err) < 0 ||
	    patient_doubts(j->db, l->p.patient_id, l->text, l->p.sender, &l->known, err) < 0)
		return -1;
	rx_check(l->text, l->p.is_signed, &l->known, &l->errors);
	return 0;
}

/* ---- what is written down */

static const char *
checks_json(struct arena *a, const struct look *l)
{
	struct buf b = buf_in(a, 8192);
	struct json_writer w;

	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t c = 0; c < CHECK__MAX; c++) {
		bool failed = false;

		for (size_t i = 0; i < l->errors.n; i++)
			failed = failed || l->errors.e[i].check == c;
		jw_object(&w, NULL);
		jw_str(&w, "check", rx_checks[c]);
		jw_str(&w, "result", failed ? "failed" : "passed");
		jw_end(&w);
	}
	jw_end(&w);
	return buf_str(&b);
}

static const char *
errors_json(struct arena *a, const struct look *l)
{
	struct buf b = buf_in(a, (size_t)64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t i = 0; i < l->errors.n; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "check", rx_checks[l->errors.e[i].check]);
		jw_str(&w, "field", l->errors.e[i].field);
		jw_str(&w, "code", l->errors.e[i].code);
		jw_str(&w, "detail", l->errors.e[i].detail);
		jw_end(&w);
	}
	jw_end(&w);
	return buf_str(&b);
}

static int
write_checks(struct job *j, const struct look *l, struct problem *err)
{
	return db_exec(j->db, checked_sql, err, P_UUID(l->p.id), P_TEXT(checks_json(j->arena, l)), P_TEXT(errors_json(j->arena, l)), P_TEXT(l->ndc),
	    P_TEXT(rx_schedule(l->text, l->known.schedule)), P_BOOL(l->cold_chain)) < 0 ? -1 : 0;
}

static int
publish(struct job *j, const struct look *l, struct problem *err)
{
	struct buf b = buf_in(j->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "event_id", uuid_new());
	jw_uuid(&w, "prescription_id", l->p.id);
	jw_uuid(&w, "patient_id", l->p.patient_id);
	jw_str(&w, "validation_result", "passed");
	jw_time(&w, "timestamp", clock_us());
	jw_end(&w);
	return event_publish(j->db, "prescription.validation.completed", l->p.id, b.data, err);
}

static int
passed(struct job *j, struct look *l, struct problem *err)
{
	char id[UUID_TEXT];
	bool moved;

	if (prescription_apply(j->db, &l->p, &(struct rx_event){ .name = "validation.passed" }, &moved, err) < 0)
		return -1;
	if (publish(j, l, err) < 0 || patient_confirm(j->db, l->p.patient_id, err) < 0 || message_out(j->db, &l->p, ANSWER_VERIFY, "010", NULL, err) < 0)
		return -1;
	return attention_clear(j->db, INVALID, uuid_text(l->p.id, id), "validated", err);
}

static int
failed(struct job *j, struct look *l, struct problem *err)
{
	char id[UUID_TEXT];

	if (prescription_apply(j->db, &l->p, &(struct rx_event){ .name = "validation.failed" }, NULL, err) < 0)
		return -1;
	return attention_raise(j->db, &(struct attention){ .kind = INVALID, .subject = uuid_text(l->p.id, id), .code = "validation_failed",
	    .patient = l->p.patient_id, .detail = arena_printf(j->arena, "{\"errors\":%zu,\"first\":\"%s\"}", l->errors.n, l->errors.e[0].code) }, err);
}

static int
end(struct job *j, struct uuid id, const char *status, size_t errors, struct problem *err)
{
	return db_exec(j->db, end_sql, err, P_UUID(id), P_TEXT(status), P_INT((int64_t)errors)) < 0 ? -1 : 0;
}

int
validate_job(struct job *j, struct problem *err)
{
	struct look *l = arena_alloc(j->arena, sizeof(*l));
	const struct row *w;
	struct uuid id;

	if (job_begin(j, err) < 0 || db_one(j->db, &w, take_sql, err, P_UUID(job_uuid(j, "id"))) < 0)
		return -1;
	if (w == NULL) /* another worker has it, or had it */
		return job_end(j, err);
	id = row_uuid(w, "id");
	if (prescription_load(j->db, row_uuid(w, "prescription_id"), true, &l->p, err) < 0)
		return -1;
	if (!prescription_may(&l->p, "validation.passed") || strcmp(l->p.status, "cancelled") == 0)
		return end(j, id, "dropped", 0, err) < 0 ? -1 : job_end(j, err);
	if (look_at(j, l, err) < 0 || write_checks(j, l, err) < 0)
		return -1;
	if ((l->errors.n == 0 ? passed(j, l, err) : failed(j, l, err)) < 0 ||
	    end(j, id, l->errors.n == 0 ? "completed" : "failed", l->errors.n, err) < 0)
		return -1;
	return job_end(j, err);
}

int
validate_sweep_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, pending_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (job_enqueue_id(j->db, "rx.validate", "id", row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return job_end(j, err);
}

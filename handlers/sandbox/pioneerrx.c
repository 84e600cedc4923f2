/*
 * pioneerrx.c: the stand-in for a pharmacy's PioneerRx: its signed method calls. Tables: object (patient, rx), sequence rx_number.
 *
 * Called by router. No idempotency anywhere: PatientAdd and RxAddOnHold add each time. GetRxTransaction finds by
 * PrescriberOrderNumber too (our assumption, so that a sender can look before it repeats). A fill moves with time, one status
 * per SANDBOX_STEP, to ready for shipping. The prescriber file knows every NPI but those that end in 0000; a drug whose NDC
 * starts with 99999 is rejected at review, NDC 00000000000 is unknown. What is added with HoldUntilReleased waits for RxReleaseHold (our
 * assumption as well).
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/signature.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

#define SKEW_US (INT64_C(300) * US_PER_S)

static operation_fn process_op, authenticated_op;

static const struct operation operations[] = {
	{ "POST", "/pioneerrx/api/enterprise/method/process", process_op },
	{ "POST", "/pioneerrx/api/enterprise/method/test/process", process_op },
	{ "POST", "/pioneerrx/api/enterprise/isAuthenticated", authenticated_op },
};

static int
refuse(struct call *c, int status, const char *why)
{
	sb_answer_text(c, status, "text/plain; charset=utf-8", why);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	refuse(c, status, status == 429 ? "Too many requests" : status == 503 ? "Service unavailable" : "An error has occurred.");
}

/* yyyy-MM-ddTHH:mm:ss.ffffffZ, six decimals, no more than five minutes off. */
static bool
timely(const char *timestamp)
{
	int64_t at, off;

	if (timestamp == NULL || strlen(timestamp) != 27 || timestamp[19] != '.' || timestamp[26] != 'Z' ||
	    clock_parse(timestamp, &at) < 0)
		return false;
	off = clock_us() - at;
	return off <= SKEW_US && off >= -SKEW_US;
}

static int
admit(struct call *c, struct problem *err)
{
	const char *timestamp = req_header(c->r, "prx-timestamp"), *given = req_header(c->r, "prx-signature");
	const char *secret = conf_str(c->r->conf, "PIONEERRX_SHARED_SECRET");
	struct buf want = buf_in(c->arena, 4096);

	(void)err;
	if (!sb_credential(c->r, "PIONEERRX_API_KEY", req_header(c->r, "prx-api-key")) || given == NULL || !timely(timestamp))
		return refuse(c, 401, "Unauthorized");
	if (*secret == '\0')
		return 0;
	pioneerrx_sign(timestamp, secret, &want);
	return same_text(buf_str(&want), given) ? 0 : refuse(c, 401, "Unauthorized");
}

/* ---- parameters and results */

struct method {
	const char *name;
	int (*run)(struct call *c, struct problem *err);
	const char *required;		/* space-separated */
};

/* c->in: the parameters as an object of texts. */
static const char *
param(const struct call *c, const char *name)
{
	return sb_text(c->in, name, "");
}

static json_t *
row(const char *key, const char *value)
{
	json_t *o = json_object();

	json_object_set_new(o, key, json_string(value));
	return o;
}

/* rows: taken over. */
static int
answer_set(struct call *c, const char *set, json_t *rows)
{
	json_t *body = sb_keep(c->arena, json_object()), *results = json_object();

	json_object_set_new(results, set, rows);
	json_object_set_new(body, "results", results);
	json_object_set_new(body, "metadata", json_array());
	sb_answer(c, 200, body);
	return 0;
}

static bool
decimal(const char *s, size_t n)
{
	return strspn(s, "0123456789") == strlen(s) && strlen(s) == n;
}

/* M/D/YYYY */
static bool
us_date(const char *s)
{
	unsigned m, d, y;
	char iso[16], end;
	int yy, mm, dd;

	if (sscanf(s, "%2u/%2u/%4u%c", &m, &d, &y, &end) != 3)	/* NOLINT(cert-err34-c): widths keep them in range */
		return false;
	return snprintf(iso, sizeof(iso), "%04u-%02u-%02u", y, m, d) == 10 && date_parse(iso, &yy, &mm, &dd) == 0;
}

/* ---- patients and prescribers */

static json_t *
patient_key(struct call *c)
{
	json_t *key = sb_keep(c->arena, json_object());

	json_object_set_new(key, "LastName", json_string(param(c, "LastName")));
	json_object_set_new(key, "FirstName", json_string(param(c, "FirstName")));
	json_object_set_new(key, "DateOfBirth", json_string(param(c, "DateOfBirth")));
	return key;
}

static int
patient_search(struct call *c, struct problem *err)
{
	struct listing l = { .vendor = "pioneerrx", .type = "patient", .limit = 50 };
	const char *subject =
	    arena_printf(c->arena, "%s|%s|%s", param(c, "LastName"), param(c, "FirstName"), param(c, "DateOfBirth"));
	json_t *found, *rows, *item;
	size_t i;

	l.subject = subject;
	l.containing = sb_dump(c->arena, patient_key(c));
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	rows = json_array();
	json_array_foreach(found, i, item)
		json_array_append(rows, item);
	return answer_set(c, "patientSearchResults", rows);
}

static int
patient_add(struct call *c, struct problem *err)
{
	struct object o = { .vendor = "pioneerrx", .type = "patient", .id = sb_random_guid(c->arena) };
	json_t *person = sb_keep(c->arena, json_copy(c->in)), *rows;

	if (!us_date(param(c, "DateOfBirth")))
		return refuse(c, 400, "DateOfBirth is not a valid date");
	if (param(c, "PrimaryPhone")[0] != '\0' && !decimal(param(c, "PrimaryPhone"), 10))
		return refuse(c, 400, "PrimaryPhone must be digits");
	json_object_del(person, "RequestedByEmployeeID");
	json_object_set_new(person, "personID", json_string(o.id));
	o.subject = arena_printf(c->arena, "%s|%s|%s", param(c, "LastName"), param(c, "FirstName"), param(c, "DateOfBirth"));
	o.refs = sb_refs(c->arena, NULL, o.id, param(c, "Email"), NULL);
	o.data = person;
	if (sb_add(c->db, &o, err) < 0)
		return -1;
	rows = json_array();
	json_array_append_new(rows, row("personID", o.id));
	return answer_set(c, "patient", rows);
}

/* A pharmacy's prescriber file comes from the national registry, so it knows nearly everybody; the id is made of the NPI. */
static bool
prescriber_known(const char *npi)
{
	return decimal(npi, 10) && (npi[0] == '1' || npi[0] == '2') && strcmp(npi + 6, "0000") != 0;
}

static int
prescriber_search(struct call *c, struct problem *err)
{
	const char *npi = param(c, "NPI");
	json_t *rows = json_array();

	(void)err;
	if (prescriber_known(npi)) {
		json_t *who = row("personID", arena_printf(c->arena, "b0c00000-0000-4000-8000-00%s", npi));

		json_object_set_new(who, "npi", json_string(npi));
		json_array_append_new(rows, who);
	}
	return answer_set(c, "prescriberSearchResults", rows);
}

/* ---- prescriptions */

static const char rx_number_sql[] = "SELECT nextval('rx_number')::text AS n";

static int
check_rx(struct call *c, struct problem *err)
{
	const char *by = param(c, "WrittenByID"), *quantity = param(c, "Quantity"), *refills = param(c, "NumberOfRefillsAllowed");
	struct found patient;

	if (!us_date(param(c, "DateWritten")))
		return refuse(c, 400, "DateWritten is not a valid date");
	if (*quantity == '\0' || quantity[strspn(quantity, "0123456789.")] != '\0' || strtod(quantity, NULL) <= 0)
		return refuse(c, 400, "Quantity must be a positive number");
	if (*refills == '\0' || refills[strspn(refills, "0123456789")] != '\0')
		return refuse(c, 400, "NumberOfRefillsAllowed must be a number");
	if (!decimal(param(c, "MedicationNDC"), 11) || strcmp(param(c, "MedicationNDC"), "00000000000") == 0)
		return refuse(c, 400, "MedicationNDC was not found");
	if (strlen(by) != 36 || strncmp(by, "b0c00000-0000-4000-8000-00", 26) != 0 || !prescriber_known(by + 26))
		return refuse(c, 400, "WrittenByID was not found");
	if (sb_get(c->db, "pioneerrx", "patient", param(c, "PatientID"), false, &patient, err) < 0)
		return -1;
	return patient.data != NULL ? 0 : refuse(c, 400, "PatientID was not found");
}

static int
rx_add(struct call *c, struct problem *err)
{
	struct object o = { .vendor = "pioneerrx", .type = "rx", .id = sb_random_guid(c->arena) };
	const struct row *w;
	json_t *rx, *rows, *line;
	int rc;

	if ((rc = check_rx(c, err)) != 0)
		return rc;
	if (db_one(c->db, &w, rx_number_sql, err) < 0)
		return -1;
	rx = sb_keep(c->arena, json_copy(c->in));
	line = row("rxTransactionID", o.id);
	json_object_set_new(line, "rxID", json_string(sb_random_guid(c->arena)));
	json_object_set_new(line, "rxNumber", json_string(row_str(w, "n")));
	json_object_set_new(line, "refillNumber", json_string("0"));
	json_object_update(rx, line);
	o.data = rx;
	o.subject = param(c, "PrescriberOrderNumber")[0] != '\0' ? param(c, "PrescriberOrderNumber") : NULL;
	o.refs = sb_refs(c->arena, NULL, o.id, row_str(w, "n"), param(c, "PrescriberOrderNumber"), NULL);
	rows = json_array();
	json_array_append_new(rows, line);
	if (sb_add(c->db, &o, err) < 0) {
		json_decref(rows);
		return -1;
	}
	return answer_set(c, "rxTransaction", rows);
}

static const struct { const char *rx, *fill; } way[] = {
	{ "On Hold", "On Hold" },
	{ "Active", "Waiting for Data Entry" },
	{ "Active", "Data Entry" },
	{ "Active", "Pharmacist Review" },
	{ "Active", "Verified" },
	{ "Active", "Ready for Shipping" },
};

/* Rows of the table by one of its two handles, oldest first: a prescription that was sent twice shows twice. */
static const char by_order_sql[] =
	"SELECT data::text AS data, floor(extract(epoch FROM clock_timestamp() - created_at))::bigint AS age FROM object"
	" WHERE vendor = 'pioneerrx' AND type = 'rx' AND subject = $1 ORDER BY seq";
static const char by_id_sql[] =
	"SELECT data::text AS data, floor(extract(epoch FROM clock_timestamp() - created_at))::bigint AS age FROM object"
	" WHERE vendor = 'pioneerrx' AND type = 'rx' AND id = $1";

static json_t *
rx_line(struct call *c, const struct row *w, struct problem *err)
{
	static const char *const kept[] = { "rxTransactionID", "rxID", "rxNumber", "refillNumber", "PrescriberOrderNumber" };
	const char *text = row_str(w, "data");
	json_t *rx = json_read(c->arena, text, strlen(text), err), *line;
	int64_t step = conf_int(c->r->conf, "SANDBOX_STEP"), n = row_int(w, "age") / (step > 0 ? step : 1);
	bool rejected = strncmp(sb_text(rx, "MedicationNDC", ""), "99999", 5) == 0;

	if (rx == NULL)
		return NULL;
	if (sb_is(rx, "HoldUntilReleased", "true"))
		n = 0;
	n = n < (int64_t)COUNT(way) ? n : (int64_t)COUNT(way) - 1;
	line = json_object();
	for (size_t i = 0; i < COUNT(kept); i++)
		if (json_object_get(rx, kept[i]) != NULL)
			json_object_set(line, kept[i], json_object_get(rx, kept[i]));
	rejected = rejected && n >= 3;
	json_object_set_new(line, "currentRxStatusID", json_string(rejected ? "9" : n == 0 ? "2" : "1"));
	json_object_set_new(line, "currentRxStatusText", json_string(rejected ? "Rejected" : way[n].rx));
	json_object_set_new(
	    line, "currentRxTransactionStatusID", json_string(arena_printf(c->arena, "%d", rejected ? 99 : (int)n + 1)));
	json_object_set_new(line, "currentRxTransactionStatusText", json_string(rejected ? "Rejected" : way[n].fill));
	json_object_set_new(line, "fillState", json_string(rejected || n < 5 ? "InProcess" : "Filled"));
	json_object_set_new(line, "completedDate", json_null());
	json_object_set_new(line, "trackingNumber", json_null());
	return line;
}

static int
rx_get(struct call *c, struct problem *err)
{
	const char *id = param(c, "RxTransactionID"), *order = param(c, "PrescriberOrderNumber");
	struct rows *found;
	json_t *rows;
	int rc;

	if (*id == '\0' && *order == '\0')
		return refuse(c, 400, "RxTransactionID is required");
	if (*id != '\0')
		rc = db_all(c->db, &found, by_id_sql, err, P_TEXT(id));
	else
		rc = db_all(c->db, &found, by_order_sql, err, P_TEXT(order));
	if (rc < 0)
		return -1;
	rows = json_array();
	for (size_t i = 0; i < rows_count(found); i++) {
		json_t *line = rx_line(c, rows_at(found, i), err);

		if (line == NULL) {
			json_decref(rows);
			return -1;
		}
		json_array_append_new(rows, line);
	}
	return answer_set(c, "rxTransaction", rows);
}

/* Our assumption: a prescription that was added to wait for its release goes its way from here. */
static int
rx_release(struct call *c, struct problem *err)
{
	struct listing l = { .vendor = "pioneerrx", .type = "rx", .subject = param(c, "PrescriberOrderNumber"), .limit = 1 };
	struct object o = { .vendor = "pioneerrx", .type = "rx" };
	json_t *found, *rx, *rows;

	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	rx = json_array_get(found, 0);
	if (rx == NULL)
		return refuse(c, 400, "PrescriberOrderNumber was not found");
	json_object_set_new(rx, "HoldUntilReleased", json_string("false"));
	o.id = json_text_at(rx, "rxTransactionID");
	o.data = rx;
	if (sb_put(c->db, &o, err) < 0)
		return -1;
	rows = json_array();
	json_array_append_new(rows, row("rxTransactionID", o.id));
	return answer_set(c, "rxTransaction", rows);
}

static int
item_search(struct call *c, struct problem *err)
{
	const char *ndc = param(c, "NDC");
	json_t *rows = json_array();

	(void)err;
	if (decimal(ndc, 11) && strcmp(ndc, "00000000000") != 0) {
		json_t *item = row("itemID", arena_printf(c->arena, "d0c00000-0000-4000-8000-0%s", ndc));

		json_object_set_new(item, "ndc", json_string(ndc));
		json_array_append_new(rows, item);
	}
	return answer_set(c, "itemSearchResults", rows);
}

static int
test(struct call *c, struct problem *err)
{
	json_t *rows = json_array();

	(void)err;
	json_array_append_new(rows, row("locationName", "Sandbox Pharmacy"));
	return answer_set(c, "1", rows);
}

/* ---- the one door */

static const struct method methods[] = {
	{ "PatientSearch", patient_search, "RequestedByEmployeeID LastName FirstName" },
	{ "PatientAdd", patient_add,
	    "RequestedByEmployeeID LastName FirstName GenderID DateOfBirth AddressLine1 City State ZipCode" },
	{ "PrescriberSearch", prescriber_search, "RequestedByEmployeeID" },
	{ "RxAddOnHold", rx_add,
	    "RequestedByEmployeeID PatientID WrittenByID DateWritten Directions Quantity QuantityTypeID NumberOfRefillsAllowed"
	    " OriginTypeID MedicationNDC" },
	{ "GetRxTransaction", rx_get, "RequestedByEmployeeID" },
	{ "RxReleaseHold", rx_release, "RequestedByEmployeeID PrescriberOrderNumber" },
	{ "ItemSearch", item_search, "RequestedByEmployeeID NDC" },
	{ "Test", test, "" },
};

static int
read_params(struct call *c, const json_t *body)
{
	size_t i;
	json_t *p;

	c->in = sb_keep(c->arena, json_object());
	json_array_foreach(json_object_get(body, "ParameterCollection"), i, p) {
		const char *name = json_text_at(p, "Name");

		if (name == NULL || !json_is_string(json_object_get(p, "Value")))
			return refuse(c, 400, "Each parameter needs a Name and a Value, both strings");
		json_object_set(c->in, name, json_object_get(p, "Value"));
	}
	return 0;
}

static int
check_params(struct call *c, const struct method *m)
{
	char *list = arena_dup(c->arena, m->required), *rest = NULL;

	for (char *name = strtok_r(list, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
		if (param(c, name)[0] == '\0')
			return refuse(c, 400, arena_printf(c->arena, "%s is required", name));
	if (strstr(m->required, "RequestedByEmployeeID") != NULL &&
	    !sb_credential(c->r, "PIONEERRX_EMPLOYEE_ID", param(c, "RequestedByEmployeeID")))
		return refuse(c, 400, "RequestedByEmployeeID was not found");
	return 0;
}

static int
process_op(struct call *c, struct problem *err)
{
	struct problem ignored = { 0 };
	const json_t *body = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	int rc;

	if (!json_is_object(body) || json_text_at(body, "Version") == NULL)
		return refuse(c, 400, "Malformed request");
	if ((rc = read_params(c, body)) != 0)
		return rc;
	for (size_t i = 0; i < COUNT(methods); i++)
		if (sb_is(body, "MethodName", methods[i].name))
			return (rc = check_params(c, &methods[i])) != 0 ? rc : methods[i].run(c, err);
	return refuse(c, 400, "Unknown method");
}

static int
authenticated_op(struct call *c, struct problem *err)
{
	(void)err;
	sb_answer_empty(c, 200);
	return 0;
}

static const struct vendor vendor = {
	.name = "pioneerrx", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_pioneerrx(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}

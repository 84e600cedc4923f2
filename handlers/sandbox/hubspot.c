/*
 * hubspot.c: the HubSpot stand-in: contacts (create, read, change, upsert by address). Tables: object (contact).
 *
 * Called by notify. An address belongs to one contact, whichever case it is written in; ids and values are texts. The local part of an address scripts
 * the answer of whoever writes it: http401, http403, http429, http500; daily answers the daily limit.
 */
#include "base/clock.h"
#include "crypto/random.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

#define MOST_INPUTS 100

static operation_fn create_op, get_op, patch_op, upsert_op;

static const struct operation operations[] = {
	{ "POST", "/hubspot/crm/v3/objects/contacts", create_op },
	{ "GET", "/hubspot/crm/v3/objects/contacts/:id", get_op },
	{ "PATCH", "/hubspot/crm/v3/objects/contacts/:id", patch_op },
	{ "POST", "/hubspot/crm/v3/objects/contacts/batch/upsert", upsert_op },
};

/* An address is looked for and then kept: nobody else may do the same meanwhile. */
static const char lock_sql[] = "SELECT pg_advisory_xact_lock(hashtextextended('hubspot.contact', 0))";

static json_t *
error_tree(struct call *c, const char *category, const char *message)
{
	json_t *e = json_object();

	json_object_set_new(e, "status", json_string("error"));
	json_object_set_new(e, "message", json_string(message));
	json_object_set_new(e, "correlationId", json_string(sb_random_guid(c->arena)));
	json_object_set_new(e, "category", json_string(category));
	return e;
}

static int
refuse(struct call *c, int status, const char *category, const char *message)
{
	sb_answer(c, status, sb_keep(c->arena, error_tree(c, category, message)));
	return REFUSED;
}

static int
limited(struct call *c, const char *message, const char *policy)
{
	json_t *e = sb_keep(c->arena, error_tree(c, "RATE_LIMITS", message));

	json_object_set_new(e, "errorType", json_string("RATE_LIMIT"));
	json_object_set_new(e, "policyName", json_string(policy));
	sb_answer(c, 429, e);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	if (status == 429)
		limited(c, "You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING");
	else
		refuse(c, status, "INTERNAL_ERROR", "internal error");
}

static void
finish(struct call *c)
{
	sb_answer_header(c, "X-HubSpot-RateLimit-Max", "190");
	sb_answer_header(c, "X-HubSpot-RateLimit-Remaining", c->answer.status == 429 ? "0" : "189");
	sb_answer_header(c, "X-HubSpot-RateLimit-Interval-Milliseconds", "10000");
}

static int
admit(struct call *c, struct problem *err UNUSED)
{
	return sb_credential(c->r, "HUBSPOT_TOKEN", sb_bearer(c->r)) ? 0 :
	    refuse(c, 401, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication.");
}

/* ---- a contact */

/* As HubSpot keeps it: lower case, without space around. NULL when it is no address. */
static const char *
address(struct arena *a, const char *s)
{
	char *copy = arena_dup(a, s + strspn(s, " \t")), *at;
	size_t n = strlen(copy);

	while (n > 0 && (copy[n - 1] == ' ' || copy[n - 1] == '\t'))
		copy[--n] = '\0';
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	at = strchr(copy, '@');
	return at == NULL || at == copy || strchr(at, '.') == NULL || strpbrk(copy, " \t\r\n") != NULL ? NULL : copy;
}

static int
find(struct call *c, const char *id, bool by_address, json_t **ret, struct problem *err)
{
	struct found f;
	json_t *list;

	*ret = NULL;
	if (by_address) {
		if (sb_list(c->db, &(struct listing){ .vendor = "hubspot", .type = "contact", .subject = id, .limit = 1 }, &list, err) < 0)
			return -1;
		*ret = json_array_get(list, 0);
		return 0;
	}
	if (sb_get(c->db, "hubspot", "contact", id, true, &f, err) < 0)
		return -1;
	*ret = f.data;
	return 0;
}

static int
properties_good(struct call *c, const json_t *properties)
{
	const char *name;
	json_t *value;

	if (!json_is_object(properties))
		return refuse(c, 400, "VALIDATION_ERROR", "Invalid input JSON: properties is required");
	json_object_foreach((json_t *)(uintptr_t)properties, name, value)
		if (!json_is_string(value))
			return refuse(c, 400, "VALIDATION_ERROR",
			    arena_printf(c->arena, "Invalid input JSON: the value of %s is no string", name));
	return 0;
}

/* Writes properties over the contact's, or makes a new one; its address is already normalised. */
static int
keep(struct call *c, json_t *contact, const json_t *properties, const char *email, json_t **ret, struct problem *err)
{
	bool fresh = contact == NULL;
	char id[13], now[CLOCK_TEXT];
	json_t *p;

	(void)clock_text(clock_us(), now);
	if (fresh) {
		if (random_digits(id + 1, 11) < 0)
			return problem(err, 503, "no_random", "no random bytes");
		id[0] = '5';
		contact = sb_keep(c->arena, json_object());
		json_object_set_new(contact, "id", json_string(id));
		json_object_set_new(contact, "properties", json_object());
		json_object_set_new(contact, "createdAt", json_string(now));
		json_object_set_new(contact, "archived", json_false());
	}
	p = json_object_get(contact, "properties");
	json_object_update(p, (json_t *)(uintptr_t)properties);
	if (email != NULL)
		json_object_set_new(p, "email", json_string(email));
	json_object_set(p, "hs_object_id", json_object_get(contact, "id"));
	json_object_set_new(p, "lastmodifieddate", json_string(now));
	json_object_set_new(contact, "updatedAt", json_string(now));
	struct object o = { .vendor = "hubspot", .type = "contact", .id = sb_text(contact, "id", ""), .subject = sb_text(p, "email", NULL), .data = contact };
	o.refs = sb_refs(c->arena, NULL, o.id, o.subject, NULL);
	*ret = contact;
	return fresh ? sb_add(c->db, &o, err) : sb_put(c->db, &o, err);
}

/* What the address asks for instead of a contact. */
static int
scripted(struct call *c, const char *email)
{
	if (strncmp(email, "http401@", 8) == 0)
		return refuse(c, 401, "EXPIRED_AUTHENTICATION", "The token has expired");
	if (strncmp(email, "http403@", 8) == 0)
		return refuse(c, 403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call.");
	if (strncmp(email, "daily@", 6) == 0)
		return limited(c, "You have reached your daily limit.", "DAILY");
	if (strncmp(email, "http429@", 8) == 0 || strncmp(email, "http500@", 8) == 0) {
		failure(c, strncmp(email, "http429@", 8) == 0 ? 429 : 500);
		return REFUSED;
	}
	return 0;
}

/* ---- the calls */

static int
read_body(struct call *c, json_t **ret)
{
	struct problem ignored = { 0 };

	*ret = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	return json_is_object(*ret) ? 0 : refuse(c, 400, "VALIDATION_ERROR", "Invalid input JSON");
}

/* The address among the properties; *ret NULL when they have none. */
static int
address_of(struct call *c, const json_t *properties, const char **ret)
{
	const char *given = json_text_at(properties, "email");

	*ret = NULL;
	if (given == NULL)
		return 0;
	*ret = address(c->arena, given);
	if (*ret == NULL)
		return refuse(c, 400, "VALIDATION_ERROR",
		    arena_printf(c->arena, "Property values were not valid: [{\"isValid\":false,\"message\":\"Email address %s is invalid\","
				           "\"error\":\"INVALID_EMAIL\",\"name\":\"email\"}]", given));
	return scripted(c, *ret);
}

static int
lock(struct call *c, struct problem *err)
{
	const struct row *w;

	return db_one(c->db, &w, lock_sql, err);
}

static int
create_op(struct call *c, struct problem *err)
{
	json_t *in, *properties, *other, *contact;
	const char *email;
	int rc;

	if ((rc = read_body(c, &in)) != 0)
		return rc;
	properties = json_object_get(in, "properties");
	if ((rc = properties_good(c, properties)) != 0 || (rc = address_of(c, properties, &email)) != 0)
		return rc;
	if (email != NULL) {
		if (lock(c, err) < 0 || find(c, email, true, &other, err) < 0)
			return -1;
		if (other != NULL)
			return refuse(c, 409, "CONFLICT",
			    arena_printf(c->arena, "Contact already exists. Existing ID: %s", sb_text(other, "id", "")));
	}
	if (keep(c, NULL, properties, email, &contact, err) < 0)
		return -1;
	sb_answer(c, 201, contact);
	return 0;
}

/* The contact that the path names, by its id or with idProperty=email. */
static int
named(struct call *c, json_t **ret, struct problem *err)
{
	const char *property = json_text_at(sb_query(c), "idProperty"), *id = req_str(c->r, "id");
	bool by_address = property != NULL && strcmp(property, "email") == 0;

	if (by_address && (id = address(c->arena, id)) == NULL)
		id = "";
	if (find(c, id, by_address, ret, err) < 0)
		return -1;
	return *ret != NULL ? 0 : refuse(c, 404, "OBJECT_NOT_FOUND", "resource not found");
}

static int
get_op(struct call *c, struct problem *err)
{
	json_t *contact;
	int rc;

	if ((rc = named(c, &contact, err)) != 0)
		return rc;
	sb_answer(c, 200, contact);
	return 0;
}

static int
patch_op(struct call *c, struct problem *err)
{
	json_t *in, *properties, *contact, *other = NULL;
	const char *email;
	int rc;

	if ((rc = read_body(c, &in)) != 0)
		return rc;
	properties = json_object_get(in, "properties");
	if ((rc = properties_good(c, properties)) != 0 || (rc = address_of(c, properties, &email)) != 0)
		return rc;
	if (lock(c, err) < 0 || (email != NULL && find(c, email, true, &other, err) < 0))
		return -1;
	if ((rc = named(c, &contact, err)) != 0)
		return rc;
	if (other != NULL && !sb_is(other, "id", sb_text(contact, "id", "")))
		return refuse(c, 409, "CONFLICT", arena_printf(c->arena, "Contact already exists. Existing ID: %s", sb_text(other, "id", "")));
	if (keep(c, contact, properties, email, &contact, err) < 0)
		return -1;
	sb_answer(c, 200, contact);
	return 0;
}

/* One input of an upsert: 0 and its contact in results, or 0 and an error in errors; what is not even an input refuses the whole batch. */
static int
upsert_one(struct call *c, const json_t *input, json_t *results, json_t *errors, struct problem *err)
{
	const json_t *properties = json_object_get(input, "properties");
	const char *id = json_text_at(input, "id"), *email;
	json_t *contact;
	int rc;

	if (id == NULL || !sb_is(input, "idProperty", "email"))
		return refuse(c, 400, "VALIDATION_ERROR", "Invalid input JSON: id and idProperty email are required");
	if ((rc = properties_good(c, properties)) != 0)
		return rc;
	email = address(c->arena, id);
	if (email == NULL) {
		json_array_append_new(errors, error_tree(c, "VALIDATION_ERROR", "Email address is invalid"));
		return 0;
	}
	if ((rc = scripted(c, email)) != 0)
		return rc;
	if (find(c, email, true, &contact, err) < 0)
		return -1;
	bool fresh = contact == NULL;
	if (keep(c, contact, properties, email, &contact, err) < 0)
		return -1;
	json_t *shown = sb_shown(c->arena, contact);
	json_object_set_new(shown, "new", json_boolean(fresh));
	json_array_append(results, shown);
	return 0;
}

static int
upsert_op(struct call *c, struct problem *err)
{
	json_t *in, *inputs, *input, *body, *results = json_array(), *errors = json_array();
	char now[CLOCK_TEXT];
	size_t i;
	int rc;

	body = sb_keep(c->arena, json_object());
	json_object_set_new(body, "status", json_string("COMPLETE"));
	json_object_set_new(body, "startedAt", json_string(clock_text(clock_us(), now)));
	json_object_set_new(body, "results", results);
	json_object_set_new(body, "errors", errors);
	if ((rc = read_body(c, &in)) != 0)
		return rc;
	inputs = json_object_get(in, "inputs");
	if (json_array_size(inputs) < 1 || json_array_size(inputs) > MOST_INPUTS)
		return refuse(c, 400, "VALIDATION_ERROR", "Invalid input JSON: inputs needs 1 to 100 entries");
	if (lock(c, err) < 0)
		return -1;
	json_array_foreach(inputs, i, input)
		if ((rc = upsert_one(c, input, results, errors, err)) != 0)
			return rc;
	json_object_set_new(body, "completedAt", json_string(clock_text(clock_us(), now)));
	json_object_set_new(body, "numErrors", json_integer((json_int_t)json_array_size(errors)));
	if (json_array_size(errors) == 0) {
		(void)json_object_del(body, "errors");
		(void)json_object_del(body, "numErrors");
	}
	sb_answer(c, json_object_get(body, "errors") == NULL ? 200 : 207, body);
	return 0;
}

static const struct vendor vendor = {
	.name = "hubspot", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure, .finish = finish,
};

int
sb_hubspot(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}

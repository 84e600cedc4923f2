/* req.c: see req.h. What a handler reads. */
#include "core.h"

#include "base/money.h"
#include "web/web_private.h"

const char *
req_header(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->nheaders; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

json_t *
req_json(const struct req *r, const char *name)
{
	json_t *v = json_object_get(r->params, name);

	if (v == NULL)
		v = json_object_get(r->query, name);
	if (v == NULL)
		v = json_object_get(r->body, name); /* NULL for a body that is no object */
	return v;
}

bool
req_has(const struct req *r, const char *name)
{
	json_t *v = req_json(r, name);

	return v != NULL && !json_is_null(v);
}

const char *
req_opt_str(const struct req *r, const char *name)
{
	return json_string_value(req_json(r, name));
}

const char *
req_str(const struct req *r, const char *name)
{
	const char *s = req_opt_str(r, name);

	return s != NULL ? s : "";
}

struct uuid
req_uuid(const struct req *r, const char *name)
{
	struct uuid u;

	return uuid_parse(req_str(r, name), &u) == 0 ? u : UUID_NIL;
}

int64_t
req_int(const struct req *r, const char *name, int64_t otherwise)
{
	json_t *v = req_json(r, name);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

int64_t
req_money(const struct req *r, const char *name, int64_t otherwise)
{
	json_t *v = req_json(r, name);
	int64_t cents;

	return v != NULL && money_of(v, &cents) == 0 ? cents : otherwise;
}

bool
req_bool(const struct req *r, const char *name)
{
	return json_is_true(req_json(r, name));
}

void
req_object_text(struct req *r, const char *object, const char *id)
{
	r->audit.object = object;
	r->audit.object_id = arena_dup(r->arena, id);
	if (r->route->audit == NULL || r->route->db == NONE || !db_in_transaction(r->db))
		return;
	audit_pending(r->db, &r->audit);
	r->audited = true;
}

void
req_object(struct req *r, const char *object, struct uuid id)
{
	char text[UUID_TEXT];

	req_object_text(r, object, uuid_is_nil(id) ? NULL : uuid_text(id, text));
}

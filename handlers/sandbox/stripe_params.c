/*
 * stripe_params.c: reading Stripe's form parameters, and its error bodies.
 */
#include "sandbox/stripe.h"

/* ---- errors */

static json_t *
error_body(struct call *c, json_t *error)
{
	json_t *body = sb_keep(c->arena, json_object());

	json_object_set(body, "error", error);
	return body;
}

json_t *
sb_stripe_error_tree(struct call *c, const char *type, const char *code, const char *param, const char *message)
{
	json_t *e = sb_keep(c->arena, json_object());

	json_object_set_new(e, "type", json_string(type));
	json_object_set_new(e, "message", json_string(message));
	if (code != NULL) {
		json_object_set_new(e, "code", json_string(code));
		json_object_set_new(
		    e, "doc_url", json_string(arena_printf(c->arena, "https://stripe.com/docs/error-codes/%s", code)));
	}
	if (param != NULL)
		json_object_set_new(e, "param", json_string(param));
	json_object_set_new(
	    e, "request_log_url", json_string(arena_printf(c->arena, "https://dashboard.stripe.com/test/logs/%s", c->id)));
	return e;
}

int
sb_stripe_invalid(struct call *c, int status, const char *code, const char *param, const char *fmt, ...)
{
	char message[400];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	sb_answer(c, status, error_body(c, sb_stripe_error_tree(c, "invalid_request_error", code, param, message)));
	return REFUSED;
}

int
sb_stripe_missing(struct call *c, const char *what, const char *id, const char *param)
{
	return sb_stripe_invalid(
	    c, param == NULL ? 404 : 400, "resource_missing", param != NULL ? param : "id", "No such %s: '%s'", what, id);
}

int
sb_stripe_declined(struct call *c, const struct decline *d, const char *member, const json_t *object, const char *charge)
{
	json_t *e = sb_stripe_error_tree(c, "card_error", d->code, NULL, d->message);

	if (d->decline_code != NULL)
		json_object_set_new(e, "decline_code", json_string(d->decline_code));
	if (charge != NULL)
		json_object_set_new(e, "charge", json_string(charge));
	if (member != NULL)
		json_object_set(e, member, sb_shown(c->arena, object));
	sb_answer(c, 402, error_body(c, e));
	return REFUSED;
}

/* ---- parameters */

static bool
word_in(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; n > 0 && (p = strstr(p, word)) != NULL; p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

int
sb_stripe_known_params(struct call *c)
{
	const char *name;
	json_t *value;

	json_object_foreach(c->in, name, value) {
		if (strcmp(name, "expand") == 0 || (c->op->params != NULL && word_in(c->op->params, name)))
			continue;
		if (c->browser && (strcmp(name, "client_secret") == 0 || strcmp(name, "key") == 0))
			continue;
		return sb_stripe_invalid(c, 400, "parameter_unknown", name, "Received unknown parameter: %s", name);
	}
	return 0;
}

const char *
sb_stripe_str(const struct call *c, const char *name)
{
	const char *s = json_text_at(c->in, name);

	return s != NULL && *s != '\0' ? s : NULL;
}

int
sb_stripe_int(struct call *c, const char *name, int64_t otherwise, int64_t *ret)
{
	const char *s = sb_stripe_str(c, name);
	char *end;

	*ret = otherwise;
	if (s == NULL)
		return 0;
	errno = 0;
	*ret = strtoll(s, &end, 10);
	if (errno != 0 || *end != '\0' || end == s || strchr("+ \t", *s) != NULL)
		return sb_stripe_invalid(c, 400, "parameter_invalid_integer", name, "Invalid integer: %.40s", s);
	return 0;
}

int
sb_stripe_bool(struct call *c, const char *name, bool *ret)
{
	const char *s = sb_stripe_str(c, name);

	*ret = s != NULL && strcmp(s, "true") == 0;
	if (s != NULL && !*ret && strcmp(s, "false") != 0)
		return sb_stripe_invalid(c, 400, NULL, name, "Invalid boolean: %.40s", s);
	return 0;
}

int
sb_stripe_choice(struct call *c, const char *name, const char *choices, const char *otherwise, const char **ret)
{
	const char *s = sb_stripe_str(c, name);

	*ret = s != NULL ? s : otherwise;
	if (s != NULL && !word_in(choices, s))
		return sb_stripe_invalid(c, 400, NULL, name, "Invalid %s: must be one of %s", name, choices);
	return 0;
}

int
sb_stripe_metadata(struct call *c, json_t *object)
{
	json_t *given = json_object_get(c->in, "metadata"), *kept = json_object_get(object, "metadata"), *value;
	const char *key;

	if (given == NULL)
		return 0;
	if (json_is_string(given))
		return *json_string_value(given) == '\0' ? json_object_clear(kept) :
							   sb_stripe_invalid(c, 400, NULL, "metadata", "Invalid hash");
	json_object_foreach(given, key, value) {
		const char *s = json_string_value(value);

		if (s == NULL || strlen(key) > 40 || strlen(s) > 500)
			return sb_stripe_invalid(c, 400, NULL, arena_printf(c->arena, "metadata[%.40s]", key),
			    "Metadata keys hold up to 40 characters and values up to 500");
		if (*s == '\0')
			json_object_del(kept, key);
		else
			json_object_set(kept, key, value);
	}
	if (json_object_size(kept) > 50)
		return sb_stripe_invalid(c, 400, NULL, "metadata", "Metadata can only have up to 50 keys");
	return 0;
}

json_t *
sb_stripe_null_or(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

void
sb_stripe_copy(struct call *c, json_t *object, const char *names)
{
	char *list = arena_dup(c->arena, names), *rest = NULL;

	for (char *name = strtok_r(list, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
		json_t *value = json_object_get(c->in, name);

		if (value == NULL && json_object_get(object, name) != NULL)
			continue;
		if (value == NULL || (json_is_string(value) && *json_string_value(value) == '\0'))
			json_object_set_new(object, name, json_null());
		else
			json_object_set(object, name, value);
	}
}

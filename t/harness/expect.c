/*
 * expect.c: what the last answer must be. A failure prints the answer.
 */
#include "core.h"

#include "base/log.h"
#include "harness/harness_private.h"

static void
need_answer(struct world *w)
{
	if (!w->asked)
		die("no request was made yet");
}

static const char *
shown(struct world *w)
{
	return buf_str(&w->req.out);
}

int
answer_status(struct world *w)
{
	need_answer(w);
	return w->req.status;
}

const json_t *
answer(struct world *w)
{
	need_answer(w);
	return w->json;
}

struct bytes
answer_bytes(struct world *w)
{
	need_answer(w);
	return BYTES(buf_str(&w->req.out), w->req.out.len);
}

const char *
answer_header(struct world *w, const char *name)
{
	need_answer(w);
	if (strcasecmp(name, "content-type") == 0)
		return w->req.content_type;
	for (size_t i = 0; i < w->req.nreply_headers; i++)
		if (strcasecmp(w->req.reply_headers[i].name, name) == 0)
			return w->req.reply_headers[i].value;
	return NULL;
}

const char *
answer_text(struct world *w, const char *path)
{
	const char *s = answer(w) != NULL ? json_text_at(answer(w), path) : NULL;

	return s != NULL ? arena_dup(w->life, s) : "";
}

int64_t
answer_int(struct world *w, const char *path)
{
	return answer(w) != NULL ? json_int_at(answer(w), path, -1) : -1;
}

void
expect_status_(struct world *w, int status, const char *file, int line)
{
	if (answer_status(w) != status)
		world_fail(file, line, "status %d, expected %d: %s", w->req.status, status, shown(w));
}

void
expect_problem_(struct world *w, int status, const char *code, const char *file, int line)
{
	expect_status_(w, status, file, line);
	if (strcmp(answer_text(w, "code"), code) != 0)
		world_fail(file, line, "expected problem %s: %s", code, shown(w));
}

void
expect_text_(struct world *w, const char *path, const char *value, const char *file, int line)
{
	if (strcmp(answer_text(w, path), value) != 0)
		world_fail(file, line, "expected %s to be \"%s\": %s", path, value, shown(w));
}

void
expect_int_(struct world *w, const char *path, int64_t value, const char *file, int line)
{
	const json_t *at = answer(w) != NULL ? json_at(answer(w), path) : NULL;

	if (!json_is_integer(at) || json_integer_value(at) != value)
		world_fail(file, line, "expected %s to be %" PRId64 ": %s", path, value, shown(w));
}

void
expect_absent_(struct world *w, const char *path, const char *file, int line)
{
	if (answer(w) != NULL && json_at(answer(w), path) != NULL)
		world_fail(file, line, "expected no %s: %s", path, shown(w));
}

void
expect_error_(struct world *w, const char *field, const char *code, const char *file, int line)
{
	const json_t *errors = answer(w) != NULL ? json_at(answer(w), "errors") : NULL;

	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *e = json_array_get(errors, i);
		const char *f = json_text_at(e, "field"), *c = json_text_at(e, "code");

		if (f != NULL && strcmp(f, field) == 0 && (code == NULL || (c != NULL && strcmp(c, code) == 0)))
			return;
	}
	world_fail(file, line, "expected an error of %s (%s): %s", field, code != NULL ? code : "any", shown(w));
}

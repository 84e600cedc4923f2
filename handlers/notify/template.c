/*
 * template.c: what a message says. The newest version in the database wins; without one the file that was installed with the service speaks. Editing
 * makes a new version and keeps the old (Y-NOTIF-02), and is refused when the text does not parse or names a variable the type does not have.
 * An e-mail file's first line is its subject ("Subject: …").
 */
#include "base/template.h"
#include "notify/notify.h"

#define TEMPLATE_MAX 32768

static const char newest_sql[] =
	"SELECT id, subject, body FROM notification_templates WHERE type = $1 AND channel = $2 AND locale = 'en' ORDER BY version DESC LIMIT 1";
static const char list_sql[] =
	"SELECT DISTINCT ON (type, channel) type, channel, version, subject, body, created_at FROM notification_templates"
	" ORDER BY type, channel, version DESC";
static const char insert_sql[] =
	"INSERT INTO notification_templates (type, channel, version, subject, body)"
	" SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4 FROM notification_templates WHERE type = $1 AND channel = $2 AND locale = 'en'"
	" RETURNING version";

static char *
read_file(struct arena *a, const char *path)
{
	char text[TEMPLATE_MAX];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	return arena_ndup(a, text, n);
}

static void
installed(struct arena *a, const struct conf *conf, const char *type, const char *channel, struct message_template *ret)
{
	static const char mark[] = "Subject: ";
	char *text = read_file(a, arena_printf(a, "%s/notify/%s.%s.en.mustache", conf_str(conf, "TEMPLATES_DIR"), type, channel));
	char *end;

	ret->body = text;
	if (text == NULL || strncmp(text, mark, sizeof(mark) - 1) != 0 || (end = strchr(text, '\n')) == NULL)
		return;
	*end = '\0';
	ret->subject = text + sizeof(mark) - 1;
	ret->body = end + 1;
}

int
message_template(struct db *db, const struct conf *conf, const char *type, const char *channel, struct message_template *ret, struct problem *err)
{
	const struct row *w;

	*ret = (struct message_template){ 0 };
	if (db_one(db, &w, newest_sql, err, P_TEXT(type), P_TEXT(channel)) < 0)
		return -1;
	if (w == NULL) {
		installed(db_current_arena(db), conf, type, channel, ret);
		return 0;
	}
	*ret = (struct message_template){ .id = row_int(w, "id"), .subject = row_opt_str(w, "subject"), .body = row_str(w, "body") };
	return 0;
}

int
templates_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "templates");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *t = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "type", row_str(t, "type"));
		jw_str(w, "channel", row_str(t, "channel"));
		jw_int(w, "version", row_int(t, "version"));
		jw_opt_str(w, "subject", row_opt_str(t, "subject"));
		jw_str(w, "body", row_str(t, "body"));
		jw_time(w, "createdAt", row_time(t, "created_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

static bool
promised(const struct notice *n, const char *channel, const char *name)
{
	if (strcmp(name, "firstName") == 0)
		return true;
	if (strcmp(name, "drugName") == 0)
		return n->drug && strcmp(channel, "email") == 0;
	for (const char *const *v = n->variables; *v != NULL; v++)
		if (strcmp(*v, name) == 0)
			return true;
	return false;
}

static int
check_names(struct arena *a, const struct notice *n, const char *channel, const char *text, struct problem *err)
{
	json_t *names = template_names(text, err), *name;
	size_t i;

	if (names == NULL)
		return -1;
	arena_defer(a, (void (*)(void *))json_decref, names);
	json_array_foreach(names, i, name)
		if (!promised(n, channel, json_string_value(name)))
			return problem(err, 422, "unknown_variable", "%s has no variable %s", n->type, json_string_value(name));
	return 0;
}

int
template_put(struct req *r, struct problem *err)
{
	const struct notice *n = notice_find(req_str(r, "type"));
	const struct row *w;

	if (n == NULL)
		return problem(err, 404, "unknown_type", "no such message type");
	if (check_names(r->arena, n, req_str(r, "channel"), req_str(r, "body"), err) < 0 ||
	    check_names(r->arena, n, req_str(r, "channel"), req_str(r, "subject"), err) < 0)
		return -1;
	req_object_text(r, "notification_templates", arena_printf(r->arena, "%s.%s", n->type, req_str(r, "channel")));
	if (db_final(r->db, &w, insert_sql, err, P_TEXT(n->type), P_TEXT(req_str(r, "channel")), P_TEXT(req_opt_str(r, "subject")),
	    P_TEXT(req_str(r, "body"))) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_str(j, "type", n->type);
	jw_str(j, "channel", req_str(r, "channel"));
	jw_int(j, "version", row_int(w, "version"));
	jw_end(j);
	return 0;
}

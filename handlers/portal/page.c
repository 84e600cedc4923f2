/*
 * page.c: the start page, rendered from templates/portal/start.html.mustache.
 */
#include "base/template.h"
#include "portal/portal.h"

#define PAGE_MAX (1024 * 1024)
#define TIMELINES 12

static const char *
page_text(struct req *r, struct problem *err)
{
	const char *path = arena_printf(r->arena, "%s/portal/start.html.mustache", conf_str(r->conf, "TEMPLATES_DIR"));
	char *text = arena_alloc(r->arena, 64 * 1024);
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		problem(err, 500, "template_missing", "templates/portal/start.html.mustache cannot be read");
		return NULL;
	}
	n = fread(text, 1, 64 * 1024 - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	return text;
}

static void
release(void *view)
{
	json_decref(view);
}

int
start_page(struct req *r, struct problem *err)
{
	const char *text = page_text(r, err);
	struct buf page = buf_in(r->arena, PAGE_MAX);
	json_t *view = json_object();

	arena_defer(r->arena, release, view);
	if (text == NULL)
		return -1;
	if (conf_bool(r->conf, "PORTAL_TIMELINES")) {
		json_t *list = timelines_view(r->db, TIMELINES, err);

		if (list == NULL)
			return -1;
		json_object_set_new(view, "development", json_true());
		json_object_set_new(view, "timelines", list);
	}
	if (template_render(text, TEMPLATE_HTML, view, NULL, NULL, &page, err) < 0)
		return -1;
	reply_bytes(r, 200, "text/html; charset=utf-8", BYTES(page.data, page.len));
	reply_header(r, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
	return 0;
}

/*
 * page.c: the start page, rendered from templates/portal/start.html.mustache, and the pages of the staff, files that go out as they are: the inbox, whose
 * script asks case for all that it shows, and the recommended pharmacies, whose script asks prescription and router.
 */
#include "base/template.h"
#include "portal/portal.h"

#define PAGE_MAX (1024 * 1024)
#define FILE_MAX (64 * 1024)
#define TIMELINES 12

static const char *
page_text(struct req *r, const char *name, struct problem *err)
{
	const char *path = arena_printf(r->arena, "%s/portal/%s", conf_str(r->conf, "TEMPLATES_DIR"), name);
	char *text = arena_alloc(r->arena, FILE_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		problem(err, 500, "template_missing", "templates/portal/%s cannot be read", name);
		return NULL;
	}
	n = fread(text, 1, FILE_MAX - 1, f);
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
	const char *text = page_text(r, "start.html.mustache", err);
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

/* ---- the pages of the staff */

static int
as_it_is(struct req *r, const char *name, const char *media, struct problem *err)
{
	const char *text = page_text(r, name, err);

	if (text == NULL)
		return -1;
	reply_bytes(r, 200, media, BYTES_OF(text));
	reply_header(r, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	return 0;
}

int
work_page(struct req *r, struct problem *err)
{
	return as_it_is(r, "work.html", "text/html; charset=utf-8", err);
}

int
work_script(struct req *r, struct problem *err)
{
	return as_it_is(r, "work.js", "text/javascript; charset=utf-8", err);
}

int
work_style(struct req *r, struct problem *err)
{
	return as_it_is(r, "work.css", "text/css; charset=utf-8", err);
}

int
prescriptions_page(struct req *r, struct problem *err)
{
	return as_it_is(r, "prescriptions.html", "text/html; charset=utf-8", err);
}

int
prescriptions_script(struct req *r, struct problem *err)
{
	return as_it_is(r, "prescriptions.js", "text/javascript; charset=utf-8", err);
}

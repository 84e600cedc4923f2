/*
 * page.c: the page behind the link (P-ENR-05), rendered from templates/enrollment. It shows a first name and who prescribed; a drug only after the birth
 * date, which its script sends. What is wrong with a link is a page, too. Nothing of it is run or styled from outside of its own files.
 */
#include "base/clock.h"
#include "base/template.h"
#include "enrollment/enrollment.h"

#define PAGE_MAX ((size_t)256 * 1024)
#define FILE_MAX ((size_t)64 * 1024)
#define POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; " \
	"frame-ancestors 'none'"

static const char *
file_text(struct req *r, const char *name, struct problem *err)
{
	char *text = arena_alloc(r->arena, FILE_MAX);
	FILE *f = fopen(arena_printf(r->arena, "%s/enrollment/%s", conf_str(r->conf, "TEMPLATES_DIR"), name), "re");
	size_t n;

	if (f == NULL) {
		(void)problem(err, 500, "template_missing", "templates/enrollment/%s cannot be read", name);
		return NULL;
	}
	n = fread(text, 1, FILE_MAX - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	return text;
}

static void
headers(struct req *r)
{
	reply_header(r, "Content-Security-Policy", POLICY);
	reply_header(r, "Referrer-Policy", "no-referrer");
	reply_header(r, "X-Robots-Tag", "noindex");
}

static void
release(void *view)
{
	json_decref(view);
}

static json_t *
view_new(struct req *r)
{
	json_t *view = json_object();
	const char *phone = conf_str(r->conf, "SUPPORT_PHONE");

	arena_defer(r->arena, release, view);
	json_object_set_new(view, "brand", json_string(conf_str(r->conf, "BRAND_NAME")));
	if (*phone != '\0')
		json_object_set_new(view, "phone", json_string(phone));
	return view;
}

static int
render(struct req *r, int status, const char *name, const json_t *view, struct problem *err)
{
	const char *text = file_text(r, name, err);
	struct buf page = buf_in(r->arena, PAGE_MAX);

	if (text == NULL || template_render(text, TEMPLATE_HTML, view, NULL, NULL, &page, err) < 0)
		return -1;
	reply_bytes(r, status, "text/html; charset=utf-8", BYTES(page.data, page.len));
	headers(r);
	return 0;
}

/* What a person is told instead of a problem's code. */
static int
notice(struct req *r, struct problem *err)
{
	static const struct {
		const char *code, *title, *says;
		bool fine;
	} notices[] = {
		{ "unknown_link", "This link does not work", "Please open the link from our message again, or copy the whole address.", false },
		{ "already_used", "You are all set", "We have your information and are working on your prescription. There is nothing more to do.", true },
		{ "link_expired", "This link has expired", "For your safety a link works for 48 hours only. Our team was told and will send you a new one.", false },
		{ "link_revoked", "This link was replaced", "Please use the newest message that we sent you.", false },
		{ "link_locked", "This link is locked",
		    "The date of birth did not match several times. Our team was told and will get in touch with you.", false },
		{ "details_pending", "One moment, please", "We are still preparing your page. Please try again in a minute.", false },
	};
	json_t *view = view_new(r);

	for (size_t i = 0; i < COUNT(notices); i++)
		if (strcmp(notices[i].code, err->code) == 0) {
			int status = err->status;

			json_object_set_new(view, "title", json_string(notices[i].title));
			json_object_set_new(view, "says", json_string(notices[i].says));
			json_object_set_new(view, "fine", json_boolean(notices[i].fine));
			problem_clear(err);
			return render(r, status, "notice.html.mustache", view, err);
		}
	return -1;
}

int
page_show(struct req *r, struct problem *err)
{
	json_t *view = view_new(r), *details = NULL;
	char id[UUID_TEXT], until[CLOCK_TEXT];
	struct candidate c;
	struct link l;

	if (link_find(r->db, req_str(r, "token"), false, &l, err) < 0)
		return notice(r, err);
	req_object(r, "enrollments", l.enrollment_id);
	if (candidate_load(r->db, l.prescription_id, &c, err) < 0)
		return -1;
	details = candidate_open(r->db, &c, err);
	if (details == NULL && err->status == 0)
		(void)problem(err, 503, "details_pending", "the prescription's details are on their way");
	if (details == NULL)
		return notice(r, err);
	json_object_set_new(view, "prescription", json_string(uuid_text(l.prescription_id, id)));
	json_object_set_new(view, "expires", json_string(clock_text(l.expires_at, until)));
	json_object_set(view, "firstName", json_object_get(details, "firstName"));
	json_object_set(view, "prescriber", json_object_get(details, "prescriber"));
	json_object_set_new(view, "consent", json_string(consent_current()->text));
	return render(r, 200, "enroll.html.mustache", view, err);
}

static int
as_it_is(struct req *r, const char *name, const char *media, struct problem *err)
{
	const char *text = file_text(r, name, err);

	if (text == NULL)
		return -1;
	reply_bytes(r, 200, media, BYTES_OF(text));
	headers(r);
	return 0;
}

int
page_script(struct req *r, struct problem *err)
{
	return as_it_is(r, "enroll.js", "text/javascript; charset=utf-8", err);
}

int
page_style(struct req *r, struct problem *err)
{
	return as_it_is(r, "enroll.css", "text/css; charset=utf-8", err);
}

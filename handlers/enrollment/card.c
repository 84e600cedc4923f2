/*
 * card.c: pictures of the insurance card (P-ENR-08). They are looked at by their bytes, sealed, and put into the file store before the row is written; they
 * stay when the enrolment is submitted, and go soon after its link if it never is. Who may look at one is on its route.
 */
#include "base/clock.h"
#include "enrollment/enrollment.h"

#define SIDE_LEAST 200
#define SIDE_MOST  10000
#define UPLOADS	   20 /* per enrolment, until those before are swept */
#define AFTER_S	   86400

static const char count_sql[] = "SELECT count(*) AS n FROM file_assets WHERE belongs_to = $1";
static const char replace_sql[] =
	"UPDATE file_assets SET expires_at = now() WHERE belongs_to = $1 AND kind = $2 AND id <> $3 AND expires_at > now()";

const char *
file_url(struct arena *a, const struct conf *conf, struct uuid id)
{
	char text[UUID_TEXT];

	return arena_printf(a, "%s/api/v1/enrollment/files/%s", conf_str(conf, "PUBLIC_BASE_URL"), uuid_text(id, text));
}

static int
picture_check(struct req *r, struct image *ret, struct problem *err)
{
	if (!image_look(r->raw, ret))
		return problem(err, 422, "not_a_picture", "a whole PNG or JPEG picture is needed");
	if (ret->width < SIDE_LEAST || ret->height < SIDE_LEAST)
		return problem(err, 422, "picture_too_small", "%d x %d pixels; both sides need %d", ret->width, ret->height, SIDE_LEAST);
	if (ret->width > SIDE_MOST || ret->height > SIDE_MOST)
		return problem(err, 422, "picture_too_large", "%d x %d pixels; neither side may pass %d", ret->width, ret->height, SIDE_MOST);
	return 0;
}

static int
room_check(struct req *r, struct uuid enrollment, struct problem *err)
{
	const struct row *w;

	if (db_begin(r->db, READ, &r->scope, err) < 0 || db_one(r->db, &w, count_sql, err, P_UUID(enrollment)) < 0 || db_commit(r->db, err) < 0)
		return -1;
	if (row_int(w, "n") < UPLOADS)
		return 0;
	problem(err, 429, "too_many_pictures", "too many pictures were sent; try again later");
	err->retry_after = 600;
	return -1;
}

int
card_take(struct req *r, struct problem *err)
{
	const struct link *l = r->asked;
	struct file *f = arena_alloc(r->arena, sizeof(*f));
	struct image seen;

	if (picture_check(r, &seen, err) < 0 || room_check(r, l->enrollment_id, err) < 0)
		return -1;
	*f = (struct file){ .subject = l->patient_id, .belongs_to = l->enrollment_id, .media = seen.media, .width = seen.width, .height = seen.height,
		.kind = strcmp(req_str(r, "side"), "front") == 0 ? "insurance_card_front" : "insurance_card_back",
		.keep_s = (l->expires_at - clock_us()) / US_PER_S + AFTER_S };
	if (file_put(r->http, r->arena, r->conf, r->service->name, r->scope.tenant, r->raw, f, err) < 0)
		return -1;
	r->asked = f;
	return 0;
}

int
card_record(struct req *r, struct problem *err)
{
	struct file *f = r->asked;

	req_object(r, "file_assets", f->id);
	if (file_record(r->db, f, err) < 0 ||
	    db_exec(r->db, replace_sql, err, P_UUID(f->belongs_to), P_TEXT(f->kind), P_UUID(f->id)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_uuid(w, "file_id", f->id);
	jw_str(w, "url", file_url(r->arena, r->conf, f->id));
	jw_str(w, "side", req_str(r, "side"));
	jw_str(w, "media", f->media);
	jw_int(w, "width", f->width);
	jw_int(w, "height", f->height);
	jw_end(w);
	return 0;
}

/* ---- staff look at one */

int
file_fetch(struct req *r, struct problem *err)
{
	struct bytes *sealed = arena_alloc(r->arena, sizeof(*sealed));
	struct file f;

	if (db_begin(r->db, READ, &r->scope, err) < 0 || file_find(r->db, req_uuid(r, "fileId"), &f, err) < 0 || db_commit(r->db, err) < 0 ||
	    file_get(r->http, r->arena, r->conf, &f, sealed, err) < 0)
		return -1;
	r->asked = sealed;
	return 0;
}

int
file_show(struct req *r, struct problem *err)
{
	const struct bytes *sealed = r->asked;
	struct bytes plain;
	struct file f;

	req_object(r, "file_assets", req_uuid(r, "fileId"));
	if (file_find(r->db, req_uuid(r, "fileId"), &f, err) < 0 || file_open(r->db, &f, *sealed, &plain, err) < 0)
		return -1;
	reply_bytes(r, 200, f.media, plain);
	reply_header(r, "Content-Security-Policy", "default-src 'none'; sandbox");
	return 0;
}

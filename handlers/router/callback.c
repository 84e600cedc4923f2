/*
 * callback.c: who is told that a prescription moved: the caller's callbackUrl, signed (Y-PLAT-09, Y-RX-U1), and shipping, which follows the parcels
 * that a pharmacy sends itself. Both are keyed by submission and status, so that a repeat is the callee's replay.
 */
#include "router/router.h"

static int
load(struct job *j, struct submission *s, struct problem *err)
{
	if (job_read(j, err) < 0 || submission_load(j->db, job_uuid(j, "id"), s, err) < 0)
		return -1;
	return job_read_end(j, err);
}

int
callback_job(struct job *j, struct problem *err)
{
	struct buf b = buf_in(j->arena, 4096);
	struct submission s;
	struct json_writer w;
	char id[UUID_TEXT];

	if (load(j, &s, err) < 0)
		return -1;
	const char *status = job_str(j, "status");
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "eventId", arena_printf(j->arena, "%s:%s", uuid_text(s.id, id), status));
	jw_uuid(&w, "submissionId", s.id);
	jw_uuid(&w, "externalId", s.external_id);
	jw_str(&w, "status", status);
	jw_opt_str(&w, "trackingNumber", s.tracking_number);
	jw_opt_str(&w, "trackingUrl", s.tracking_url);
	jw_end(&w);
	return job_ask(j, &(struct peer_call){ .service = "integration", .method = "POST", .path = s.callback_url, .body = b.data }, NULL, err);
}

int
parcel_job(struct job *j, struct problem *err)
{
	struct buf b = buf_in(j->arena, 4096);
	struct submission s;
	struct json_writer w;
	char id[UUID_TEXT];

	if (load(j, &s, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "externalId", s.external_id);
	jw_uuid(&w, "submissionId", s.submission_id);
	jw_uuid(&w, "patientId", s.patient_id);
	jw_str(&w, "kind", "external");
	jw_str(&w, "pharmacy", s.pharmacy);
	jw_str(&w, "trackingNumber", s.tracking_number);
	jw_str(&w, "carrier", "fedex");
	jw_end(&w);
	return job_ask(j, &(struct peer_call){ .service = "shipping", .method = "POST", .path = "/shipping/shipments",
	    .key = arena_printf(j->arena, "parcel:%s", uuid_text(s.id, id)), .body = b.data }, NULL, err);
}

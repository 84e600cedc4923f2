/*
 * message.c: the patient hears of the first carrier scan and of the delivery (decision C9). The message key is parcel and status: once each.
 */
#include "base/clock.h"
#include "shipping/shippo.h"

/* A prescription's parcel: its patient is told by whoever knows the patient where to; the drug goes along and is said only to those who agreed. */
static int
tell_of_prescription(struct job *j, const struct shipment *s, struct problem *err)
{
	const char *status = job_str(j, "status");
	const char *type = strcmp(status, "delivered") == 0 ? "parcel_delivered" : strcmp(status, "out_for_delivery") == 0 ? "parcel_out" : "parcel_shipped";
	struct buf b = buf_in(j->arena, 8192);
	struct json_writer w;
	char id[UUID_TEXT], day[CLOCK_TEXT];
	json_t *rx;

	if (parcel_ask_prescription(j, s->external_id, &rx, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", type);
	jw_str(&w, "messageKey", uuid_text(s->id, id));
	jw_object(&w, "recipient");
	jw_uuid(&w, "patientId", s->patient_id);
	jw_opt_str(&w, "email", json_text_at(rx, "patient.email"));
	jw_opt_str(&w, "phone", json_text_at(rx, "patient.phone"));
	jw_end(&w);
	jw_object(&w, "variables");
	jw_str(&w, "firstName", json_text_at(rx, "patient.firstName"));
	jw_str(&w, "carrier", s->carrier);
	jw_str(&w, "trackingNumber", s->tracking_number);
	jw_opt_str(&w, "drugName", json_text_at(rx, "medication.drug_name"));
	jw_opt_str(&w, "link", s->tracking_url);
	if (s->eta != 0)
		jw_strn(&w, "dueDate", clock_text(s->eta, day), 10);
	jw_end(&w);
	jw_end(&w);
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send", .body = b.data }, NULL, err);
}

int
tell_patient_job(struct job *j, struct problem *err)
{
	const char *status = job_str(j, "status");
	struct buf b = buf_in(j->arena, 4096);
	struct shipment s;
	struct json_writer w;
	char id[UUID_TEXT];

	if (job_read(j, err) < 0 || shipment_load(j->db, job_uuid(j, "id"), &s, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (strcmp(s.kind, "prescription") == 0)
		return tell_of_prescription(j, &s, err);
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", "shipment_update");
	jw_str(&w, "messageKey", arena_printf(j->arena, "%s:%s", uuid_text(s.id, id), status));
	jw_object(&w, "recipient");
	jw_uuid(&w, "patientId", s.patient_id);
	jw_end(&w);
	jw_object(&w, "variables");
	jw_uuid(&w, "submissionId", s.submission_id);
	jw_str(&w, "status", status);
	jw_str(&w, "statusText", strcmp(status, "delivered") == 0 ? "delivered" : "on its way");
	jw_str(&w, "carrier", "FedEx");
	jw_str(&w, "trackingNumber", s.tracking_number);
	jw_end(&w);
	jw_end(&w);
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send", .body = b.data }, NULL, err);
}

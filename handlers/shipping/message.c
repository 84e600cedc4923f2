/*
 * message.c: the patient hears of the first carrier scan and of the delivery (decision C9). The message key is parcel and status: once each.
 */
#include "shipping/shipping.h"

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

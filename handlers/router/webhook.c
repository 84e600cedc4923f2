/*
 * webhook.c: what Boothwyn tells us (Y-RX-02, decision C7). The header is a shared secret, not a signature over the body, so nothing here is believed further
 * than its caseId: an unknown one is 404, and the same message again (its bytes' digest is its key) is 200 without effect.
 *
 * A message is proof that the order exists: it settles an order whose answer never came (rule M4).
 */
#include <strings.h>

#include "crypto/hash.h"
#include "crypto/signature.h"
#include "router/router.h"

static const char inbox_sql[] =
	"INSERT INTO vendor_events (id, vendor, event_key, body_enc, outcome) VALUES ($1, 'boothwyn', $2, $3, $4)"
	" ON CONFLICT ON CONSTRAINT vendor_events_once DO NOTHING";

/* rxStatus texts, as far as they are known; another one is kept in vendor_events and changes nothing. */
static const struct {
	const char *text;
	const char *status;
} statuses[] = {
	{ "Received", "accepted" }, { "Processing", "accepted" }, { "Shipped", "shipped" }, { "Delivered", "delivered" },
	{ "Cancelled", "cancelled" }, { "Rejected", "rejected" },
};

int
boothwyn_webhook_check(struct req *r, struct problem *err)
{
	return boothwyn_check(conf_str(r->conf, "BOOTHWYN_WEBHOOK_SECRET"), req_header(r, "boothwyn-signature"), err);
}

static const char *
status_of(const char *text)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (strcasecmp(statuses[i].text, text) == 0)
			return statuses[i].status;
	return NULL;
}

/* Returns 1 when this message is new, 0 when it was here before. */
static int64_t
remember(struct req *r, const struct submission *s, const char *status, struct problem *err)
{
	struct uuid id = uuid_new();
	struct bytes sealed;
	uint8_t digest[32];
	char key[HEX32];

	sha256(r->raw, digest);
	hex_encode(BYTES(digest, sizeof(digest)), key);
	if (vault_seal(r->db, s->patient_id, "vendor_events", "body_enc", id, r->raw, &sealed, err) < 0)
		return -1;
	return db_exec(r->db, inbox_sql, err, P_UUID(id), P_TEXT(key), P_BYTES(sealed), P_TEXT(status == NULL ? "unknown_status" : "applied"));
}

int
boothwyn_webhook(struct req *r, struct problem *err)
{
	const char *status = status_of(req_str(r, "rxStatus"));
	struct submission s;
	int64_t new;
	bool did;

	if (submission_load(r->db, req_uuid(r, "caseId"), &s, err) < 0)
		return -1;
	req_object(r, "router_submissions", s.id);
	new = remember(r, &s, status, err);
	if (new < 0)
		return -1;
	/* Refused after it was taken: the order is void, but what followed its acceptance must be looked at (the money may have moved). */
	if (status != NULL && strcmp(status, "rejected") == 0 && strcmp(s.status, "accepted") == 0)
		status = "cancelled";
	if (new > 0 && status != NULL) {
		struct submission_news news = { .status = status, .tracking_number = req_opt_str(r, "trackingNumber"),
		    .tracking_url = req_opt_str(r, "trackingURL"), .vendor_order = s.vendor_order };

		if (effect_evidence(r->db, "boothwyn.order", s.id, strcmp(status, "rejected") != 0, NULL, &did, err) < 0 ||
		    submission_move(r->db, &s, &news, &did, err) < 0)
			return -1;
	}
	reply_empty(r, 200);
	return 0;
}

/*
 * sandbox_test.c: messages, pharmacies, parcels and the sandbox's own switches.
 */
#include "core.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/signature.h"
#include "handlers/sandbox_world.h"

/* ---- messages */

#define MAIL(to) \
	"{\"personalizations\":[{\"to\":[{\"email\":\"" to \
	"\"}],\"custom_args\":{\"nid\":\"n-1\"}}],\"from\":{\"email\":\"care@telerx.example\"}," \
	"\"subject\":\"Your code\",\"content\":[{\"type\":\"text/plain\",\"value\":\"It is 123456\"},{\"type\":" \
	"\"text/html\",\"value\":\"<b>123456</b>\"}]}"

static void
a_mail_can_be_read_in_the_outbox(void **state)
{
	static const struct { const char *body; int status;
	} bad[] = {
		{ "{", 400 },
		{ "{\"from\":{\"email\":\"care@telerx.example\"}}", 400 },
		{ MAIL("nobody"), 400 },
		{ MAIL("http429@example.com"), 429 },
		{ MAIL("http500@example.com"), 500 },
		{ MAIL("http401@example.com"), 401 },
	};
	struct world *w = *state;

	call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.other", MAIL("reader@example.com"));
	expect_status(w, 401);
	for (size_t i = 0; i < COUNT(bad); i++) {
		call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.test", bad[i].body);
		expect_status(w, bad[i].status);
		assert_non_null(json_at(answer(w), "errors.0.message"));
	}
	for (int i = 0; i < 2; i++) {
		call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.test", MAIL("Reader@example.com"));
		expect_status(w, 202);
		assert_int_equal(strlen(answer_header(w, "X-Message-Id")), 22);
	}
	get(w, BY_PUBLIC, "/sandbox/outbox?to=reader@example.com");
	expect_status(w, 200);
	expect_text(w, "messages.1.text", "It is 123456");
	expect_text(w, "messages.1.channel", "email");
	expect_text(w, "messages.1.subject", "Your code");
	get(w, BY_PUBLIC, "/sandbox/sendgrid/ledger?key=n-1");
	expect_int(w, "count", 2);
}

#define HUBSPOT "/sandbox/hubspot/crm/v3/objects/contacts"
#define UPSERT(email, first) \
	"{\"inputs\":[{\"id\":\"" email "\",\"idProperty\":\"email\",\"properties\":{\"email\":\"" email "\",\"firstname\":\"" first "\"}}]}"

static void
hubspot_keeps_one_contact_for_an_address(void **state)
{
	struct world *w = *state;
	const char *id;

	call(w, "POST", HUBSPOT "/batch/upsert", "Bearer pat-other", UPSERT("a@example.com", "A"));
	expect_status(w, 401);
	expect_text(w, "category", "INVALID_AUTHENTICATION");
	call(w, "POST", HUBSPOT "/batch/upsert", "Bearer pat-test", UPSERT("a@example.com", "A"));
	expect_status(w, 200);
	assert_true(json_is_true(json_at(answer(w), "results.0.new")));
	id = answer_text(w, "results.0.id");
	call(w, "POST", HUBSPOT "/batch/upsert", "Bearer pat-test", UPSERT("A@Example.com", "Ann"));
	expect_status(w, 200);
	assert_true(json_is_false(json_at(answer(w), "results.0.new")));
	expect_text(w, "results.0.id", id);
	expect_text(w, "results.0.properties.firstname", "Ann");
	call(w, "POST", HUBSPOT, "Bearer pat-test", "{\"properties\":{\"email\":\"a@example.com\"},\"associations\":[]}");
	expect_status(w, 409);
	expect_text(w, "message", text(w, "Contact already exists. Existing ID: %s", id));
	call(w, "PATCH", text(w, HUBSPOT "/%s", id), "Bearer pat-test", "{\"properties\":{\"phone\":\"+15045550100\"}}");
	expect_text(w, "properties.phone", "+15045550100");
	call(w, "GET", HUBSPOT "/a%40example.com?idProperty=email", "Bearer pat-test", NULL);
	expect_status(w, 200);
	expect_text(w, "id", id);
	expect_text(w, "properties.firstname", "Ann");
	call(w, "GET", HUBSPOT "/123", "Bearer pat-test", NULL);
	expect_status(w, 404);
	get(w, BY_PUBLIC, "/sandbox/hubspot/ledger?key=a@example.com");
	expect_int(w, "count", 1);
}

static void
hubspot_refuses_as_hubspot_does(void **state)
{
	static const struct { const char *body; int status; const char *path, *says;
	} cases[] = {
		{ "{", 400, "category", "VALIDATION_ERROR" },
		{ "{\"inputs\":[]}", 400, "category", "VALIDATION_ERROR" },
		{ "{\"inputs\":[{\"id\":\"a@example.com\",\"properties\":{}}]}", 400, "category", "VALIDATION_ERROR" },
		{ "{\"inputs\":[{\"id\":\"a@example.com\",\"idProperty\":\"email\",\"properties\":{\"age\":7}}]}", 400, "category", "VALIDATION_ERROR" },
		{ UPSERT("nobody", "A"), 207, "errors.0.category", "VALIDATION_ERROR" },
		{ UPSERT("http429@example.com", "A"), 429, "policyName", "TEN_SECONDLY_ROLLING" },
		{ UPSERT("daily@example.com", "A"), 429, "policyName", "DAILY" },
		{ UPSERT("http403@example.com", "A"), 403, "category", "MISSING_SCOPES" },
		{ UPSERT("http500@example.com", "A"), 500, "status", "error" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", HUBSPOT "/batch/upsert", "Bearer pat-test", cases[i].body);
		expect_status(w, cases[i].status);
		expect_text(w, cases[i].path, cases[i].says);
	}
}

static void
twilio_refuses_its_magic_numbers(void **state)
{
	static const struct { const char *from, *to; int status, code; } cases[] = {
		{ "%2B15005550006", "%2B14155550123", 201, 0 }, { "%2B15005550001", "%2B14155550123", 400, 21212 },
		{ "%2B15005550006", "%2B15005550001", 400, 21211 }, { "%2B15005550006", "%2B15005550004", 400, 21610 },
		{ "%2B15005550006", "%2B15005550009", 400, 21614 }, { "%2B15005550006", "4155550123", 400, 21211 },
	};
	struct world *w = *state;
	const char *auth = TWILIO_AUTH, *sid;

	call(w, "POST", TWILIO_ACCOUNT "/Messages.json", "Basic QUMxOndyb25n",
	    "To=%2B14155550123&From=%2B15005550006&Body=x");
	expect_status(w, 401);
	expect_int(w, "code", 20003);
	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", TWILIO_ACCOUNT "/Messages.json", auth,
		    text(w, "To=%s&From=%s&Body=Hello", cases[i].to, cases[i].from));
		expect_status(w, cases[i].status);
		if (cases[i].code != 0)
			expect_int(w, "code", cases[i].code);
	}
	call(w, "POST", TWILIO_ACCOUNT "/Messages.json", auth,
	    "To=%2B14155550199&From=%2B15005550006&Body=Hello&StatusCallback=https%3A%2F%2Fapp.test%2Fsms");
	sid = answer_text(w, "sid");
	call(w, "GET", text(w, TWILIO_ACCOUNT "/Messages/%s.json", sid), auth, NULL);
	expect_text(w, "status", "queued");
}

static void
twilio_signs_its_callbacks(void **state)
{
	struct world *w = *state;
	const char *auth = TWILIO_AUTH;
	const char *names[8] = { "AccountSid", "ApiVersion", "From", "MessageSid", "MessageStatus", "SmsSid", "SmsStatus", "To" };
	const char *values[8] = { "AC1", "2010-04-01", "+15005550006", NULL, "queued", NULL, "queued", "+14155550100" };
	struct problem err = { 0 };
	const struct sent *s;

	quiet(w);
	call(w, "POST", TWILIO_ACCOUNT "/Messages.json", auth,
	    "To=%2B14155550100&From=%2B15005550006&Body=Hello&StatusCallback=https%3A%2F%2Fapp.test%2Fsms");
	values[3] = values[5] = answer_text(w, "sid");
	stub(w, "POST", "https://app.test/sms", 204, "");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "https://app.test/sms"), 3);
	s = sent_to(w, "POST", "https://app.test/sms", 0);
	assert_int_equal(twilio_check("12345678901234567890123456789012", sent_header(s, "X-Twilio-Signature"),
			     "https://app.test/sms", names, values, 8, &err),
	    0);
}

static void
a_slack_hook_says_ok_or_why_not(void **state)
{
	static const struct { const char *word, *body; int status; const char *says;
	} cases[] = {
		{ "ok", "{\"text\":\"2 runs wait\"}", 200, "ok" },
		{ "ok", "{}", 400, "no_text" },
		{ "ok", "text", 400, "invalid_payload" },
		{ "channel_is_archived", "{\"text\":\"x\"}", 410, "channel_is_archived" },
		{ "limited", "{\"text\":\"x\"}", 429, "rate_limited" },
		{ "limited", "{\"text\":\"x\"}", 200, "ok" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", text(w, "/sandbox/slack/services/T000/B000/%s", cases[i].word), NULL, cases[i].body);
		expect_status(w, cases[i].status);
		assert_int_equal(answer_bytes(w).n, strlen(cases[i].says));
		assert_memory_equal(answer_bytes(w).p, cases[i].says, strlen(cases[i].says));
	}
}

/* ---- pharmacies */

#define CASE "b51d9a52-7a51-4b0c-9d7e-0f6f4f3d2a10"
#define ORDER(sku) \
	"{\"caseId\":\"" CASE \
	"\",\"orderType\":1,\"shippingMethod\":43,\"patient\":{\"firstName\":\"Pat\",\"lastName\":\"Example\"," \
	"\"email\":\"pat@example.com\",\"dateOfBirth\":\"1986-04-17\",\"address\":{\"address1\":\"1 Main St\"," \
	"\"city\":\"Austin\",\"state\":\"CO\"," \
	"\"zipCode\":\"80202\"}},\"clinician\":{\"fullName\":\"Avery Sample\",\"licenses\":[{\"type\":\"npi\"," \
	"\"value\":\"2000000010\"}]}," \
	"\"prescriptions\":[{\"sku\":\"" sku "\",\"amount\":1,\"unit\":\"vial\",\"daysSupply\":30,\"instructions\":\"weekly\"}]}"

static void
boothwyn(struct world *w, const char *key, const char *body)
{
	const struct header headers[] = { { "x-functions-key", key }, { 0 } };

	request(w, BY_PUBLIC, "POST", "/sandbox/boothwyn/api/Prescriptions/B2B", NULL, body, headers);
}

static void
boothwyn_receives_ships_and_tells(void **state)
{
	struct world *w = *state;
	const struct sent *s;
	const char *number;

	quiet(w);
	boothwyn(w, "wrong", ORDER("SEMA-1"));
	expect_status(w, 401);
	boothwyn(w, "boothwyn-key", ORDER("REJECT-1"));
	expect_status(w, 200);
	assert_true(json_is_false(json_object_get(answer(w), "Success")));
	boothwyn(w, "boothwyn-key", ORDER("SEMA-1"));
	expect_text(w, "Results.0.CaseId", CASE);
	stub(w, "POST", "https://app.test/rx/webhooks/boothwyn", 200, "{}");
	stub_once(w, "POST", "https://app.test/rx/webhooks/boothwyn", 404, "{}");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "https://app.test/rx/webhooks/boothwyn"), 3);
	s = sent_to(w, "POST", "https://app.test/rx/webhooks/boothwyn", -1);
	assert_string_equal(sent_header(s, "boothwyn-signature"), "boothwyn-secret");
	get(w, BY_PUBLIC, "/sandbox/boothwyn/ledger?key=" CASE);
	expect_int(w, "count", 1);
	expect_text(w, "entries.0.data.rxStatus", "Shipped");
	number = answer_text(w, "entries.0.data.trackingNumber");
	get(w, BY_PUBLIC, text(w, "/sandbox/fedex/ledger?key=%s", number));
	expect_int(w, "count", 1);
	expect_text(w, "entries.0.data.recipient.address.city", "Austin");
}

static void
pioneer(struct world *w, int64_t at, const char *body)
{
	char stamp[CLOCK_TEXT];
	struct buf signature = BUF_INIT(200);

	pioneerrx_sign(clock_text(at, stamp), "prx-shared-secret-0001", &signature);
	const struct header headers[] = { { "prx-api-key", "prx-key" }, { "prx-timestamp", stamp },
		{ "prx-signature", buf_str(&signature) }, { 0 } };

	request(w, BY_PUBLIC, "POST", "/sandbox/pioneerrx/api/enterprise/method/process", NULL, body, headers);
	buf_release(&signature);
}

#define METHOD(name, params) \
	"{\"MethodName\":\"" name \
	"\",\"Version\":\"1.0\",\"ParameterCollection\":[{\"Name\":\"RequestedByEmployeeID\",\"Value\":\"7\"}" params "]}"
#define PARAM(name, value) ",{\"Name\":\"" name "\",\"Value\":\"" value "\"}"
#define PERSON PARAM("LastName", "Example") PARAM("FirstName", "Pat") PARAM("DateOfBirth", "4/17/1986")

static void
pioneerrx_wants_a_fresh_signature(void **state)
{
	static const struct {
		int64_t off_s;
		int status;
	} cases[] = { { 0, 200 }, { -299, 200 }, { 299, 200 }, { -302, 401 }, { 302, 401 } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		pioneer(w, clock_us() + cases[i].off_s * US_PER_S, METHOD("Test", ""));
		expect_status(w, cases[i].status);
	}
	call(w, "POST", "/sandbox/pioneerrx/api/enterprise/isAuthenticated", NULL, "");
	expect_status(w, 401);
}

static void
pioneerrx_adds_every_time_and_can_be_asked(void **state)
{
	struct world *w = *state;
	const char *patient, *prescriber, *rx;

	pioneer(w, clock_us(), METHOD("PatientSearch", PERSON));
	expect_absent(w, "results.patientSearchResults.0");
	pioneer(w, clock_us(),
	    METHOD("PatientAdd",
		PERSON PARAM("GenderID", "2") PARAM("AddressLine1", "1 Main St") PARAM("City", "Austin") PARAM("State", "CO")
		    PARAM("ZipCode", "80202")));
	expect_status(w, 200);
	patient = answer_text(w, "results.patient.0.personID");
	pioneer(w, clock_us(), METHOD("PatientSearch", PERSON));
	expect_text(w, "results.patientSearchResults.0.personID", patient);
	pioneer(w, clock_us(), METHOD("PrescriberSearch", PARAM("NPI", "2000000010")));
	prescriber = answer_text(w, "results.prescriberSearchResults.0.personID");
	rx = text(w,
	    METHOD("RxAddOnHold",
		PARAM("PatientID", "%s") PARAM("WrittenByID", "%s") PARAM("DateWritten", "1/15/2026") PARAM("Directions", "weekly")
		    PARAM("Quantity", "1") PARAM("QuantityTypeID", "1") PARAM("NumberOfRefillsAllowed", "0")
			PARAM("OriginTypeID", "5") PARAM("MedicationNDC", "00169413212") PARAM("PrescriberOrderNumber", "order-1")),
	    patient, prescriber);
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_absent(w, "results.rxTransaction.0");
	fault(w, "pioneerrx", "{\"mode\":\"timeout_after\"}");
	pioneer(w, clock_us(), rx);
	expect_status(w, 502);
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_text(w, "results.rxTransaction.0.currentRxTransactionStatusText", "On Hold");
	pioneer(w, clock_us(), rx);
	expect_status(w, 200);
	sql_run(w, "UPDATE object SET created_at = created_at - interval '450 seconds' WHERE vendor = 'pioneerrx' AND type = 'rx'");
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_text(w, "results.rxTransaction.1.currentRxTransactionStatusText", "Verified");
}

/* ---- FedEx */

#define SHIP(zip, phone) \
	"{\"labelResponseOptions\":\"LABEL\",\"accountNumber\":{\"value\":\"740561073\"},\"requestedShipment\":{\"pickupType\":" \
	"\"USE_SCHEDULED_PICKUP\",\"serviceType\":\"STANDARD_OVERNIGHT\",\"packagingType\":\"YOUR_PACKAGING\"," \
	"\"totalWeight\":2.0,\"shipper\":{\"contact\":" \
	"{\"personName\":\"Ship Dept\",\"phoneNumber\":\"9015551234\"},\"address\":{\"streetLines\":[\"10 Way\"]," \
	"\"city\":\"Memphis\"," \
	"\"stateOrProvinceCode\":\"TN\",\"postalCode\":\"38125\",\"countryCode\":\"US\"}},\"recipients\":" \
	"[{\"contact\":{\"personName\":\"Pat (Example)\"," \
	"\"phoneNumber\":\"" phone \
	"\"},\"address\":{\"streetLines\":[\"1 Main St\"],\"city\":\"Denver\",\"stateOrProvinceCode\":\"CO\"," \
	"\"postalCode\":\"" zip \
	"\",\"countryCode\":\"US\"}}],\"shippingChargesPayment\":{\"paymentType\":\"SENDER\"},\"labelSpecification\":" \
	"{\"imageType\":\"PDF\"," \
	"\"labelStockType\":\"PAPER_4X6\"},\"requestedPackageLineItems\":[{\"weight\":{\"units\":\"LB\",\"value\":" \
	"2.0},\"customerReferences\":" \
	"[{\"customerReferenceType\":\"CUSTOMER_REFERENCE\",\"value\":\"ord-1\"}]}]}}"

static const char *
fedex_token(struct world *w)
{
	call(w, "POST", "/sandbox/fedex/oauth/token", NULL, "grant_type=client_credentials&client_id=fx&client_secret=fx-secret");
	expect_status(w, 200);
	return text(w, "Bearer %s", answer_text(w, "access_token"));
}

static void
track(struct world *w, const char *token, const char *number)
{
	call(w, "POST", "/sandbox/fedex/track/v1/trackingnumbers", token, text(w,
	    "{\"includeDetailedScans\":true,\"trackingInfo\":[{\"trackingNumberInfo\":{\"trackingNumber\":\"%s\"}}]}", number));
	expect_status(w, 200);
}

#define RESULT "output.completeTrackResults.0.trackResults.0."

static void
a_label_is_a_pdf_and_the_parcel_moves(void **state)
{
	static const char *const codes[] = { "OC", "PU", "IT", "OD", "DL", "DL" };
	struct world *w = *state;
	const char *token = fedex_token(w), *number, *label;
	uint8_t file[16384];

	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", "Bearer no", SHIP("80202", "3105550123"));
	expect_status(w, 401);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "3105550123"));
	expect_status(w, 200);
	number = answer_text(w, "output.transactionShipments.0.masterTrackingNumber");
	assert_int_equal(strlen(number), 12);
	label = answer_text(w, "output.transactionShipments.0.pieceResponses.0.packageDocuments.0.encodedLabel");
	assert_true(base64_decode(label, strlen(label), file) > 500);
	assert_memory_equal(file, "%PDF-1.4", 8);
	for (size_t i = 0; i < COUNT(codes); i++) {
		track(w, token, number);
		expect_text(w, RESULT "latestStatusDetail.derivedCode", codes[i]);
		expect_text(w, RESULT "scanEvents.0.eventType", codes[i]);
		sql_run(w, "UPDATE object SET created_at = created_at - interval '100 seconds' WHERE id = '%s'", number);
	}
	track(w, token, "790000000001");
	expect_text(w, RESULT "error.code", "TRACKING.TRACKINGNUMBER.NOTFOUND");
}

static void
fedex_refuses_and_loses_as_scripted(void **state)
{
	struct world *w = *state;
	const char *token = fedex_token(w);
	int64_t before;

	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "555"));
	expect_status(w, 400);
	expect_text(w, "errors.0.code", "RECIPIENTCONTACT.PHONENUMBER.INVALID");
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("00000", "3105550123"));
	expect_status(w, 400);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("99991", "3105550123"));
	expect_status(w, 503);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, "{\"labelResponseOptions\":\"LABEL\"}");
	expect_text(w, "errors.0.code", "ACCOUNT.NUMBER.REQUIRED");
	before = sql_int(w, "SELECT count(*) FROM object WHERE vendor = 'fedex'");
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("99992", "3105550123"));
	expect_status(w, 502);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE vendor = 'fedex'"), before + 1);
}

static void
a_label_can_be_cancelled_until_pickup(void **state)
{
	struct world *w = *state;
	const char *token = fedex_token(w), *number, *cancel;

	for (int late = 0; late < 2; late++) {
		call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "3105550123"));
		number = answer_text(w, "output.transactionShipments.0.masterTrackingNumber");
		cancel = text(w,
		    "{\"accountNumber\":{\"value\":\"740561073\"},\"trackingNumber\":\"%s\",\"deletionControl\":"
		    "\"DELETE_ALL_PACKAGES\"}",
		    number);
		if (late == 1)
			sql_run(w, "UPDATE object SET created_at = created_at - interval '100 seconds' WHERE id = '%s'", number);
		call(w, "PUT", "/sandbox/fedex/ship/v1/shipments/cancel", token, cancel);
		expect_status(w, 200);
		assert_int_equal(json_is_true(json_at(answer(w), "output.cancelledShipment")), late == 0);
	}
}

/* ---- our own switches */

static void
faults_are_drawn_in_order_and_can_be_cleared(void **state)
{
	struct world *w = *state;

	fault(w, "twilio", "{\"mode\":\"error429\",\"count\":2}");
	get(w, BY_PUBLIC, "/sandbox/twilio/faults");
	expect_int(w, "faults.0.count", 2);
	call(w, "GET", TWILIO_ACCOUNT "/Messages.json",
	    TWILIO_AUTH, NULL);
	expect_status(w, 429);
	request(w, BY_PUBLIC, "DELETE", "/sandbox/twilio/faults", NULL, NULL, NULL);
	expect_status(w, 204);
	call(w, "GET", TWILIO_ACCOUNT "/Messages.json",
	    TWILIO_AUTH, NULL);
	expect_status(w, 200);
	request(w, BY_PUBLIC, "POST", "/sandbox/twilio/faults", NULL, "{\"mode\":\"earthquake\"}", NULL);
	expect_status(w, 422);
	request(w, BY_PUBLIC, "POST", "/sandbox/fax/faults", NULL, "{\"mode\":\"slow\"}", NULL);
	assert_true(answer_status(w) >= 400);
	fault(w, "stripe", "{\"mode\":\"slow\"}");
	stripe(w, "/coupons/NONE", NULL, NULL);
	expect_status(w, 404);
	fault(w, "stripe", "{\"mode\":\"lie_amount\"}");
	stripe(w, "/payment_intents", NULL, "amount=500&currency=usd");
	expect_int(w, "amount", 501);
}

static void
f3_every_vendor_has_the_same_switches(void **state)
{
	static const char *const vendors[] = { "stripe", "canvas", "pioneerrx", "boothwyn", "sendgrid", "twilio", "slack", "hubspot", "fedex", "pharmacy" };
	static const char *const of_all[] = { "error500", "error500_after", "error503", "error429", "timeout_before", "timeout_after", "slow" };
	static const char *const of_webhooks[] = { "webhook_duplicate", "webhook_late", "webhook_drop", "webhook_bad_signature",
		"webhook_reordered" };
	struct world *w = *state;

	for (size_t v = 0; v < COUNT(vendors); v++) {
		bool sends = strstr("stripe boothwyn twilio pharmacy", vendors[v]) != NULL;

		for (size_t m = 0; m < COUNT(of_all); m++)
			fault(w, vendors[v], text(w, "{\"mode\":\"%s\"}", of_all[m]));
		for (size_t m = 0; m < COUNT(of_webhooks); m++) {
			request(w, BY_PUBLIC, "POST", text(w, "/sandbox/%s/faults", vendors[v]), NULL, text(w, "{\"mode\":\"%s\"}", of_webhooks[m]),
			    NULL);
			if (sends)
				expect_status(w, 201);
			else
				expect_problem(w, 422, "no_such_fault");
		}
		request(w, BY_PUBLIC, "POST", text(w, "/sandbox/%s/faults", vendors[v]), NULL, "{\"mode\":\"lie_amount\"}", NULL);
		if (v == 0 || strcmp(vendors[v], "pharmacy") == 0)
			expect_status(w, 201);
		else
			expect_problem(w, 422, "no_such_fault");
		request(w, BY_PUBLIC, "DELETE", text(w, "/sandbox/%s/faults", vendors[v]), NULL, NULL, NULL);
		expect_status(w, 204);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f3_every_vendor_has_the_same_switches),
		cmocka_unit_test(a_mail_can_be_read_in_the_outbox),
		cmocka_unit_test(twilio_refuses_its_magic_numbers),
		cmocka_unit_test(twilio_signs_its_callbacks),
		cmocka_unit_test(a_slack_hook_says_ok_or_why_not),
		cmocka_unit_test(hubspot_keeps_one_contact_for_an_address),
		cmocka_unit_test(hubspot_refuses_as_hubspot_does),
		cmocka_unit_test(boothwyn_receives_ships_and_tells),
		cmocka_unit_test(pioneerrx_wants_a_fresh_signature),
		cmocka_unit_test(pioneerrx_adds_every_time_and_can_be_asked),
		cmocka_unit_test(a_label_is_a_pdf_and_the_parcel_moves),
		cmocka_unit_test(fedex_refuses_and_loses_as_scripted),
		cmocka_unit_test(a_label_can_be_cancelled_until_pickup),
		cmocka_unit_test(faults_are_drawn_in_order_and_can_be_cleared),
	};

	return cmocka_run_group_tests(tests, sandbox_setup, sandbox_teardown);
}

#include "orchestrator_world.h"

#define NOBODY "0194d9f0-0000-7000-8000-00000000ffff"

static unsigned serial;

int
orchestrator_setup(void **state)
{
	*state = world_new(&orchestrator_service, NULL);
	return 0;
}

int
orchestrator_teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char *
an_id(struct world *w)
{
	return text(w, "0194d9f0-0000-7000-8000-%012u", ++serial);
}

static struct uuid
as_uuid(const char *s)
{
	struct uuid u;

	assert_int_equal(uuid_parse(s, &u), 0);
	return u;
}

/* ---- peers */

static void
stub_intake(struct given *g)
{
	struct world *w = g->w;

	stub(w, "GET", text(w, "/intake/submissions/%s", g->submission), 200, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"intakeId\":\"%s\",\"state\":\"LA\",\"platform\":\"yourera\","
	    "\"intakeType\":\"glp1\","
	    "\"formVersion\":\"1\",\"planId\":\"glp1-monthly\",\"amountCents\":29900,\"currency\":\"USD\",\"setupIntentId\":\"%s\","
	    "\"submittedAt\":\"2026-11-01T10:00:00Z\",\"patient\":{\"firstName\":\"Canaryfirst\",\"lastName\":\"Canarylast\","
	    "\"birthDate\":\"1990-02-03\",\"sex\":\"female\",\"email\":\"canary@example.test\",\"phone\":\"+13185550100\","
	    "\"address\":{\"line1\":\"1 Canary Street\",\"city\":\"Shreveport\",\"state\":\"LA\",\"zip\":\"71101\"},"
	    "\"heightCm\":170,"
	    "\"weightKg\":92.5,\"vitals\":{\"systolic\":120,\"diastolic\":80,\"pulse\":70},\"history\":[{\"code\":\"E66.9\","
	    "\"display\":\"Obesity\"}],\"medications\":[{\"name\":\"lisinopril\",\"dose\":\"10 mg\"}],"
	    "\"allergies\":[{\"substance\":\"latex\"}],"
	    "\"answers\":[{\"linkId\":\"goal\",\"text\":\"Goal?\",\"answer\":\"Canaryanswer\"}],\"consents\":[{\"type\":\"hipaa\","
	    "\"version\":\"1\",\"accepted\":true}]}}", g->submission, g->patient, g->intake, g->setup));
}

void
stub_assignment(struct given *g, const char *claimed_by)
{
	struct world *w = g->w;

	stub(w, "GET", text(w, "/route/assignments/%s", g->assignment), 200, text(w,
	    "{\"assignmentId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"LA\",\"platform\":\"yourera\","
	    "\"intakeType\":\"glp1\",\"mode\":\"pool\",\"status\":\"%s\",\"openedAt\":\"2026-11-01T10:00:00Z\","
	    "\"physicians\":[]%s}",
	    g->assignment, g->submission, g->patient, claimed_by == NULL ? "open" : "claimed",
	    claimed_by == NULL ? "" : text(w, ",\"claimedBy\":\"%s\"", claimed_by)));
}

void
stub_license(struct given *g, bool licensed)
{
	struct world *w = g->w;

	stub(w, "GET", text(w, "/physicians/%s/verify-license?state=LA", g->physician), 200, text(w,
	    "{\"physicianId\":\"%s\",\"state\":\"LA\",\"licensed\":%s%s}", g->physician, licensed ? "true" : "false",
	    licensed ? ",\"licenseNumber\":\"LA-1\",\"type\":\"MD\"" : ""));
}

static void
stub_physician(struct given *g)
{
	struct world *w = g->w;

	stub_assignment(g, g->physician);
	stub_license(g, true);
	stub(w, "GET", text(w, "/physicians/%s", g->physician), 200, text(w,
	    "{\"physicianId\":\"%s\",\"npi\":\"1234567893\",\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"name\":\"Ada Sample,"
	    " MD\","
	    "\"credentials\":\"MD\",\"email\":\"ada@example.test\",\"platform\":\"yourera\",\"active\":true,\"licenses\":[],"
	    "\"routing\":[],"
	    "\"createdAt\":\"2026-01-01T00:00:00Z\"}", g->physician));
}

static void
stub_pharmacy(struct given *g, const char *pharmacy, const char *adapter, bool own, bool holds)
{
	stub(g->w, "POST", "/rx/route", 200, text(g->w,
	    "{\"pharmacy\":\"%s\",\"name\":\"Sample\",\"adapter\":\"%s\",\"reason\":\"licensed_in_state\","
	    "\"ownShipping\":%s,\"holds\":%s}", pharmacy, adapter, own ? "true" : "false", holds ? "true" : "false"));
}

void
stub_holding_pharmacy(struct given *g)
{
	stub_pharmacy(g, "gmp", "pioneerrx", true, true);
}

void
stub_boothwyn(struct given *g)
{
	stub_pharmacy(g, "boothwyn", "boothwyn", false, false);
}

const char *
payment_reply(struct given *g, const char *status)
{
	return text(g->w, "{\"paymentId\":\"%s\",\"setupIntentId\":\"%s\",\"submissionId\":\"%s\",\"runId\":\"%s\","
	    "\"purpose\":\"visit\","
	    "\"generation\":1,\"amountCents\":29900,\"currency\":\"USD\",\"status\":\"%s\"}", g->payment, g->setup, g->submission,
	    g->run == NULL ? NOBODY : g->run, status);
}

const char *
router_reply(struct given *g, const char *status)
{
	return text(g->w, "{\"routerSubmissionId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"pharmacy\":\"gmp\","
	    "\"status\":\"%s\"}",
	    g->router, g->run == NULL ? NOBODY : g->run, g->submission, status);
}

static void
stub_acts(struct given *g)
{
	struct world *w = g->w;

	stub(w, "POST", "/billing/payments", 202, payment_reply(g, "pending"));
	stub(w, "POST", text(w, "/billing/payments/%s/capture", g->payment), 202, payment_reply(g, "capturing"));
	stub(w, "POST", text(w, "/billing/payments/%s/cancel", g->payment), 202, payment_reply(g, "cancelling"));
	stub(w, "POST", text(w, "/billing/payments/%s/refund", g->payment), 202, payment_reply(g, "refunding"));
	stub(w, "POST", "/rx/prescriptions/submit", 202, router_reply(g, "queued"));
	stub(w, "POST", text(w, "/rx/prescriptions/%s/cancel", g->router), 202, router_reply(g, "cancel_pending"));
	stub(w, "POST", text(w, "/rx/prescriptions/%s/release", g->router), 202, router_reply(g, "accepted"));
	stub(w, "POST", "/api/ehr/notes/amend", 202, "{\"status\":\"queued\"}");
	stub(w, "POST", text(w, "/shipping/shipments/%s/void", g->shipment), 202,
	    text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"own\","
	    "\"pharmacy\":\"gmp\",\"status\":\"voiding\",\"carrier\":\"fedex\"}", g->shipment, NOBODY, g->submission));
	stub(w, "POST", "/api/ehr/notes", 202, "{\"status\":\"queued\"}");
	stub(w, "POST", "/notify/send", 202, text(w, "{\"notificationId\":\"%s\",\"channels\":[]}", an_id(w)));
	stub(w, "POST", "/shipping/shipments", 202,
	    text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"own\","
	    "\"pharmacy\":\"gmp\",\"status\":\"requested\",\"carrier\":\"fedex\"}", g->shipment, NOBODY, g->submission));
}

struct given
a_case(struct world *w)
{
	struct given g = { .w = w, .submission = an_id(w), .patient = an_id(w), .intake = an_id(w), .setup = an_id(w),
	    .assignment = an_id(w), .physician = an_id(w), .payment = an_id(w), .router = an_id(w), .shipment = an_id(w) };

	g.task = text(w, "task-%u", serial);
	stubs_clear(w);
	stub_intake(&g);
	stub_physician(&g);
	stub_pharmacy(&g, "gmp", "pioneerrx", true, false);
	stub_acts(&g);
	send_event(w, "intake", "intake.submitted", as_uuid(g.submission),
	    text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"intakeId\":\"%s\","
	    "\"state\":\"LA\",\"platform\":\"yourera\",\"intakeType\":\"glp1\",\"planId\":\"glp1-monthly\",\"amountCents\":29900,"
	    "\"currency\":\"USD\","
	    "\"setupIntentId\":\"%s\"}", g.submission, g.patient, g.intake, g.setup));
	send_event(w, "integration", "ehr.patient.created", as_uuid(g.patient), text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\","
	    "\"canvasPatientId\":\"canvas-%s\"}", g.submission, g.patient, g.patient));
	return g;
}

/* ---- what happens */

const char *
decision(struct given *g, const char *verb, const char *what)
{
	bool approves = strcmp(verb, "approve") == 0;

	return text(g->w, "{\"taskId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"assignmentId\":\"%s\","
	    "\"practitionerId\":\"%s\","
	    "%s\"%s\":\"%s\"}", g->task, g->submission, g->patient, g->assignment, g->physician,
	    approves ? "\"medication\":\"semaglutide\"," : "", approves ? "dosage" : "reason", what);
}

void
decide(struct given *g, const char *verb, const char *what)
{
	post_key(g->w, BY_SERVICE("integration"), text(g->w, "/orchestrator/%s", verb), text(g->w, "decision-of-the-tests-%u",
	    ++serial), decision(g, verb, what));
	if (answer_status(g->w) == 202)
		g->run = answer_text(g->w, "runId");
}

void
approve(struct given *g)
{
	decide(g, "approve", "0.25 mg");
	expect_status(g->w, 202);
	work(g->w);
}

void
payment_event(struct given *g, const char *status, const char *code)
{
	struct world *w = g->w;

	send_event(w, "billing", text(w, "payment.%s", status), as_uuid(g->payment),
	    text(w, "{\"paymentId\":\"%s\",\"runId\":\"%s\","
	    "\"submissionId\":\"%s\",\"patientId\":\"%s\",\"amountCents\":29900,"
	    "\"currency\":\"USD\"%s}", g->payment, g->run, g->submission,
	    g->patient, code == NULL ? "" : text(w, ",\"code\":\"%s\"", code)));
	work(w);
}

void
rx_event(struct given *g, const char *status, const char *reason)
{
	struct world *w = g->w;

	send_event(w, "router", "rx.submission.updated", as_uuid(g->router),
	    text(w, "{\"routerSubmissionId\":\"%s\",\"externalId\":\"%s\","
	    "\"submissionId\":\"%s\",\"patientId\":\"%s\",\"pharmacy\":\"gmp\","
	    "\"status\":\"%s\"%s}", g->router, g->run, g->submission, g->patient,
	    status, reason == NULL ? "" : text(w, ",\"reason\":\"%s\"", reason)));
	work(w);
}

void
shipment_event(struct given *g, const char *status, const char *reason)
{
	struct world *w = g->w;

	send_event(w, "shipping", "shipment.updated", as_uuid(g->shipment),
	    text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"status\":\"%s\","
	    "\"carrier\":\"fedex\"%s}", g->shipment, g->run, g->submission, g->patient, status,
	    reason == NULL ? "" : text(w, ",\"reason\":\"%s\"", reason)));
	work(w);
}

void
hurry(struct given *g)
{
	for (int i = 0; i < 6; i++) {
		sql_run(g->w, "UPDATE job SET run_at = now() WHERE state = 'ready' AND kind <> 'saga.deadline'");
		work(g->w);
	}
}

/* ---- what became of it */

const char *
run_status(struct given *g)
{
	return sql_text(g->w, "SELECT status FROM orchestration_runs WHERE id = '%s'", g->run);
}

const char *
run_reason(struct given *g)
{
	return sql_text(g->w, "SELECT reason FROM orchestration_runs WHERE id = '%s'", g->run);
}

const char *
step_state(struct given *g, const char *step)
{
	return sql_text(g->w, "SELECT state FROM run_steps WHERE run_id = '%s' AND name = '%s'", g->run, step);
}

const char *
hold_status(struct given *g)
{
	return sql_text(g->w, "SELECT status FROM payment_holds WHERE submission_id = '%s'", g->submission);
}

unsigned
asked(struct given *g, const char *method, const char *target)
{
	return sent_count(g->w, method, target);
}

unsigned
told(struct given *g, const char *type)
{
	unsigned n = 0;
	const struct sent *s;

	for (int i = 0; i < (int)sent_count(g->w, "POST", "/notify/send"); i++) {
		s = sent_to(g->w, "POST", "/notify/send", i);
		n += strcmp(sent_text(s, "type"), type) == 0;
	}
	return n;
}

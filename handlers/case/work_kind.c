/* work_kind.c: the kinds of work items: until when, and what a person may safely do from here. A safe action can be repeated: the owner makes it once. */
#include "case/work_item.h"

#define HOURS 3600

static const struct work_action job_actions[] = {
	{ "retry", "POST", "/jobs/:subject/retry", BODY_NOTHING, NULL, "runs the job again, with its attempts counted anew" },
	{ 0 }
};
static const struct work_action event_actions[] = {
	{ "retry", "POST", "/outbox/:subject/retry", BODY_SUBSCRIBER, NULL, "delivers the event again; what waits behind it follows" },
	{ 0 }
};
static const struct work_action saga_actions[] = {
	{ "confirm", "POST", "/sagas/:subject/decide", BODY_DECISION, "confirm", "the step is done: the run goes on behind it" },
	{ "failed", "POST", "/sagas/:subject/decide", BODY_DECISION, "failed", "the step is certainly not done: the run fails or turns back" },
	{ "retry", "POST", "/sagas/:subject/decide", BODY_DECISION, "retry", "looked up and absent: the same bytes go out under the same key" },
	{ 0 }
};
static const struct work_action effect_actions[] = {
	{ "look-up", "POST", "/effects/:subject/look-up", BODY_NOTHING, .needs = "lookUp", .says = "asks the vendor once more; nothing is sent again" },
	{ 0 }
};
static const struct work_action claim_actions[] = {
	{ "re-adjudicate", "POST", "/:subject/re-adjudicate", BODY_NOTHING, NULL, "makes the claim anew; while one is under way that is the answer" },
	{ 0 }
};
static const struct work_action reverse_actions[] = {
	{ "reversed", "POST", "/claims/:subject/reversed", BODY_NOTHING, NULL, "the pharmacy has reversed the claim: writes that down" },
	{ 0 }
};
static const struct work_action none[] = { { 0 } };

static const struct work_kind kinds[] = {
	{ "job.dead", 4 * HOURS, job_actions, "a job used up its attempts" },
	{ "event.dead", 4 * HOURS, event_actions, "an event could not be delivered; what follows it waits" },
	{ "effect.manual", 1 * HOURS, effect_actions, "nobody can say whether a vendor did what it was asked to" },
	{ "saga.manual", 1 * HOURS, saga_actions, "a run stopped at a step that only a person can settle" },
	{ "prescription.cancel", 1 * HOURS, none, "a pharmacy must be asked to cancel a prescription that was taken back" },
	{ "prescription.release", 2 * HOURS, none, "a pharmacy does not release a prescription that is paid" },
	{ "prescription.rejected", 2 * HOURS, none, "the pharmacy refused a prescription" },
	{ "prescription.cancelled", 2 * HOURS, none, "the pharmacy took an accepted order back; the money may have moved" },
	{ "prescription.invalid", 4 * HOURS, none, "an outside prescription has errors: correct it and have it looked at again" },
	{ "prescription.unmatched", 4 * HOURS, none, "a cancellation or an answer fits no prescription or no message of ours" },
	{ "prescription.message", 4 * HOURS, none, "the prescriber's system refused a message of ours" },
	{ "prescription.late", 1 * HOURS, none, "money or a parcel came for a prescription that was taken back" },
	{ "notification.undeliverable", 24 * HOURS, none, "a message did not reach its recipient by any channel" },
	{ "audit.unsealed", 1 * HOURS, none, "a service's audit rows do not come under seal: the sealer is down, or a transaction is open for long" },
	{ "payment.mismatch", 1 * HOURS, none, "Stripe and our row do not agree on an amount, a currency or an account" },
	{ "payment.link", 4 * HOURS, none, "a copay is not paid by its link: expired, not to be made, or of another amount than was paid" },
	{ "payment.late", 4 * HOURS, none, "money came for a prescription that had ended; it went back" },
	{ "shipment.exception", 2 * HOURS, none, "a prescription's parcel is in trouble, came back, or gets no label" },
	{ "payment.dispute", 24 * HOURS, none, "the cardholder disputes a charge" },
	{ "payment.refund", 24 * HOURS, none, "money went back that no run of ours gave back" },
	{ "reconciliation.difference", 4 * HOURS, none, "our rows and a vendor's own list disagree; ends by itself when a later round finds them agreed" },
	{ "routing.no_pharmacy", 2 * HOURS, none, "no pharmacy of the network may fill a prescription; routed again by itself when the network changes" },
	{ "order.failed", 2 * HOURS, none, "a pharmacy order could not be sent; it can be sent again, or the prescription go another way" },
	{ "case.partial", 2 * HOURS, none, "a prescription was written, and no pharmacy order of it stands" },
	{ "case.no_provider", 4 * HOURS, none, "no provider is licensed where the patient is; the case goes on by itself when one is" },
	{ "task.closed", 4 * HOURS, none, "a review task was closed at the EHR without a decision here" },
	{ "webhook.disabled", 24 * HOURS, none, "a subscriber to our webhooks did not answer for three days" },
	{ "adjudication.rejected", 4 * HOURS, claim_actions, "a claim was rejected: correct and claim anew, have it authorised, or choose another pharmacy" },
	{ "adjudication.prior_auth", 24 * HOURS, none, "a payer wants to be asked first: have the prescriber ask" },
	{ "adjudication.inconsistent", 4 * HOURS, none, "a pharmacy's figures do not add up; they do not count" },
	{ "adjudication.no_result", 4 * HOURS, claim_actions, "a pharmacy took a claim and does not say what came of it" },
	{ "adjudication.reverse", 4 * HOURS, reverse_actions, "another pharmacy fills a prescription: have the one before reverse its claim" },
	{ "adjudication.late", 4 * HOURS, none, "a claim changed after the patient paid" },
	{ "program.over_cap", 24 * HOURS, none, "a program paid more than was kept for the prescription" },
	{ "field.unreadable", 1 * HOURS, none, "a sealed field does not open" },
	{ "auth.guessing", 1 * HOURS, none, "many wrong codes at the login: somebody guesses" },
	{ "enrollment.expired", 24 * HOURS, none, "a patient did not use the invitation to enrol in time; invite again" },
	{ "enrollment.locked", 24 * HOURS, none, "the birth date was wrong too often at an invitation to enrol" },
	{ "enrollment.unreachable", 24 * HOURS, none, "a patient who is to enrol has neither an e-mail address nor a number" },
	{ "audit.tampered", 1 * HOURS, none, "the audit trail does not verify" },
};

const struct work_kind *
work_kind(const char *kind)
{
	static const struct work_kind other = { "other", 24 * HOURS, none, "described by its code alone" };

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return &kinds[i];
	return &other;
}

const struct work_action *
work_action(const struct work_kind *k, const char *name)
{
	for (const struct work_action *a = k->actions; a->name != NULL; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

bool
work_action_fits(const struct work_action *a, const char *detail)
{
	json_auto_t *tree = a->needs != NULL ? json_loads(detail, 0, NULL) : NULL;

	return a->needs == NULL || json_is_true(json_object_get(tree, a->needs));
}

/*
 * staff.c: what physicians and pharmacy staff do: claim (three at once), read the package, decide; print, pack, hand over.
 */
#include "base/clock.h"
#include "journey.h"

#define CLAIMERS 3

/* Asks until test says yes; the platform works in the background. */
int
await(struct patient *p, const struct ask *q, bool (*test)(struct patient *, const json_t *), const char *what, struct reply *r)
{
	int64_t until = clock_mono_us() + PATIENCE_US;

	while (clock_mono_us() < until) {
		if (client_call(p, q, r) < 0)
			return -1;
		if (r->status == 200 && test(p, r->body))
			return 0;
		client_pause(250);
	}
	return fail(p, "waited in vain for %s", what);
}

static bool
has_task(struct patient *p, const json_t *body)
{
	p->task_id = json_text_at(body, "tasks.0.taskId");
	return p->task_id != NULL;
}

static bool
has_assignment(struct patient *p, const json_t *body)
{
	p->assignment_id = json_text_at(body, "assignmentId");
	return p->assignment_id != NULL && json_array_size(json_object_get(body, "physicians")) >= CLAIMERS;
}

/* ---- the race */

struct claimer {
	struct patient *p;		/* a copy with its own arena and connection */
	const char *physician;
	int status;
};

static void *
claim(void *arg)
{
	struct claimer *c = arg;
	struct reply r;

	if (client_call(c->p, &(struct ask){ .method = "POST", .path = "/route/claim", .as = AS_PORTAL,
	    .body = arena_printf(c->p->arena, "{\"assignmentId\":\"%s\",\"physicianId\":\"%s\"}", c->p->assignment_id, c->physician) }, &r) == 0)
		c->status = r.status;
	return NULL;
}

static int
race(struct patient *p, const json_t *physicians)
{
	struct patient copies[CLAIMERS];
	struct claimer claimers[CLAIMERS];
	pthread_t threads[CLAIMERS];
	int won = 0, lost = 0;

	for (size_t i = 0; i < CLAIMERS; i++) {
		copies[i] = *p;
		copies[i].arena = arena_new(0);
		copies[i].http = http_new(NULL, client_env("TELERX_CA"));
		claimers[i] = (struct claimer){ .p = &copies[i], .physician = json_text_at(json_array_get(physicians, i), "physicianId") };
		pthread_create(&threads[i], NULL, claim, &claimers[i]);
	}
	for (size_t i = 0; i < CLAIMERS; i++) {
		pthread_join(threads[i], NULL);
		won += claimers[i].status == 200;
		lost += claimers[i].status == 409;
		if (claimers[i].status == 200)
			p->claimant = claimers[i].physician;
		http_free(copies[i].http);
		arena_free(copies[i].arena);
	}
	if (won != 1 || lost != CLAIMERS - 1)
		return fail(p, "of %d claims %d won and %d got 409", CLAIMERS, won, lost);
	say(p, "physicians", "three claimed at once: one 200, two 409");
	return 0;
}

/* ---- the decision */

static int
read_package(struct patient *p, const char **medication, const char **dosage)
{
	static const char *const parts[] = { "demographics", "answers", "conditions", "observations", "practitioners", "dosageOptions" };
	struct reply r;

	if (client_expect(p, &(struct ask){ .method = "GET", .as = AS_ADMIN, .path = arena_printf(p->arena, "/api/rx-queue/%s", p->task_id) }, 200, &r) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(parts); i++)
		if (json_object_get(r.body, parts[i]) == NULL)
			return fail(p, "the H&P package has no %s", parts[i]);
	*medication = json_text_at(r.body, "dosageOptions.0.medication");
	*dosage = json_text_at(r.body, "dosageOptions.0.dosages.0.dosage");
	if (*medication == NULL || *dosage == NULL)
		return fail(p, "the H&P package offers no dosage");
	say(p, "physicians", "the winner read the H&P package");
	return 0;
}

static const char *
decision(struct patient *p, const char *medication, const char *dosage)
{
	struct buf b = buf_in(p->arena, 4096);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "taskId", p->task_id);
	jw_str(&w, "practitionerId", p->claimant);
	if (p->ending == DENIED) {
		jw_str(&w, "action", "deny");
		jw_str(&w, "reason", "This medication is not right for you; please see your family physician.");
	} else {
		jw_str(&w, "action", "approve");
		jw_str(&w, "medication", medication);
		jw_str(&w, "dosage", dosage);
	}
	jw_end(&w);
	return b.data;
}

int
play_physicians(struct patient *p)
{
	const char *medication = NULL, *dosage = NULL;
	struct reply r;

	if (await(p, &(struct ask){ .method = "GET", .as = AS_ADMIN, .path = arena_printf(p->arena, "/api/tasks?submissionId=%s", p->submission_id) },
	    has_task, "the review task", &r) < 0 ||
	    await(p, &(struct ask){ .method = "GET", .as = AS_PORTAL,
	    .path = arena_printf(p->arena, "/route/assignments?submissionId=%s", p->submission_id) }, has_assignment, "the assignment", &r) < 0 ||
	    race(p, json_object_get(r.body, "physicians")) < 0 || read_package(p, &medication, &dosage) < 0)
		return -1;
	if (client_expect(p, &(struct ask){ .method = "POST", .as = AS_ADMIN, .path = "/api/task-action", .body = decision(p, medication, dosage) },
	    202, &r) < 0)
		return -1;
	p->run_id = json_text_at(r.body, "runId");
	say(p, "physicians", p->ending == DENIED ? "denied" : "approved %s, %s", medication, dosage);
	return 0;
}

/* ---- the run */

static bool
run_ended(struct patient *p, const json_t *body)
{
	static const char *const ends[] = { "completed", "failed", "denied", "manual", "compensated" };

	p->run_state = json_text_at(body, "status");
	p->run_reason = json_text_at(body, "reason");
	for (size_t i = 0; p->run_state != NULL && i < COUNT(ends); i++)
		if (strcmp(p->run_state, ends[i]) == 0)
			return true;
	return false;
}

int
await_run(struct patient *p)
{
	struct reply r;

	return await(p, &(struct ask){ .method = "GET", .as = AS_ADMIN, .path = arena_printf(p->arena, "/orchestrator/runs/%s", p->run_id) },
	    run_ended, "the run to end", &r);
}

/* ---- pharmacy staff */

static bool
has_entry(struct patient *p UNUSED, const json_t *body)
{
	return json_text_at(body, "entries.0.id") != NULL;
}

static int
staff_post(struct patient *p, const char *path)
{
	struct reply r;

	return client_expect(p, &(struct ask){ .method = "POST", .as = AS_PORTAL, .path = path }, 200, &r);
}

int
hand_over(struct patient *p)
{
	const char *entry, *parcel;
	struct reply r;

	if (await(p, &(struct ask){ .method = "GET", .as = AS_PORTAL,
	    .path = arena_printf(p->arena, "/shipping/print-queue?submissionId=%s", p->submission_id) }, has_entry, "the print queue", &r) < 0)
		return -1;
	entry = json_text_at(r.body, "entries.0.id");
	parcel = json_text_at(r.body, "entries.0.shipmentId");
	if (client_expect(p, &(struct ask){ .method = "GET", .as = AS_PORTAL,
	    .path = arena_printf(p->arena, "/shipping/shipments/%s/label", parcel) }, 200, &r) < 0)
		return -1;
	if (r.raw.n < 5 || memcmp(r.raw.p, "%PDF", 4) != 0)
		return fail(p, "the label is no PDF");
	if (staff_post(p, arena_printf(p->arena, "/shipping/print-queue/%s/printed", entry)) < 0 ||
	    staff_post(p, arena_printf(p->arena, "/shipping/shipments/%s/packed", parcel)) < 0 ||
	    staff_post(p, arena_printf(p->arena, "/shipping/shipments/%s/shipped", parcel)) < 0)
		return -1;
	say(p, "pharmacy", "label printed, parcel packed and handed over");
	return 0;
}

int
play_pharmacy(struct patient *p)
{
	return strcmp(json_text_at(p->file, "pharmacy"), "gmp") == 0 ? hand_over(p) : 0; /* the other one ships itself */
}

static bool
delivered(struct patient *p UNUSED, const json_t *body)
{
	const char *status = json_text_at(body, "shipments.0.status");

	return status != NULL && strcmp(status, "delivered") == 0;
}

int
await_delivery(struct patient *p)
{
	struct reply r;

	return await(p, &(struct ask){ .method = "GET", .as = AS_ADMIN,
	    .path = arena_printf(p->arena, "/api/patient-shipments/%s", p->patient_id) }, delivered, "the delivery", &r);
}

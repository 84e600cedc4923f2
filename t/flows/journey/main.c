/*
 * main.c: telerx-journey [NAME] [--count N] [--fault VENDOR:MODE[:COUNT]] [--quiet]: the sample patients and the two other ways to a parcel (ncpdp: an outside
 * prescription; case: the case API); one of them; or N at once (NAME's, or the delivered patients in turn), with a vendor misbehaving for its next COUNT calls
 * if told so.
 * Exit 0 only when sandbox ledgers, our rows and the audit agree with how each patient's file says the journey must end.
 */
#include <dirent.h>
#include <getopt.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "crypto/random.h"
#include "journey.h"

#define PATIENTS_MAX 200

static const struct {
	const char *name;
	enum ending ending;
} endings[] = {
	{ "delivered", DELIVERED }, { "excluded", EXCLUDED }, { "declined", DECLINED }, { "denied", DENIED },
};

static const struct {
	const char *name;
	play_fn *play;
} others[] = { { "ncpdp", play_ncpdp }, { "case", play_case } };

static int
play_patient(struct patient *p)
{
	if (play_intake(p) < 0)
		return -1;
	if (p->ending == EXCLUDED)
		return 0;
	if (play_physicians(p) < 0 || (p->ending == DELIVERED && play_pharmacy(p) < 0) || await_run(p) < 0)
		return -1;
	if (p->ending == DELIVERED && strcmp(p->run_state, "completed") == 0 && await_delivery(p) < 0)
		return -1;
	return 0;
}

static int
play_judged(struct patient *p)
{
	return play_patient(p) < 0 ? -1 : judge(p);
}

static void *
live(void *arg)
{
	struct patient *p = arg;

	p->began = clock_us();
	(void)p->play(p);
	p->ended = clock_us();
	client_pause(300);	/* the last events are on their way to the portal */
	timeline_fetch(p);
	return NULL;
}

/* ---- setting up */

static const char *
fresh_email(struct patient *p)
{
	char id[UUID_TEXT];

	uuid_text(uuid_new(), id);
	return arena_printf(p->arena, "%s.%s@patients.example", json_text_at(p->file, "mailbox"), id + 24);
}

static void
patient_release(struct patient *p)
{
	http_free(p->http);
	arena_free(p->arena);
}

/* One of this name, without a file: what it needs it finds itself. */
static void
patient_new(struct patient *p, const char *name, play_fn *play, unsigned nth)
{
	uint8_t random[2];

	memset(p, 0, sizeof(*p));
	p->arena = arena_new(512 * 1024 * 1024);
	p->http = http_new(NULL, client_env("TELERX_CA"));
	p->name = arena_dup(p->arena, name);
	p->play = play;
	if (random_bytes(random, sizeof(random)) < 0)
		exit(2);
	(void)snprintf(p->source, sizeof(p->source), "127.%u.%u.%u", 1 + random[0] % 250u, random[1], 1 + nth % 250u);
}

static int
patient_init(struct patient *p, const char *dir, const char *name, unsigned nth)
{
	struct problem err = { 0 };
	char text[65536];
	size_t n;

	patient_new(p, name, play_judged, nth);
	FILE *f = fopen(arena_printf(p->arena, "%s/%s.json", dir, name), "re");
	if (f == NULL)
		return -1;
	n = fread(text, 1, sizeof(text), f);
	(void)fclose(f);
	p->file = json_read(p->arena, text, n, &err);
	if (p->file == NULL)
		return -1;
	for (size_t i = 0; i < COUNT(endings); i++)
		if (strcmp(json_text_at(p->file, "ending"), endings[i].name) == 0)
			p->ending = endings[i].ending;
	p->form = json_object_get(p->file, "form");
	p->email = fresh_email(p);
	json_object_set_new(p->form, "email", json_string(p->email));
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The patient files of the directory in order of name: all, the one that is asked for, or, with a count, the delivered ones in turn. */
static size_t
load(struct patient *patients, const char *dir, const char *only, size_t count)
{
	char *names[PATIENTS_MAX];
	struct dirent *d;
	size_t n = 0, made = 0;
	DIR *all = opendir(dir);

	while (all != NULL && n < PATIENTS_MAX && (d = readdir(all)) != NULL) {
		size_t len = strlen(d->d_name);

		if (len > 5 && strcmp(d->d_name + len - 5, ".json") == 0 &&
		    (only == NULL || (strlen(only) == len - 5 && strncmp(only, d->d_name, len - 5) == 0)))
			names[n++] = strndup(d->d_name, len - 5);
	}
	if (all != NULL)
		closedir(all);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; n > 0 && made < (count == 0 ? n : count) && i < 100 * PATIENTS_MAX; i++) {
		struct patient *p = &patients[made];

		if (patient_init(p, dir, names[i % n], (unsigned)made) < 0) {
			(void)fprintf(stderr, "journey: %s/%s.json cannot be read\n", dir, names[i % n]);
			exit(2);
		}
		if (count == 0 || only != NULL || p->ending == DELIVERED)
			made++;
		else
			patient_release(p);
	}
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return made;
}

/* The other journeys: the one of that name so often, or, when everything is played, each once. */
static size_t
load_others(struct patient *patients, size_t made, const char *only, size_t count)
{
	for (size_t i = 0; i < COUNT(others); i++)
		if (only == NULL ? count == 0 : strcmp(only, others[i].name) == 0)
			for (size_t n = count == 0 ? 1 : count; n > 0 && made < PATIENTS_MAX; n--, made++)
				patient_new(&patients[made], others[i].name, others[i].play, (unsigned)made);
	return made;
}

/* "stripe:timeout_after:3": the sandbox's faults are set like anybody sets them, by its API. */
static int
set_fault(const char *spec)
{
	char vendor[32], mode[48];
	unsigned calls = 1;
	struct patient p = { .arena = arena_new(0), .http = http_new(NULL, client_env("TELERX_CA")), .source = "127.0.0.1" };
	struct reply r;
	int rc;

	if (sscanf(spec, "%31[a-z]:%47[a-z0-9_]:%4u", vendor, mode, &calls) < 2) /* NOLINT(cert-err34-c): the width keeps it in range */
		rc = fail(&p, "a fault is VENDOR:MODE[:COUNT]");
	else
		rc = client_expect(&p, &(struct ask){ .method = "POST", .as = AS_ADMIN, .path = arena_printf(p.arena, "/sandbox/%s/faults", vendor),
		    .body = arena_printf(p.arena, "{\"mode\":\"%s\",\"count\":%u}", mode, calls) }, 201, &r);
	if (rc < 0)
		(void)fprintf(stderr, "journey: %s\n", p.failure);
	http_free(p.http);
	arena_free(p.arena);
	return rc;
}

/* ---- the account */

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
seconds_of(int64_t us)
{
	return (double)us / (double)US_PER_S;
}

static void
print_figures(const struct patient *patients, size_t n, int64_t took)
{
	int64_t waits[PATIENTS_MAX];
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (patients[i].accepted > patients[i].submitted && patients[i].submitted > 0)
			waits[m++] = patients[i].accepted - patients[i].submitted;
	printf("\n%zu patients in %.1f s: %.1f a minute", n, (double)took / 1e6, (double)n * 60e6 / (double)took);
	if (m > 0) {
		qsort(waits, m, sizeof(*waits), by_value);
		printf("; submit to pharmacy acceptance p50 %.2f s, p95 %.2f s", seconds_of(waits[m / 2]), seconds_of(waits[(m * 95) / 100]));
	}
	printf("\n");
}

static const char *
given(const char *id)
{
	return id == NULL ? "none" : id;
}

static size_t
print_account(const struct patient *patients, size_t n, bool quiet)
{
	size_t failed = 0;

	for (size_t i = 0; i < n && !quiet; i++)
		timeline_print(&patients[i]);
	printf("\n");
	for (size_t i = 0; i < n; i++) {
		const struct patient *p = &patients[i];
		bool bad = p->failure[0] != '\0';

		failed += bad;
		printf("%-4s %-12s %s%s%s%s\n", bad ? "FAIL" : "ok", p->name,
		    p->file == NULL ? "delivered" : json_text_at(p->file, "ending"),
		    p->run_state == NULL ? "" : ", run ", p->run_state == NULL ? "" : p->run_state, bad ? ":" : "");
		if (bad)
			printf("     %s (submission %s, case %s, prescription %s)\n", p->failure, given(p->submission_id), given(p->case_id),
			    given(p->prescription_id));
	}
	return failed;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' }, { "fault", required_argument, NULL, 'f' }, { "quiet", no_argument, NULL, 'q' }, { 0 }
	};
	static struct patient patients[PATIENTS_MAX];
	static pthread_t threads[PATIENTS_MAX];
	const char *dir = getenv("TELERX_PATIENTS");
	size_t count = 0, n, failed;
	bool quiet = false;
	int64_t began;
	int c;

	while ((c = getopt_long(argc, argv, "n:f:q", options, NULL)) != -1) {
		if (c == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (c == 'q')
			quiet = true;
		else if (c != 'f' || set_fault(optarg) < 0)
			return 2;
	}
	if (count > PATIENTS_MAX || dir == NULL || argc - optind > 1 ||
	    (n = load_others(patients, load(patients, dir, argv[optind], count), argv[optind], count)) == 0) {
		(void)fprintf(stderr, "usage: journey [NAME] [--count N (at most %d)] [--fault VENDOR:MODE[:COUNT]] [--quiet]\n", PATIENTS_MAX);
		return 2;
	}
	began = clock_us();
	for (size_t i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, live, &patients[i]);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	failed = print_account(patients, n, quiet);
	print_figures(patients, n, clock_us() - began);
	for (size_t i = 0; i < n; i++)
		patient_release(&patients[i]);
	printf("%zu passed, %zu failed\n", n - failed, failed);
	return n > 0 && failed == 0 ? 0 : 1;
}

/*
 * json.c: telerx-json parse|write FILE SECONDS: how often a second our side reads or writes the document of ./telerx bench, a queue of
 * assignments. Reading is json_read as for a request body; writing is what a handler does: typed values, straight into the reply.
 * Prints operations a second.
 */
#include "core.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define MOST 256

struct assignment {
	struct uuid id, submission, patient, claimed_by;
	const char *state, *platform, *intake_type, *mode, *status, *task;
	int64_t opened_at, claimed_at, priority;
};

static struct uuid
uuid_at(const json_t *o, const char *name)
{
	struct uuid u = UUID_NIL;

	if (uuid_parse(json_text_at(o, name), &u) < 0)
		die("%s is no UUID", name);
	return u;
}

static int64_t
time_at(const json_t *o, const char *name)
{
	int64_t at = 0;

	if (clock_parse(json_text_at(o, name), &at) < 0)
		die("%s is no time", name);
	return at;
}

static size_t
load(const json_t *root, struct assignment *all)
{
	const json_t *list = json_at(root, "assignments");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < MOST; i++) {
		const json_t *o = json_array_get(list, i);

		all[i] = (struct assignment){ uuid_at(o, "assignmentId"), uuid_at(o, "submissionId"), uuid_at(o, "patientId"),
			uuid_at(o, "claimedBy"), json_text_at(o, "state"), json_text_at(o, "platform"), json_text_at(o, "intakeType"),
			json_text_at(o, "mode"), json_text_at(o, "status"), json_text_at(o, "taskId"), time_at(o, "openedAt"),
			time_at(o, "claimedAt"), json_int_at(o, "priority", 0) };
	}
	return n;
}

static void
write_all(struct json_writer *w, const struct assignment *all, size_t n)
{
	jw_object(w, NULL);
	jw_array(w, "assignments");
	for (size_t i = 0; i < n; i++) {
		const struct assignment *a = &all[i];

		jw_object(w, NULL);
		jw_uuid(w, "assignmentId", a->id);
		jw_uuid(w, "submissionId", a->submission);
		jw_uuid(w, "patientId", a->patient);
		jw_str(w, "state", a->state);
		jw_str(w, "platform", a->platform);
		jw_str(w, "intakeType", a->intake_type);
		jw_str(w, "mode", a->mode);
		jw_str(w, "status", a->status);
		jw_str(w, "taskId", a->task);
		jw_uuid(w, "claimedBy", a->claimed_by);
		jw_time(w, "claimedAt", a->claimed_at);
		jw_time(w, "openedAt", a->opened_at);
		jw_int(w, "priority", a->priority);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

static size_t
slurp(const char *path, char *text, size_t room)
{
	FILE *f = fopen(path, "re");
	size_t n = f != NULL ? fread(text, 1, room, f) : 0;

	if (n == 0 || n == room)
		die("%s cannot be read", path);
	(void)fclose(f);
	return n;
}

int
main(int argc, char **argv)
{
	static char text[1 << 20];
	static struct assignment all[MOST];
	struct arena *keep = arena_new(0), *a = arena_new(0);
	struct problem err = { 0 };
	struct json_writer w;
	int64_t began, until;
	uint64_t done = 0;
	size_t n, rows;
	bool writes;

	log_open("json", LOG_INFO);
	if (argc != 4)
		die("usage: telerx-json parse|write FILE SECONDS");
	writes = strcmp(argv[1], "write") == 0;
	n = slurp(argv[2], text, sizeof(text));
	rows = load(json_read(keep, text, n, &err), all);
	began = clock_mono_us();
	until = began + (int64_t)(strtod(argv[3], NULL) * (double)US_PER_S);
	for (; clock_mono_us() < until; done++) {
		if (writes) {
			struct buf out = buf_in(a, sizeof(text));

			jw_start(&w, &out);
			write_all(&w, all, rows);
			if (!jw_ok(&w) || (done == 0 && (out.len != n || memcmp(out.data, text, n) != 0)))
				die("what was written is not the document");
		} else if (json_read(a, text, n, &err) == NULL) {
			die("the document was not read: %s", err.detail);
		}
		arena_reset(a);
	}
	printf("%.1f\n", (double)done * (double)US_PER_S / (double)(clock_mono_us() - began));
	arena_free(a);
	arena_free(keep);
	return 0;
}

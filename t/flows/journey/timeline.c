#include "base/clock.h"
#include "journey.h"

static void
add(struct patient *p, int64_t at, const char *service, const char *what)
{
	if (p->nlines < LINES_MAX)
		p->lines[p->nlines++] = (struct line){ .at = at, .service = service, .what = what };
}

void
say(struct patient *p, const char *service, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	add(p, clock_us(), service, arena_dup(p->arena, what));
}

int
fail(struct patient *p, const char *fmt, ...)
{
	va_list ap;

	if (p->failure[0] != '\0')
		return -1;	/* the first reason is the one to read */
	va_start(ap, fmt);
	(void)vsnprintf(p->failure, sizeof(p->failure), fmt, ap);
	va_end(ap);
	return -1;
}

static const char *
entry_text(struct patient *p, const json_t *entry, const char *member)
{
	const char *s = json_text_at(entry, member);

	return s == NULL ? "" : arena_dup(p->arena, s);
}

void
timeline_fetch(struct patient *p)
{
	const char *id = p->submission_id != NULL ? p->submission_id : p->case_id != NULL ? p->case_id : p->prescription_id;
	struct reply r;
	const json_t *entry;
	size_t i;

	if (id == NULL || client_call(p, &(struct ask){ .method = "GET", .as = AS_ADMIN,
	    .path = arena_printf(p->arena, "/console/timeline?submissionId=%s", id) }, &r) < 0)
		return;
	json_array_foreach(json_object_get(r.body, "entries"), i, entry) {
		const char *what = entry_text(p, entry, "what");
		int64_t at;

		if (clock_parse(entry_text(p, entry, "at"), &at) < 0)
			continue;
		add(p, at, entry_text(p, entry, "service"), what);
		if (strncmp(what, "pharmacy ", 9) == 0 && strstr(what, ": accepted") != NULL)
			p->accepted = at;
	}
}

static int
by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

void
timeline_print(const struct patient *p)
{
	struct line sorted[LINES_MAX];

	memcpy(sorted, p->lines, p->nlines * sizeof(*sorted));
	qsort(sorted, p->nlines, sizeof(*sorted), by_time);
	printf("\npatient %s from %s\n", p->name, p->source);
	for (size_t i = 0; i < p->nlines; i++)
		printf("  %8.2f s  %-12s  %s\n", (double)(sorted[i].at - p->began) / 1e6, sorted[i].service, sorted[i].what);
}

/*
 * note.c: the history and physical note of an approval, as text; the EHR gets it as a document.
 */
#include "orchestrator/orchestrator.h"

/* What the EHR's side takes; a note that would be longer ends with a line that says so. */
#define NOTE_MAX 19000

static void
line(struct buf *b, const char *label, const char *value)
{
	if (value != NULL && *value != '\0')
		buf_addf(b, "%s: %s\n", label, value);
}

static void
list(struct buf *b, const char *label, const json_t *items, const char *first, const char *second)
{
	json_t *item;
	size_t i;

	buf_addf(b, "\n%s\n", label);
	if (json_array_size(items) == 0)
		buf_add(b, "  none reported\n");
	json_array_foreach(items, i, item) {
		const char *a = json_text_at(item, first), *c = json_text_at(item, second);

		buf_addf(b, "  %s%s%s\n", a == NULL ? "" : a, c == NULL ? "" : ": ", c == NULL ? "" : c);
	}
}

const char *
hp_note_text(struct arena *a, const struct run *run, const json_t *p)
{
	struct buf b = buf_in(a, 256 * 1024);
	double kg = json_number_value(json_object_get(p, "weightKg"));

	line(&b, "Name", arena_printf(a, "%s %s", json_text_at(p, "firstName"), json_text_at(p, "lastName")));
	line(&b, "Date of birth", json_text_at(p, "birthDate"));
	line(&b, "Sex", json_text_at(p, "sex"));
	buf_addf(&b, "Height: %" PRId64 " cm\nWeight: %.1f kg\n", json_int_at(p, "heightCm", 0), kg);
	buf_addf(&b, "Blood pressure: %" PRId64 "/%" PRId64 " mmHg\nPulse: %" PRId64 "/min\n", json_int_at(p, "vitals.systolic", 0),
	    json_int_at(p, "vitals.diastolic", 0), json_int_at(p, "vitals.pulse", 0));
	line(&b, "Goal", json_text_at(p, "goal"));
	list(&b, "History", json_object_get(p, "history"), "code", "display");
	list(&b, "Medications", json_object_get(p, "medications"), "name", "dose");
	list(&b, "Allergies", json_object_get(p, "allergies"), "substance", "reaction");
	list(&b, "Questionnaire", json_object_get(p, "answers"), "text", "answer");
	buf_addf(&b, "\nPlan\n  %s %s, approved\n", run->medication, run->dosage);
	if (b.len <= NOTE_MAX)
		return b.data;

	/* Cut between characters, not inside one. */
	size_t n = NOTE_MAX;
	while (n > 0 && ((unsigned char)b.data[n] & 0xc0) == 0x80)
		n--;
	return arena_printf(a, "%s\n… (longer; see the submission)\n", arena_ndup(a, b.data, n));
}

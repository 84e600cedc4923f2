/*
 * canvas_merge.c: what Canvas adds to a new resource and what a PUT keeps, adds and drops.
 */
#include "base/clock.h"
#include "sandbox/canvas.h"

#define SCHEMA "http://schemas.canvasmedical.com/fhir/extensions/"

const char *
sb_canvas_now(struct call *c)
{
	char text[CLOCK_TEXT];

	return arena_dup(c->arena, clock_text(clock_us(), text));
}

/* ---- Patient */

static void
give_ids(struct call *c, json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (json_text_at(item, "id") == NULL)
			json_object_set_new(item, "id", json_string(sb_random_guid(c->arena)));
}

void
sb_canvas_patient_made(struct call *c, json_t *fresh)
{
	json_t *mrn = json_object(), *list = json_object_get(fresh, "identifier");

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(fresh, "identifier", list);
	}
	json_object_set_new(mrn, "use", json_string("usual"));
	json_object_set_new(mrn, "system", json_string("http://canvasmedical.com"));
	json_object_set_new(mrn, "value", json_string(arena_printf(c->arena, "%.9s", sb_random_hex(c->arena, 9))));
	json_array_append_new(list, mrn);
	if (json_object_get(fresh, "active") == NULL)
		json_object_set_new(fresh, "active", json_true());
	give_ids(c, json_object_get(fresh, "telecom"));
	give_ids(c, json_object_get(fresh, "address"));
	give_ids(c, json_object_get(fresh, "contact"));
}

static const json_t *
extension_of(const json_t *list, const char *url)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (sb_is(item, "url", url))
			return item;
	return NULL;
}

/* Extensions stay when left out, but for the three that a PUT without them drops. */
static void
merge_extensions(const json_t *old, json_t *given)
{
	static const char *const dropped[] = { SCHEMA "preferred-pharmacy", SCHEMA "patient-default-provider",
		SCHEMA "patient-default-location" };
	json_t *list = json_object_get(given, "extension"), *item;
	size_t i;

	json_array_foreach(json_object_get(old, "extension"), i, item) {
		const char *url = sb_text(item, "url", "");
		bool drop = extension_of(list, url) != NULL;

		for (size_t d = 0; d < COUNT(dropped); d++)
			drop = drop || strcmp(dropped[d], url) == 0;
		if (!drop)
			json_array_append(list, item);
	}
}

json_t *
sb_canvas_patient_merge(struct call *c, const json_t *old, json_t *given)
{
	static const char *const whole[] = { "telecom", "address", "contact" };	/* left out means deleted */
	const char *key;
	json_t *value;

	for (size_t i = 0; i < COUNT(whole); i++)
		give_ids(c, json_object_get(given, whole[i]));
	json_object_foreach((json_t *)(uintptr_t)old, key, value)
		if (json_object_get(given, key) == NULL && strcmp(key, whole[0]) != 0 && strcmp(key, whole[1]) != 0 &&
		    strcmp(key, whole[2]) != 0)
			json_object_set(given, key, value);
	merge_extensions(old, given);
	return given;
}

/* ---- Task */

static void
stamp_notes(struct call *c, json_t *task)
{
	size_t i;
	json_t *note;

	json_array_foreach(json_object_get(task, "note"), i, note)
		if (json_text_at(note, "time") == NULL)
			json_object_set_new(note, "time", json_string(sb_canvas_now(c)));
}

static void
permalink(struct call *c, json_t *task)
{
	json_t *list = json_object_get(task, "extension"), *e = json_object();

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(task, "extension", list);
	}
	json_object_set_new(e, "url", json_string(SCHEMA "task-permalink"));
	json_object_set_new(e, "valueString",
	    json_string(arena_printf(c->arena, "https://sandbox.canvasmedical.com/task/%s", sb_text(task, "id", ""))));
	json_array_append_new(list, e);
}

void
sb_canvas_task_made(struct call *c, json_t *fresh)
{
	if (json_text_at(fresh, "authoredOn") == NULL)
		json_object_set_new(fresh, "authoredOn", json_string(sb_canvas_now(c)));
	json_object_set_new(fresh, "lastModified", json_string(sb_canvas_now(c)));
	stamp_notes(c, fresh);
	permalink(c, fresh);
}

/* Notes only ever grow; description, owner, restriction and input left out are cleared; group and authoredOn stay. */
json_t *
sb_canvas_task_merge(struct call *c, const json_t *old, json_t *given)
{
	json_t *notes = sb_keep(c->arena, json_array()),
	       *group = (json_t *)(uintptr_t)extension_of(json_object_get(old, "extension"), SCHEMA "task-group");
	json_t *sent = json_object_get(given, "extension"), *list = sb_keep(c->arena, json_array());
	const json_t *fresh = extension_of(sent, SCHEMA "task-group");

	stamp_notes(c, given);
	json_array_extend(notes, json_object_get(old, "note"));
	json_array_extend(notes, json_object_get(given, "note"));
	if (json_array_size(notes) > 0)
		json_object_set(given, "note", notes);
	if (json_text_at(given, "authoredOn") == NULL)
		json_object_set(given, "authoredOn", json_object_get(old, "authoredOn"));
	if (json_object_get(given, "for") == NULL && json_object_get(old, "for") != NULL)
		json_object_set(given, "for", json_object_get(old, "for"));
	if (fresh != NULL)
		json_array_append(list, (json_t *)(uintptr_t)fresh);
	else if (group != NULL)
		json_array_append(list, group);
	json_object_set(given, "extension", list);
	json_object_set_new(given, "resourceType", json_string("Task"));
	json_object_set_new(given, "lastModified", json_string(sb_canvas_now(c)));
	permalink(c, given);
	return given;
}

/* ---- documents and vital signs */

/* Canvas keeps the file and shows a link to it; what was sent stays in the sandbox's own memory. */
void
sb_canvas_document_made(struct call *c, json_t *fresh)
{
	json_t *content = json_object_get(fresh, "content"), *file = json_object(), *item = json_object(), *list = json_array();
	const char *data = sb_text(fresh, "content.0.attachment.data", ""), *id = sb_text(fresh, "id", "");

	json_object_set(fresh, "_content", content);
	json_object_set_new(file, "contentType", json_string("application/pdf"));
	json_object_set_new(file, "size", json_integer((json_int_t)strlen(data) / 4 * 3));
	json_object_set_new(
	    file, "url", json_string(arena_printf(c->arena, "https://sandbox.canvasmedical.com/documents/%s.pdf?expires=600", id)));
	json_object_set_new(item, "attachment", file);
	json_array_append_new(list, item);
	json_object_set_new(fresh, "content", list);
	json_object_set_new(fresh, "date", json_string(sb_canvas_now(c)));
}

void
sb_canvas_observation_made(struct call *c, json_t *fresh)
{
	json_t *category = json_array(), *concept = json_object(), *codings = json_array(), *coding = json_object();

	json_object_set_new(coding, "system", json_string("http://terminology.hl7.org/CodeSystem/observation-category"));
	json_object_set_new(coding, "code", json_string("vital-signs"));
	json_object_set_new(coding, "display", json_string("Vital Signs"));
	json_array_append_new(codings, coding);
	json_object_set_new(concept, "coding", codings);
	json_array_append_new(category, concept);
	json_object_set_new(fresh, "category", category);
	json_object_set_new(fresh, "issued", json_string(sb_canvas_now(c)));
	if (json_text_at(fresh, "effectiveDateTime") == NULL)
		json_object_set_new(fresh, "effectiveDateTime", json_string(sb_canvas_now(c)));
}

/* fields.c: the list of what is taken from a NewRx, and that list as a JSON object and back. */
#include "core.h"

#include "base/json.h"
#include "prescription/script/script.h"

const struct script_row script_fields[SCRIPT__MAX] = {
#define SCRIPT_ROW(name, member, most, path) { member, most, path },
	SCRIPT_FIELDS(SCRIPT_ROW)
#undef SCRIPT_ROW
};

static void
tree_free(void *p)
{
	json_decref(p);
}

/* Sets a dotted member, making the objects on its way. */
static void
put(json_t *root, const char *member, const char *value)
{
	const char *dot;

	while ((dot = strchr(member, '.')) != NULL) {
		json_t *next = json_object_getn(root, member, (size_t)(dot - member));

		if (next == NULL) {
			next = json_object();
			(void)json_object_setn_new(root, member, (size_t)(dot - member), next);
		}
		root = next;
		member = dot + 1;
	}
	(void)json_object_set_new(root, member, json_string(value));
}

const char *
script_content(struct arena *a, const char *const text[SCRIPT__MAX])
{
	json_t *root = json_object();
	char *out;

	for (size_t i = 0; i < SCRIPT__MAX; i++)
		if (text[i] != NULL)
			put(root, script_fields[i].member, text[i]);
	out = json_dumps(root, JSON_COMPACT);
	arena_defer(a, tree_free, root);
	arena_defer(a, free, out);
	return out;
}

int
script_texts(struct arena *a, struct bytes content, const char *text[SCRIPT__MAX], struct problem *err)
{
	const json_t *root = json_read(a, (const char *)content.p, content.n, err);

	if (root == NULL)
		return -1;
	for (size_t i = 0; i < SCRIPT__MAX; i++)
		text[i] = json_text_at(root, script_fields[i].member);
	return 0;
}

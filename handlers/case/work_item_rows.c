/* work_item_rows.c: the shapes of the work items' requests and answers. */
#include "case/work_item.h"

static const char *const states[] = { "open", "taken", "done", NULL };

#define ITEM_FIELDS \
	{ "itemId", UUID, .required = true, .says = "the item" }, \
	{ "service", STRING, .required = true, .says = "where it happened", .example = "billing" }, \
	{ "kind", STRING, .required = true, .says = "what kind of trouble; its actions hang on it", .example = "job.dead" }, \
	{ "says", STRING, .required = true, .says = "the kind in words" }, \
	{ "subject", STRING, .required = true, .says = "the thing's id there", .example = "4711" }, \
	{ "code", STRING, .required = true, .says = "what happened", .example = "vendor_unavailable" }, \
	{ "submissionId", UUID, .says = "the case it concerns, when known" }, \
	{ "patientId", UUID, .says = "the patient it concerns, when known" }, \
	{ "detail", ANY, .required = true, .says = "ids, codes, amounts" }, \
	{ "state", ENUM, .required = true, .values = states, .says = "open, taken or done" }, \
	{ "owner", STRING, .says = "who took it", .example = "ops.lee" }, \
	{ "dueAt", TIME, .required = true, .says = "by when it should be done" }, \
	{ "late", BOOLEAN, .required = true, .says = "it is not" }, \
	{ "times", INTEGER, .required = true, .says = "how often it was raised while open" }, \
	{ "raisedAt", TIME, .required = true, .says = "first" }, \
	{ "updatedAt", TIME, .required = true, .says = "last news" }, \
	{ "doneAt", TIME, .says = "when it ended" }, \
	{ "endedBy", STRING, .says = "cause: by itself; person: resolved" }, \
	{ "reason", STRING, .says = "how it ended" }

static const struct field item_fields[] = { ITEM_FIELDS, { 0 } };
static const struct field action_fields[] = {
	{ "action", STRING, .required = true, .says = "its name", .example = "retry" },
	{ "says", STRING, .required = true, .says = "what it does" },
	{ 0 }
};
static const struct field line_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "actor", STRING, .required = true, .says = "who", .example = "system:admin" },
	{ "what", STRING, .required = true, .says = "raised, again, taken, released, note, an action's name, cleared, resolved" },
	{ "code", STRING, .says = "why, or whom" },
	{ "note", STRING, .says = "in words" },
	{ 0 }
};

const struct field work_items_query[] = {
	{ "state", ENUM, .values = states, .says = "default: all that is not done" },
	{ "service", STRING, .max = 40, .says = "only of this service" },
	{ "kind", STRING, .max = 60, .says = "only of this kind" },
	{ "owner", STRING, .max = 60, .says = "only what this person took" },
	{ "submissionId", UUID, .says = "only about this case" },
	{ "limit", INTEGER, .min = 1, .max = 100, .says = "items a page, 50" },
	{ "after", UUID, .says = "the previous page's next" },
	{ 0 }
};
const struct field work_items_reply[] = {
	{ "items", ARRAY, .required = true, .max = 100, .of = item_fields, .says = "soonest due first" },
	{ "next", UUID, .says = "there is more: ask again with after" },
	{ 0 }
};
const struct field work_item_param[] = { { "itemId", UUID, .required = true, .says = "the item" }, { 0 } };
const struct field work_item_act_param[] = {
	{ "itemId", UUID, .required = true, .says = "the item" },
	{ "action", STRING, .required = true, .max = 40, .says = "one of its actions", .example = "retry" },
	{ 0 }
};
const struct field work_item_reply[] = {
	ITEM_FIELDS,
	{ "actions", ARRAY, .required = true, .max = 20, .of = action_fields, .says = "what may safely be done from here" },
	{ "history", ARRAY, .required = true, .max = 500, .of = line_fields, .says = "oldest first" },
	{ 0 }
};
const struct field work_item_take_body[] = {
	{ "owner", STRING, .required = true, .min = 1, .max = 60, .says = "who does it", .example = "ops.lee" },
	{ "reassign", BOOLEAN, .says = "also when somebody else has it" },
	{ 0 }
};
const struct field work_item_note_body[] = {
	{ "note", STRING, .required = true, .min = 1, .max = 4000, .says = "in words; sealed", .example = "called the pharmacy" },
	{ 0 }
};
const struct field work_item_resolve_body[] = {
	{ "reason", STRING, .required = true, .min = 1, .max = 120, .says = "a code", .example = "refunded_by_hand" },
	{ "note", STRING, .min = 1, .max = 4000, .says = "in words; sealed" },
	{ 0 }
};
const struct field work_item_act_body[] = { { "note", STRING, .min = 1, .max = 500, .says = "why, in words; a decision needs it" }, { 0 } };
const struct field work_item_state_reply[] = {
	{ "itemId", UUID, .required = true, .says = "the item" },
	{ "state", ENUM, .required = true, .values = states, .says = "now" },
	{ "owner", STRING, .says = "who has it" },
	{ 0 }
};

static const struct field carried_line_fields[] = {
	{ "lineId", UUID, .required = true, .says = "the line" },
	{ "at", TIME, .required = true, .says = "when" },
	{ "actor", STRING, .required = true, .max = 200, .says = "who", .example = "system:admin" },
	{ "what", STRING, .required = true, .max = 60, .says = "raised, again, taken, ..." },
	{ "code", STRING, .says = "why, or whom" },
	{ "note", STRING, .max = 4000, .says = "in words" },
	{ 0 }
};
const struct field work_item_carry_body[] = {
	{ "itemId", UUID, .required = true, .says = "the item, as it was there" },
	{ "service", STRING, .required = true, .max = 40, .says = "where it happened", .example = "billing" },
	{ "kind", STRING, .required = true, .max = 100, .says = "what kind of trouble", .example = "job.dead" },
	{ "subject", STRING, .required = true, .says = "the thing's id there", .example = "4711" },
	{ "code", STRING, .required = true, .says = "what happened", .example = "vendor_unavailable" },
	{ "submissionId", UUID, .says = "the case it concerns, when known" },
	{ "patientId", UUID, .says = "the patient it concerns, when known" },
	{ "detail", ANY, .required = true, .says = "ids, codes, amounts" },
	{ "state", ENUM, .required = true, .values = states, .says = "open, taken or done" },
	{ "owner", STRING, .max = 60, .says = "who took it", .example = "ops.lee" },
	{ "dueAt", TIME, .required = true, .says = "by when it should be done" },
	{ "times", INTEGER, .required = true, .min = 1, .says = "how often it was raised" },
	{ "endedBy", STRING, .max = 20, .says = "cause or person" },
	{ "reason", STRING, .says = "how it ended" },
	{ "raisedAt", TIME, .required = true, .says = "first" },
	{ "updatedAt", TIME, .required = true, .says = "last news" },
	{ "doneAt", TIME, .says = "when it ended" },
	{ "history", ARRAY, .required = true, .max = 100, .of = carried_line_fields, .says = "all of it, or its next part" },
	{ 0 }
};
const struct field work_item_carry_reply[] = { { "itemId", UUID, .required = true, .says = "the item it is part of now" }, { 0 } };

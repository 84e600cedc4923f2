/*
 * edges.c: see edges.h.
 */
#include "work/edges.h"

#include "core.h"

/* manual is left by late evidence or by a person; completed when what a step achieved is taken away from outside. */
static const struct edge of_saga[] = {
	{ "running", "completed" },
	{ "running", "failed" },
	{ "running", "compensating" },
	{ "running", "manual" },
	{ "completed", "compensating" },
	{ "completed", "manual" },
	{ "compensating", "compensated" },
	{ "compensating", "manual" },
	{ "manual", "running" },
	{ "manual", "compensating" },
	{ "manual", "completed" },
	{ "manual", "failed" },
};

static const struct edge of_step[] = {
	{ "", "intent" },
	{ "", "skipped" },
	{ "", "confirmed" },
	{ "", "failed" },
	{ "", "manual" },
	{ "intent", "sent" },
	{ "intent", "confirmed" },
	{ "intent", "failed" },
	{ "intent", "manual" },
	{ "sent", "confirmed" },
	{ "sent", "failed" },
	{ "sent", "manual" },
	{ "confirmed", "compensating" },
	{ "confirmed", "compensated" },
	{ "compensating", "compensated" },
	{ "compensating", "manual" },
	{ "manual", "intent" },
	{ "manual", "sent" },
	{ "manual", "confirmed" },
	{ "manual", "failed" },
	{ "manual", "compensating" },
	{ "manual", "compensated" },
};

/* sent > intent and unknown > intent: the vendor certainly did nothing. */
static const struct edge of_effect[] = {
	{ "", "intent" },
	{ "intent", "sent" },
	{ "intent", "refused" },
	{ "intent", "manual" },
	{ "sent", "sent" },
	{ "sent", "intent" },
	{ "sent", "unknown" },
	{ "sent", "confirmed" },
	{ "sent", "refused" },
	{ "sent", "manual" },
	{ "unknown", "unknown" },
	{ "unknown", "intent" },
	{ "unknown", "sent" },
	{ "unknown", "confirmed" },
	{ "unknown", "refused" },
	{ "unknown", "manual" },
	{ "manual", "confirmed" },
	{ "manual", "refused" },
};

const struct edges saga_edges = { "saga", of_saga, COUNT(of_saga) };
const struct edges step_edges = { "saga_step", of_step, COUNT(of_step) };
const struct edges effect_edges = { "effect", of_effect, COUNT(of_effect) };

bool
edge_legal(const struct edges *e, const char *from, const char *to)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->edge[i].from, from) == 0 && strcmp(e->edge[i].to, to) == 0)
			return true;
	return false;
}

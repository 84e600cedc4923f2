/* prescription_world.c: see prescription_world.h. */
#include "prescription_world.h"

static const struct header as_xml[] = { { "content-type", "application/xml" }, { 0 } };
const struct header xml_both[] = { { "content-type", "application/xml; charset=utf-8" }, { "accept", "application/xml" }, { 0 } };

int
rx_setup(void **state)
{
	*state = world_new(&prescription_service, NULL);
	return 0;
}

int
rx_teardown(void **state)
{
	world_free(*state);
	return 0;
}

int
rx_fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'; DELETE FROM ttl;"
		   " UPDATE validation_jobs SET status = 'dropped' WHERE status = 'pending'");
	return 0;
}

/* ---- messages */

static const char *
file_of(struct world *w, const char *name)
{
	static char out[16384];
	FILE *f = fopen(text(w, "%s/t/flows/prescriptions/%s", scratch_source(), name), "re");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	(void)fclose(f);
	return text(w, "%s", out);
}

const char *
with(struct world *w, const char *in, const char *what, const char *by)
{
	const char *at = strstr(in, what);

	if (at == NULL)
		fail_msg("the message has no %s", what);
	return text(w, "%.*s%s%s", (int)(at - in), in, by, at + strlen(what));
}

const char *
newrx(struct world *w)
{
	static unsigned n;
	const char *m = file_of(w, "seed.xml");

	n++;
	m = with(w, m, "SEED-COPAY-0001", text(w, "TEST-%u", n));
	m = with(w, m, "ORDER-0001", text(w, "ORDER-T%u", n));
	m = with(w, m, "MRN-0001", text(w, "MRN-T%u", n));
	return with(w, m, "6175550100", text(w, "617556%04u", n));
}

void
arrive(struct world *w, const char *xml)
{
	request(w, SWITCH, "POST", INTAKE, NULL, xml, as_xml);
}

const char *
taken(struct world *w, const char *xml)
{
	arrive(w, xml);
	expect_status(w, 201);
	return answer_text(w, "prescription_id");
}

const char *
status_of(struct world *w, const char *id)
{
	return sql_text(w, "SELECT status FROM prescriptions WHERE id = '%s'", id);
}

const char *
errors_of(struct world *w, const char *id)
{
	return sql_text(w, "SELECT string_agg(e ->> 'code' || ' ' || (e ->> 'field'), ', ' ORDER BY n) FROM prescriptions,"
			   " jsonb_array_elements(validation_errors) WITH ORDINALITY AS x (e, n) WHERE id = '%s'", id);
}

const char *
answer_xml(struct world *w)
{
	return text(w, "%.*s", (int)answer_bytes(w).n, (const char *)answer_bytes(w).p);
}

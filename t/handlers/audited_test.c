/*
 * A-PIT-06: no endpoint of any service is without its trace: what writes has an audit row, what shows a patient's data has one, whoever asks.
 */
#include "harness/harness.h"

extern const struct service *const all_services[];

/* Members that are a patient's, wherever they stand in an answer. */
static const char *const phi[] = { "birthDate", "birth_date", "heightCm", "height_cm", "allergies", "conditions", "answers" };

static const char *
shown(const struct field *f, int depth)
{
	for (; f != NULL && f->name != NULL && depth < 8; f++) {
		const char *below;

		for (size_t i = 0; i < COUNT(phi); i++)
			if (strcmp(f->name, phi[i]) == 0)
				return f->name;
		below = shown(f->of, depth + 1);
		if (below != NULL)
			return below;
	}
	return NULL;
}

static void
a_pit_06_every_endpoint_that_writes_or_shows_a_patient_leaves_a_row(void **state)
{
	unsigned writes = 0, reads = 0, faults = 0;

	(void)state;
	for (const struct service *const *s = all_services; *s != NULL; s++)
		for (size_t i = 0; i < (*s)->nroutes; i++) {
			const struct route *r = &(*s)->routes[i];
			bool vendors = (r->access & (WEBHOOK | VENDOR)) != 0;
			const char *member = vendors ? NULL : shown(r->reply, 0);

			/* A vendor's post is kept whole, and audited by the job that acts on it. */
			writes += r->db == WRITE && !vendors;
			reads += member != NULL;
			if (r->db == WRITE && !vendors && r->audit == NULL) {
				print_error("%s %s writes without an audit row\n", r->method, r->path);
				faults++;
			}
			if (member != NULL && (r->audit == NULL || (r->db != READ_AUDITED && r->db != WRITE))) {
				print_error("%s %s shows %s without an audit row\n", r->method, r->path, member);
				faults++;
			}
		}
	assert_int_equal(faults, 0);
	assert_true(writes > 40 && reads > 4);	/* the table was looked at */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pit_06_every_endpoint_that_writes_or_shows_a_patient_leaves_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

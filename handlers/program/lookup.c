/* lookup.c: which program a pharmacy may bill for a drug, as the secondary payer behind this kind of insurance. */
#include "program/program.h"

int
program_lookup(struct req *r, struct problem *err)
{
	char ndc[NDC_TEXT];
	const struct asked a = { .ndc = ndc,
		.insurance_type = req_str(r, "insurance_type"),
		.bin = req_opt_str(r, "bin"),
		.age = req_int(r, "age", -1) };
	struct offer *offers;
	struct json_writer *w;
	size_t n;

	if (ndc_normalise(req_str(r, "ndc"), ndc) < 0)
		return problem_member(err, "ndc", "format", "not a National Drug Code");
	if (offers_find(r->db, r->conf, &a, false, &offers, &n, err) < 0)
		return -1;
	if (n == 0)
		return problem(err, 404, "no_program", "no program helps with this drug under this insurance");
	w = reply_json(r, 200);
	jw_object(w, NULL);
	offer_members(w, &offers[0]);
	jw_end(w);
	return 0;
}

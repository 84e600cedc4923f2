/*
 * rules.c: rules are rows; here is what each kind of them asks of the facts (A-API-05). Every rule is asked, so that all reasons are known at once, and the
 * age is that of the day of the intake: the same facts under the same rules give the same decision whenever they are asked.
 */
#include "eligibility/eligibility.h"

#include "base/clock.h"

static const char rules_sql[] =
	"SELECT s.version, r.reason, r.kind, to_json(r.codes)::text AS codes, r.bound::float8::text AS bound"
	" FROM eligibility_rulesets s LEFT JOIN eligibility_rules r ON r.tenant_id = s.tenant_id AND r.version = s.version"
	"  AND (r.intake_type IS NULL OR r.intake_type = $1)"
	" WHERE s.active ORDER BY r.position";

struct rule {
	const char *kind;
	const json_t *codes;
	double bound;
};

static bool
in_codes(const struct rule *rule, const char *text, bool beginning)
{
	const json_t *code;
	size_t i;

	json_array_foreach(rule->codes, i, code) {
		const char *c = json_string_value(code);

		if (beginning ? strncmp(text, c, strlen(c)) == 0 : strcmp(text, c) == 0)
			return true;
	}
	return false;
}

static bool
has_condition(const struct rule *rule, const struct facts *f)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(f->conditions, i, condition) {
		const char *code = json_text_at(condition, "code");

		if (code != NULL && in_codes(rule, code, true))
			return true;
	}
	return false;
}

/* All the consents that the rule names. */
static bool
has_consents(const struct rule *rule, const struct facts *f)
{
	size_t given = 0, i;
	const json_t *code;

	json_array_foreach(rule->codes, i, code) {
		const json_t *consent;
		size_t k;

		json_array_foreach(f->consents, k, consent) {
			const char *type = json_text_at(consent, "type");

			if (type != NULL && strcmp(type, json_string_value(code)) == 0 && json_is_true(json_object_get(consent, "accepted"))) {
				given++;
				break;
			}
		}
	}
	return given == json_array_size(rule->codes);
}

static bool
meets(const struct rule *rule, const struct facts *f)
{
	int age = age_on(f->birth_date, f->submitted_at);

	if (strcmp(rule->kind, "excluded_state") == 0)
		return !in_codes(rule, f->state, false);
	if (strcmp(rule->kind, "minimum_age") == 0)
		return age >= rule->bound;
	if (strcmp(rule->kind, "maximum_age") == 0)
		return age >= 0 && age <= rule->bound;
	if (strcmp(rule->kind, "minimum_bmi") == 0)
		return f->bmi >= rule->bound;
	if (strcmp(rule->kind, "excluded_condition") == 0)
		return !has_condition(rule, f);
	return has_consents(rule, f);
}

int
decide(struct db *db, const struct facts *f, struct decision *ret, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf b = buf_in(a, 8192);
	struct json_writer w;
	struct rows *rows;

	if (db_all(db, &rows, rules_sql, err, P_TEXT(f->intake_type)) < 0)
		return -1;
	if (rows_count(rows) == 0)
		return problem(err, 503, "no_rules", "no set of rules is in force");
	*ret = (struct decision){ .eligible = true, .rule_version = row_str(rows_at(rows, 0), "version") };
	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *r = rows_at(rows, i);
		struct rule rule = { .kind = row_str(r, "kind"), .bound = strtod(row_str(r, "bound"), NULL) };

		if (row_is_null(r, "kind"))
			continue;
		rule.codes = json_read(a, row_str(r, "codes"), strlen(row_str(r, "codes")), err);
		if (rule.codes == NULL)
			return -1;
		if (meets(&rule, f))
			continue;
		ret->eligible = false;
		if (strstr(buf_str(&b), arena_printf(a, "\"%s\"", row_str(r, "reason"))) == NULL)	/* two rules may give one reason */
			jw_str(&w, NULL, row_str(r, "reason"));
	}
	jw_end(&w);
	ret->reasons = buf_str(&b);
	return 0;
}

static double
number_at(const json_t *j, const char *member)
{
	return json_number_value(json_object_get(j, member));
}

int
facts_read(struct arena *a, struct bytes text, struct facts *ret, struct problem *err)
{
	const json_t *j = json_read(a, (const char *)text.p, text.n, err);
	double height;

	if (j == NULL)
		return -1;
	height = number_at(j, "height_cm") / 100;
	ret->birth_date = json_text_at(j, "birth_date");
	if (ret->birth_date == NULL || clock_parse(json_text_at(j, "submitted_at"), &ret->submitted_at) < 0)
		return problem(err, 500, "bad_facts", "the facts name no birth date or no time");
	ret->bmi = height > 0 ? number_at(j, "weight_kg") / (height * height) : 0;
	ret->conditions = json_object_get(j, "conditions");
	ret->consents = json_object_get(j, "consents");
	return 0;
}

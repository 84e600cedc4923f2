/*
 * sig.c: do directions say how much, where, and how often (P-VAL-06)? The words of ordinary directions and the Latin abbreviations; what is
 * written otherwise is for a person to read, so it is an error that names the part, never a guess.
 */
#include "core.h"

#include "prescription/rules/rules.h"

#define WORDS     80
#define WORD_TEXT 24

struct words {
	size_t n;
	char w[WORDS][WORD_TEXT];
};

/* Lower-case words: letters, or digits with their decimals and fractions. "40mg" is two. */
static void
split(const char *s, struct words *ret)
{
	ret->n = 0;
	while (*s != '\0' && ret->n < WORDS) {
		bool digits = *s >= '0' && *s <= '9';
		char *out = ret->w[ret->n];
		size_t n = 0;

		for (; *s != '\0' && n < WORD_TEXT - 1; s++) {
			char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
			bool fits = digits ? (c >= '0' && c <= '9') || ((c == '.' || c == '/') && s[1] >= '0' && s[1] <= '9') : c >= 'a' && c <= 'z';

			if (!fits)
				break;
			out[n++] = c;
		}
		if (n == 0) {
			s++;
			continue;
		}
		out[n] = '\0';
		ret->n++;
	}
}

static bool
is_one_of(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static bool
is_number(const char *word)
{
	return (word[0] >= '0' && word[0] <= '9') ||
	    is_one_of(word, "a an one two three four five six seven eight nine ten half quarter");
}

static bool
is_unit(const char *word)
{
	return is_one_of(word,
	    "tablet tablets tab tabs capsule capsules cap caps pill pills ml milliliter milliliters mg milligram milligrams mcg g gram grams unit units"
	    " drop drops gtt puff puffs spray sprays patch patches pen pens syringe syringes injection injections dose doses application applications"
	    " packet packets suppository suppositories lozenge lozenges inhalation inhalations teaspoon teaspoons teaspoonful tablespoon strip kit film vial");
}

static const char *
word_at(const struct words *s, size_t i)
{
	return i < s->n ? s->w[i] : "";
}

static bool
has_quantity(const struct words *s)
{
	for (size_t i = 0; i + 1 < s->n; i++)
		if (is_number(s->w[i]) &&
		    (is_unit(s->w[i + 1]) || (is_number(word_at(s, i + 1)) && is_unit(word_at(s, i + 2))) ||
			(is_one_of(s->w[i + 1], "to or full prefilled metered") && (is_unit(word_at(s, i + 2)) || is_unit(word_at(s, i + 3))))))
			return true;
	for (size_t i = 0; i + 1 < s->n; i++) /* a thin layer; the contents of one pen */
		if (is_one_of(s->w[i], "thin contents") && is_one_of(s->w[i + 1], "layer film amount of"))
			return true;
	return false;
}

static bool
has_route(const struct words *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *w = s->w[i], *next = word_at(s, i + 1);

		if (is_one_of(w, "orally oral po subcutaneously subcutaneous subq sq sc sub intramuscularly intramuscular im intravenously intravenous iv topically"
				 " topical transdermally transdermal rectally rectal vaginally vaginal sublingually sublingual sl buccally buccal intranasally"
				 " nasally nasal ophthalmic otic inhale inhaled nebulizer swallow chew apply"))
			return true;
		if ((strcmp(w, "by") == 0 && is_one_of(next, "mouth inhalation injection nebulizer rectum")) ||
		    (strcmp(w, "under") == 0 && (is_one_of(next, "tongue skin") || (strcmp(next, "the") == 0 && is_one_of(word_at(s, i + 2), "tongue skin")))) ||
		    (is_one_of(w, "affected each both left right the") && is_one_of(next, "area areas eye eyes ear ears nostril nostrils skin scalp vein muscle rectum vagina")))
			return true;
	}
	return false;
}

static bool
is_period(const char *word)
{
	return is_one_of(word, "hour hours h hr hrs day days week weeks month months morning evening night bedtime meal meals");
}

static bool
has_frequency(const struct words *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *w = s->w[i], *next = word_at(s, i + 1);

		if (is_one_of(w, "daily qd bid tid qid qod qhs hs qam qpm nightly weekly monthly hourly biweekly prn bedtime stat"))
			return true;
		if (is_one_of(w, "every each per a") && (is_period(next) || (is_one_of(next, "other") && is_period(word_at(s, i + 2)))))
			return true;
		if (is_one_of(w, "every") && is_number(next))	/* every 4 to 6 hours, every 12 hours */
			return true;
		if (w[0] == 'q' && w[1] == '\0' && is_number(next))
			return true;
		if (is_one_of(w, "once twice thrice times time") && (is_one_of(next, "daily weekly monthly only") || is_one_of(next, "a per each every in")))
			return true;
		if (strcmp(w, "as") == 0 && strcmp(next, "needed") == 0)
			return true;
		if (is_one_of(w, "with before after at in") && is_one_of(next, "meals meal breakfast lunch dinner bedtime morning"))
			return true;
	}
	return false;
}

void
sig_read(const char *text, struct sig *ret)
{
	struct words s;

	split(text, &s);
	*ret = (struct sig){ .quantity = has_quantity(&s), .route = has_route(&s), .frequency = has_frequency(&s) };
}

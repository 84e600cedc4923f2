/*
 * identity.c: the text of which a blind index is made (rule E7): name, birth date and one way to reach the person, none of them alone,
 * so that no index is of few possible values. Names are compared by their letters only: "O'Neil-Dee" is "oneil dee".
 */
#include "patient/patient.h"

#include "crypto/keyring.h"

/* ASCII letters in lower case, digits and whatever is no ASCII; spaces, hyphens and apostrophes are no difference between people. */
static void
add_letters(struct buf *out, const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			buf_addc(out, (char)(*c | 0x20));
		else if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || (*c & 0x80) != 0)
			buf_addc(out, *c);
	}
}

static const char *
identity(struct arena *a, const json_t *record, const char *reached_at)
{
	const char *first = json_text_at(record, "first_name"), *last = json_text_at(record, "last_name"),
		   *born = json_text_at(record, "birth_date");
	struct buf b = buf_in(a, 2048);

	if (first == NULL || last == NULL || born == NULL || reached_at == NULL)
		return NULL;
	add_letters(&b, last);
	buf_addc(&b, '|');
	add_letters(&b, first);
	buf_addf(&b, "|%s|%s", born, reached_at);
	return b.failed ? NULL : buf_str(&b);
}

static const json_t *
record_read(struct arena *a, struct bytes record)
{
	struct problem ignored = { 0 };

	return json_read(a, (const char *)record.p, record.n, &ignored);
}

const char *
identity_phone(struct arena *a, struct bytes record)
{
	const json_t *tree = record_read(a, record);

	return identity(a, tree, json_text_at(tree, "phone"));
}

const char *
identity_email(struct arena *a, struct bytes record)
{
	const json_t *tree = record_read(a, record);
	const char *email = json_text_at(tree, "email");

	return identity(a, tree, email != NULL ? blind_email(a, BYTES_OF(email)) : NULL);
}

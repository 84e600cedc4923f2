/* blind.c: see blind.h. */
#include "core.h"

#include "base/json.h"
#include "crypto/keyring.h"
#include "data/blind.h"

const char *
blind_email(struct arena *a, struct bytes plain)
{
	return normalise_email((const char *)plain.p, arena_alloc(a, plain.n + 1), plain.n + 1);
}

const char *
blind_email_member(struct arena *a, struct bytes plain)
{
	struct problem err = { 0 };
	json_t *form = json_read(a, (const char *)plain.p, plain.n, &err);
	const char *email = form != NULL ? json_text_at(form, "email") : NULL;

	return email != NULL ? blind_email(a, BYTES_OF(email)) : NULL;
}

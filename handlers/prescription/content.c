/* content.c: what was read of a prescription, sealed under its patient's key, and the columns that are kept beside it in the clear. */
#include "prescription/prescription.h"

static const char columns_sql[] =
	"UPDATE prescriptions SET npi = $2, drug_ndc = $3, quantity = $4, days_supply = $5, refills = $6, written_date = $7, content_enc = $8::bytea,"
	" version = version + 1, updated_at = now() WHERE id = $1";

int
content_open(struct db *db, const struct prescription *p, const char *text[SCRIPT__MAX], struct problem *err)
{
	struct bytes plain;

	if (vault_open(db, "prescriptions", "content_enc", p->id, p->content_enc, &plain, err) < 0)
		return -1;
	return script_texts(db_current_arena(db), plain, text, err);
}

int
content_seal(struct db *db, struct uuid patient, struct uuid id, const char *const text[SCRIPT__MAX], struct bytes *ret, struct problem *err)
{
	const char *content = script_content(db_current_arena(db), text);

	return vault_seal(db, patient, "prescriptions", "content_enc", id, BYTES_OF(content), ret, err);
}

/* Codes and numbers only, and no more of them than their elements may have. */
static const char *
code_of(struct db *db, const char *s, size_t most)
{
	return s == NULL || strlen(s) <= most ? s : arena_ndup(db_current_arena(db), s, most);
}

int
content_columns(struct db *db, struct uuid id, const char *const text[SCRIPT__MAX], struct bytes sealed, struct problem *err)
{
	char forms[3][NDC_TEXT];
	const char *ndc = text[SCRIPT_NDC];

	if (ndc != NULL && ndc_forms(ndc, forms) == 1)
		ndc = arena_dup(db_current_arena(db), forms[0]);
	return db_exec(db, columns_sql, err, P_UUID(id), P_TEXT(code_of(db, text[SCRIPT_NPI], 10)), P_TEXT(code_of(db, ndc, 15)),
	    P_TEXT(code_of(db, text[SCRIPT_QUANTITY], 18)), P_TEXT(code_of(db, text[SCRIPT_DAYS_SUPPLY], 18)),
	    P_TEXT(code_of(db, text[SCRIPT_REFILLS], 18)), P_TEXT(code_of(db, text[SCRIPT_WRITTEN_DATE], 10)), P_BYTES(sealed)) < 0 ? -1 : 0;
}

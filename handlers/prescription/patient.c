/*
 * patient.c: who a prescription is for. A message names a person, not a row of ours: the same name, birth date and telephone are the same
 * patient, found by a blind index. What contradicts a patient who is known for sure is an error of the prescription (P-VAL-08).
 */
#include "prescription/prescription.h"

#define MATCH	   "patients.match"
#define KIN	   "patients.kin"
#define IDENTIFIER "patients.identifier"

static const char find_sql[] = "SELECT id FROM patients WHERE match_index = ANY ($1::bytea[]) LIMIT 1";
static const char carrier_sql[] = "SELECT id, person_enc FROM patients WHERE identifier_index = ANY ($1::bytea[]) AND confirmed_at IS NOT NULL LIMIT 1";
static const char insert_sql[] =
	"INSERT INTO patients (id, person_enc, match_index, kin_index, identifier_index) VALUES ($1, $2, $3::bytea, $4::bytea, $5::bytea)"
	" ON CONFLICT ON CONSTRAINT patients_match DO NOTHING";
static const char kin_sql[] =
	"SELECT 1 AS one FROM patients WHERE kin_index = ANY ($1::bytea[]) AND id <> $2 AND confirmed_at IS NOT NULL LIMIT 1";
static const char identified_sql[] =
	"SELECT 1 AS one FROM patients WHERE identifier_index = ANY ($1::bytea[]) AND id <> $2 AND confirmed_at IS NOT NULL LIMIT 1";
static const char confirm_sql[] = "UPDATE patients SET confirmed_at = coalesce(confirmed_at, now()) WHERE id = $1";

/* Letters of a name, small, without what people leave out: blanks, hyphens, apostrophes. Other alphabets stay as they are. */
static const char *
plain_name(struct arena *a, const char *s)
{
	char *out = arena_alloc(a, strlen(s) + 1), *o = out;

	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*o++ = (char)(*s + 32);
		else if ((*s >= 'a' && *s <= 'z') || (unsigned char)*s >= 0x80)
			*o++ = *s;
	*o = '\0';
	return out;
}

/* The texts that are indexed; NULL while a part is missing. */
static const char *
kin_text(struct arena *a, const char *last, const char *first, const char *phone)
{
	const char *digits = phone != NULL ? phone_digits(a, phone) : NULL;

	if (last == NULL || first == NULL || digits == NULL)
		return NULL;
	return arena_printf(a, "%s|%s|%s", plain_name(a, last), plain_name(a, first), digits);
}

static const char *
match_text(struct arena *a, const char *kin, const char *born)
{
	return kin == NULL || born == NULL || strlen(born) < 10 ? NULL : arena_printf(a, "%s|%.10s", kin, born);
}

static const char *
identifier_text(struct arena *a, const char *sender, const char *identifier)
{
	return sender == NULL || identifier == NULL ? NULL : arena_printf(a, "%s|%s", sender, identifier);
}

/* ---- the same texts out of the sealed column, for whoever writes the indexes anew */

static const char *
member(const json_t *person, const char *name)
{
	return json_text_at(json_object_get(json_object_get(person, "content"), "patient"), name);
}

static const char *
kin_of(struct arena *a, struct bytes plain)
{
	struct problem err = { 0 };
	const json_t *p = json_read(a, (const char *)plain.p, plain.n, &err);

	return kin_text(a, member(p, "lastName"), member(p, "firstName"), member(p, "phone"));
}

static const char *
match_of(struct arena *a, struct bytes plain)
{
	struct problem err = { 0 };
	const json_t *p = json_read(a, (const char *)plain.p, plain.n, &err);

	return match_text(a, kin_of(a, plain), member(p, "birthDate"));
}

static const char *
identifier_of(struct arena *a, struct bytes plain)
{
	struct problem err = { 0 };
	const json_t *p = json_read(a, (const char *)plain.p, plain.n, &err);

	return identifier_text(a, json_text_at(p, "sender"), member(p, "identifier"));
}

const struct blind_column patient_blind[3] = {
	{ "patients", "match_index", MATCH, "person_enc", match_of },
	{ "patients", "kin_index", KIN, "person_enc", kin_of },
	{ "patients", "identifier_index", IDENTIFIER, "person_enc", identifier_of },
};

/* ---- matching */

static struct bytes
index_of(struct db *db, const char *purpose, const char *text)
{
	return text != NULL ? vault_index(db, purpose, text) : (struct bytes){ 0 };
}

static const char *
person_of(struct arena *a, const char *const text[SCRIPT__MAX], const char *sender)
{
	struct buf b = buf_in(a, (size_t)64 * 1024);
	const char *person[SCRIPT__MAX] = { 0 };
	struct json_writer w;

	for (size_t i = 0; i < SCRIPT__MAX; i++)
		if (strncmp(script_fields[i].member, "patient.", 8) == 0)
			person[i] = text[i];
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "sender", sender);
	jw_raw(&w, "content", script_content(a, person));
	jw_end(&w);
	return buf_str(&b);
}

/* Two messages about a new patient at once: one row wins, and both get it. */
static int
patient_new(struct db *db, const char *const text[SCRIPT__MAX], const char *sender, const char *kin, const char *match, struct uuid *ret,
    struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct uuid id = uuid_new();
	struct bytes sealed;
	const char *person = person_of(a, text, sender);
	int64_t n;

	if (vault_seal(db, id, "patients", "person_enc", id, BYTES_OF(person), &sealed, err) < 0)
		return -1;
	n = db_exec(db, insert_sql, err, P_UUID(id), P_BYTES(sealed), P_BYTES(index_of(db, MATCH, match)), P_BYTES(index_of(db, KIN, kin)),
	    P_BYTES(index_of(db, IDENTIFIER, identifier_text(a, sender, text[SCRIPT_PATIENT_ID]))));
	*ret = id;
	return (int)n;
}

static bool
same_text_of(struct arena *a, const char *x, const char *y)
{
	return x != NULL && y != NULL && strcmp(plain_name(a, x), plain_name(a, y)) == 0;
}

bool
patient_is_same(struct arena *a, const char *const x[SCRIPT__MAX], const char *const y[SCRIPT__MAX])
{
	return same_text_of(a, x[SCRIPT_LAST_NAME], y[SCRIPT_LAST_NAME]) && same_text_of(a, x[SCRIPT_FIRST_NAME], y[SCRIPT_FIRST_NAME]) &&
	    x[SCRIPT_BIRTH_DATE] != NULL && y[SCRIPT_BIRTH_DATE] != NULL && strncmp(x[SCRIPT_BIRTH_DATE], y[SCRIPT_BIRTH_DATE], 10) == 0;
}

/* A patient who moved house has another telephone: the sender's own identifier, with the same name and birth date, says who it is. */
static int
match_identifier(struct db *db, const char *const text[SCRIPT__MAX], const char *identifier, struct uuid *ret, struct problem *err)
{
	const char *known[SCRIPT__MAX] = { 0 };
	const json_t *person;
	struct bytes plain;
	const struct row *w;

	*ret = UUID_NIL;
	if (identifier == NULL)
		return 0;
	if (db_one(db, &w, carrier_sql, err, vault_indexes(db, IDENTIFIER, identifier)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (vault_open(db, "patients", "person_enc", row_uuid(w, "id"), row_bytes(w, "person_enc"), &plain, err) < 0)
		return -1;
	person = json_read(db_current_arena(db), (const char *)plain.p, plain.n, err);
	if (person == NULL)
		return -1;
	known[SCRIPT_LAST_NAME] = member(person, "lastName");
	known[SCRIPT_FIRST_NAME] = member(person, "firstName");
	known[SCRIPT_BIRTH_DATE] = member(person, "birthDate");
	if (patient_is_same(db_current_arena(db), text, known))
		*ret = row_uuid(w, "id");
	return 0;
}

int
patient_match(struct db *db, const char *const text[SCRIPT__MAX], const char *sender, struct uuid *ret, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const char *kin = kin_text(a, text[SCRIPT_LAST_NAME], text[SCRIPT_FIRST_NAME], text[SCRIPT_PHONE]);
	const char *match = match_text(a, kin, text[SCRIPT_BIRTH_DATE]);
	const struct row *w;

	for (int i = 0; i < 2; i++) {
		int n;

		if (match != NULL && db_one(db, &w, find_sql, err, vault_indexes(db, MATCH, match)) < 0)
			return -1;
		if (match != NULL && w != NULL) {
			*ret = row_uuid(w, "id");
			return 0;
		}
		if (match_identifier(db, text, identifier_text(a, sender, text[SCRIPT_PATIENT_ID]), ret, err) < 0)
			return -1;
		if (!uuid_is_nil(*ret))
			return 0;
		n = patient_new(db, text, sender, kin, match, ret, err);
		if (n != 0)
			return n < 0 ? -1 : 0;
	}
	return problem(err, 409, "serialization", "another message makes this patient");
}

int
patient_doubts(struct db *db, struct uuid patient, const char *const text[SCRIPT__MAX], const char *sender, struct rx_known *known,
    struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const char *kin = kin_text(a, text[SCRIPT_LAST_NAME], text[SCRIPT_FIRST_NAME], text[SCRIPT_PHONE]);
	const char *identifier = identifier_text(a, sender, text[SCRIPT_PATIENT_ID]);
	const struct row *w;

	if (kin != NULL) {
		if (db_one(db, &w, kin_sql, err, vault_indexes(db, KIN, kin), P_UUID(patient)) < 0)
			return -1;
		known->other_birth_date = w != NULL;
	}
	if (identifier != NULL) {
		if (db_one(db, &w, identified_sql, err, vault_indexes(db, IDENTIFIER, identifier), P_UUID(patient)) < 0)
			return -1;
		known->other_person = w != NULL;
	}
	return 0;
}

int
patient_confirm(struct db *db, struct uuid patient, struct problem *err)
{
	return db_exec(db, confirm_sql, err, P_UUID(patient)) < 0 ? -1 : 0;
}

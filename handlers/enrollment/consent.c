/*
 * consent.c: the HIPAA authorization (P-ENR-09). What is signed is a text of ours, word for word: the client sends what it showed, and the row keeps which
 * version that was and its hash. The signature is bound to it: record_hash is over enrolment, text, picture, name and time, so that none of them can be
 * exchanged later. The time and the address are ours; what the client claims of both is kept beside them.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "enrollment/enrollment.h"

#define PNG_URI	  "data:image/png;base64,"
#define TEXT_MOST ((size_t)20000)

static const char insert_sql[] =
	"INSERT INTO hipaa_consents (id, enrollment_id, patient_id, text_version, text_sha256, signature_enc, signer_enc, from_address, signed_at, record_hash)"
	" VALUES ($1, $2, $3, $4, $5::bytea, $6::bytea, $7::bytea, $8, $9, $10::bytea)";

static struct consent_text current;

const struct consent_text *
consent_current(void)
{
	return &current;
}

/* A version is a file that is never changed: templates/enrollment/hipaa.<version>.en.txt. */
int
consent_start(const struct conf *conf, struct problem *err)
{
	static char text[TEXT_MOST + 1], version[24];
	char path[4096];
	FILE *f;
	size_t n;

	(void)snprintf(version, sizeof(version), "%s", conf_str(conf, "HIPAA_TEXT_VERSION"));
	if (snprintf(path, sizeof(path), "%s/enrollment/hipaa.%s.en.txt", conf_str(conf, "TEMPLATES_DIR"), version) >= (int)sizeof(path) ||
	    (f = fopen(path, "re")) == NULL)
		return problem(err, 500, "bad_config", "the HIPAA text of version %s cannot be read", version);
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	if (n < 200)
		return problem(err, 500, "bad_config", "the HIPAA text of version %s is no text", version);
	current.version = version;
	current.text = text;
	sha256(BYTES(text, n), current.hash);
	return 0;
}

static int
signature_of(struct req *r, const json_t *consent, struct bytes *ret, struct problem *err)
{
	const char *uri = json_text_at(consent, "signature"), *text;
	uint8_t *png;
	struct image seen;
	ssize_t n;

	if (strncmp(uri, PNG_URI, strlen(PNG_URI)) != 0)
		return problem_member(err, "hipaa_consent.signature", "format", "a PNG as data URI");
	text = uri + strlen(PNG_URI);
	png = arena_alloc(r->arena, 3 * strlen(text) / 4 + 3);
	n = base64_decode(text, strlen(text), png);
	if (n <= 0 || !image_look(BYTES(png, (size_t)n), &seen) || strcmp(seen.media, "image/png") != 0 || seen.width > 4000 || seen.height > 4000)
		return problem_member(err, "hipaa_consent.signature", "format", "not a whole PNG of at most 4,000 pixels a side");
	*ret = BYTES(png, (size_t)n);
	return 0;
}

/* Parts are hex or end the text, so no two records look alike. */
static void
record_hash(struct req *r, const struct link *l, struct bytes png, const char *name, int64_t at, uint8_t out[32])
{
	char id[UUID_TEXT], text_hex[HEX32], png_hex[HEX32], when[CLOCK_TEXT];
	const char *record;
	uint8_t digest[32];

	sha256(png, digest);
	record = arena_printf(r->arena, "%s\n%s\n%s\n%s\n%s", uuid_text(l->enrollment_id, id), hex_encode(BYTES(current.hash, 32), text_hex),
	    hex_encode(BYTES(digest, 32), png_hex), clock_text(at, when), name);
	sha256(BYTES_OF(record), out);
}

static struct bytes
signer_of(struct req *r, const json_t *consent)
{
	struct buf b = buf_in(r->arena, 8 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "name", json_text_at(consent, "signature_name"));
	jw_opt_str(&w, "claimed_date", json_text_at(consent, "signature_date"));
	jw_opt_str(&w, "claimed_address", json_text_at(consent, "ip_address"));
	jw_opt_str(&w, "client", req_header(r, "user-agent"));
	jw_end(&w);
	return BYTES(buf_str(&b), b.len);
}

int
consent_store(struct req *r, const struct link *l, struct problem *err)
{
	const json_t *consent = req_json(r, "hipaa_consent");
	struct bytes png = { 0 }, png_enc, signer_enc;
	struct uuid id = uuid_new();
	int64_t now = clock_us();
	uint8_t hash[32];

	if (strcmp(json_text_at(consent, "authorization_text"), current.text) != 0)
		(void)problem_member(err, "hipaa_consent.authorization_text", "not_current", "not the text that is to be signed now");
	if (signature_of(r, consent, &png, err) < 0 || err->nerrors > 0)
		return -1;
	record_hash(r, l, png, json_text_at(consent, "signature_name"), now, hash);
	if (vault_seal(r->db, l->patient_id, "hipaa_consents", "signature_enc", id, png, &png_enc, err) < 0 ||
	    vault_seal(r->db, l->patient_id, "hipaa_consents", "signer_enc", id, signer_of(r, consent), &signer_enc, err) < 0)
		return -1;
	return db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(l->enrollment_id), P_UUID(l->patient_id), P_TEXT(current.version),
	    P_BYTES(BYTES(current.hash, 32)), P_BYTES(png_enc), P_BYTES(signer_enc), P_TEXT(r->remote != NULL ? r->remote : "unknown"), P_TIME(now),
	    P_BYTES(BYTES(hash, 32))) < 0 ? -1 : 0;
}

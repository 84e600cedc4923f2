/* enrollment_world.c: see enrollment_world.h. */
#include "crypto/hash.h"
#include "enrollment_world.h"

char folder[] = "/tmp/telerx-files-XXXXXX";
uint8_t png[400];
size_t png_n;
char hipaa_text[20000];

/* A PNG as far as its frame goes. */
void
png_make(int width, int height)
{
	static const uint8_t head[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R' };
	static const uint8_t rest[] = { 8, 2, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 4, 'I', 'D', 'A', 'T', 9, 9, 9, 9, 1, 2, 3, 4, 0, 0, 0, 0, 'I', 'E', 'N', 'D',
		0xae, 0x42, 0x60, 0x82 };

	memset(png, 0, sizeof(png));
	memcpy(png, head, sizeof(head));
	png[18] = (uint8_t)(width >> 8);
	png[19] = (uint8_t)width;
	png[22] = (uint8_t)(height >> 8);
	png[23] = (uint8_t)height;
	memcpy(png + 24, rest, sizeof(rest));
	png_n = 24 + sizeof(rest);
}

/* The file without its last line's end is what is signed. */
static int
text_read(void)
{
	char path[512];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/templates/enrollment/hipaa.2026-11.en.txt", scratch_source());
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	n = fread(hipaa_text, 1, sizeof(hipaa_text) - 1, f);
	hipaa_text[n - 1] = '\0';
	return fclose(f);
}

int
shell(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command); /* NOLINT(cert-env33-c): the names are the tests' own */
}

int
enrollment_setup(void **state)
{
	const char *settings[4] = { NULL };
	static char dir[64];

	assert_non_null(mkdtemp(folder));
	(void)snprintf(dir, sizeof(dir), "FILES_DIR=%s/files", folder);
	settings[0] = dir;
	settings[1] = "SUPPORT_PHONE=+1 500 555 0006";
	settings[2] = "PUBLIC_BASE_URL=https://telerx.example";
	*state = world_new(&enrollment_service, settings);
	return text_read();
}

int
enrollment_teardown(void **state)
{
	world_free(*state);
	return shell("rm -rf '%s'", folder);
}

int
enrollment_fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", NOTIFY, 202, SENT);
	png_make(PNG_WIDTH, PNG_HEIGHT);
	return 0;
}

const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

void
told(struct world *w, const char *rx, const char *patient, const char *topic, const char *more)
{
	struct uuid aggregate;

	assert_int_equal(uuid_parse(rx, &aggregate), 0);
	send_event(w, "prescription", topic, aggregate, text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",%s}", rx, patient, more));
	expect_status(w, 200);
}

/* A prescription that is validated, and its details as the fetching job keeps them. */
struct patient
validated_as(struct world *w, const char *details)
{
	struct patient p = { .rx = new_id(w), .id = new_id(w) };
	struct scope scope = { .actor = "test", .request_id = "enrollment-test" };
	struct problem err = { 0 };
	struct bytes sealed;
	struct uuid rx, patient;
	char *hex;

	told(w, p.rx, p.id, "prescription.validation.completed", "\"validation_result\":\"passed\"");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'candidate.fetch' AND args->>'prescriptionId' = '%s'", p.rx), 1);
	sql_run(w, "DELETE FROM job WHERE kind = 'candidate.fetch'");
	assert_int_equal(uuid_parse(conf_str(world_conf(w), "TENANT_ID"), &scope.tenant) | uuid_parse(p.rx, &rx) | uuid_parse(p.id, &patient), 0);
	db_arena(world_db(w), world_arena(w));
	assert_int_equal(db_begin(world_db(w), WRITE, &scope, &err), 0);
	assert_int_equal(vault_seal(world_db(w), patient, "candidates", "details_enc", rx, BYTES_OF(details), &sealed, &err), 0);
	assert_int_equal(db_commit(world_db(w), &err), 0);
	hex = arena_alloc(world_arena(w), 2 * sealed.n + 1);
	sql_run(w, "UPDATE candidates SET details_enc = '\\x%s' WHERE id = '%s'", hex_encode(sealed, hex), p.rx);
	return p;
}

struct patient
validated(struct world *w)
{
	return validated_as(w, "{\"firstName\":\"Quillonia\",\"lastName\":\"Brambleworth\",\"birthDate\":\"1986-04-17\","
			       "\"email\":\"quillonia@example.com\",\"phone\":\"+15045550142\",\"prescriber\":\"Dr. Marigold Osgrim\","
			       "\"drugName\":\"Zanthorel 5 mg\",\"insurance\":{\"payer_name\":\"Aetna\"}}");
}

void
initiate(struct world *w, struct patient *p)
{
	const char *link;

	post(w, BY_ROLE("ops_agent"), BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", p->rx));
	expect_status(w, 200);
	p->enrollment = answer_text(w, "enrollment_id");
	link = answer_text(w, "magic_link");
	assert_memory_equal(link, "https://telerx.example/enroll/", 30);
	p->token = link + 30;
	assert_int_equal(strlen(p->token), 43);
}

struct patient
invited(struct world *w)
{
	struct patient p = validated(w);

	initiate(w, &p);
	return p;
}

void
upload(struct world *w, const char *token, const char *side, struct bytes b)
{
	char *raw = arena_ndup(world_arena(w), b.p, b.n);
	struct by by = token != NULL ? BY_PATIENT(token) : BY_PUBLIC;

	request_bytes(w, by, "POST", text(w, BASE "/cards?side=%s", side), BYTES(raw, b.n));
}

const char *
uploaded(struct world *w, const char *token, const char *side)
{
	upload(w, token, side, BYTES(png, png_n));
	expect_status(w, 201);
	return answer_text(w, "url");
}

static const char *
signature(struct world *w)
{
	struct buf b = buf_in(world_arena(w), 4096);

	buf_add(&b, "data:image/png;base64,");
	base64_encode(BYTES(png, png_n), &b);
	return buf_str(&b);
}

static json_t *
consent_member(struct world *w, const char *signed_text)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "authorization_text", signed_text, "signature", signature(w), "signature_name", "Quillonia Brambleworth",
	    "signature_date", "2020-01-15T14:00:00Z", "ip_address", "192.0.2.77");
}

/* more: members of insurance, as JSON text behind a comma, or "". */
const char *
body_of(struct world *w, const struct patient *p, const char *signed_text, const char *payer, const char *bin, const char *more)
{
	json_t *consent = consent_member(w, signed_text);
	char *dumped = json_dumps(consent, JSON_COMPACT);
	const char *body = text(w,
	    "{\"prescription_id\":\"%s\",\"token\":\"%s\",\"insurance\":{\"payer_name\":\"%s\",\"member_id\":\"ABC123456789\",\"group_number\":\"12345\","
	    "\"bin\":\"%s\"%s},\"hipaa_consent\":%s}",
	    p->rx, p->token, payer, bin, more, dumped);

	free(dumped);
	json_decref(consent);
	return body;
}

const char *
good_body(struct world *w, const struct patient *p)
{
	const char *front = uploaded(w, p->token, "front"), *back = uploaded(w, p->token, "back");

	return body_of(w, p, hipaa_text, "Blue Cross Blue Shield", "610014",
	    text(w, ",\"pcn\":\"MEDDCO\",\"card_front_url\":\"%s\",\"card_back_url\":\"%s\"", front, back));
}

const char *
link_state(struct world *w, const struct patient *p)
{
	get(w, BY_PUBLIC, text(w, BASE "/validate/%s", p->token));
	return answer_status(w) == 200 ? "open" : answer_text(w, "code");
}

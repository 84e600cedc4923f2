/*
 * file_store_test.c: sealed files in a database and in both kinds of store (P-ENR-08, P-HIPAA-01, G-DATA-05). The store of S3's kind is a stand-in
 * behind the same calls: it keeps objects, and computes each request's signature once more from the published rule, by OpenSSL alone;
 * what does not agree it refuses, as S3 does.
 */
#include "core.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "floor.h"
#include "net/file_store.h"

#define BUCKET "cards"
#define HOST   "s3.example:9000"
#define ACCESS "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define REGION "eu-central-2"
#define MOST   16

static const struct uuid patient = { { 9, 8, 7 } };
static const char picture[] = "IHDR and the pixels of a card, member ABC123456789";

/* ---- the stand-in */

struct object {
	char name[FILE_OBJECT_MAX];
	uint8_t *p;
	size_t n;
	int64_t age_s;
};

static struct s3 {
	struct object object[MOST];
	size_t n;
	int refused, calls;
	int status; /* answers this instead, when not 0 */
	const char *secret;
	size_t page;
} s3;

static const char *
header_of(const struct http_call *c, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = c->headers; *h != NULL; h++)
		if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':')
			return *h + n + 2;
	return "";
}

static void
hex_of(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void
digest_of(const void *p, size_t n, char out[65])
{
	uint8_t md[32];
	unsigned len = 32;

	assert_int_equal(EVP_Digest(p, n, md, &len, EVP_sha256(), NULL), 1);
	hex_of(md, 32, out);
}

static void
mac(const void *key, size_t nkey, const char *text, uint8_t out[32])
{
	unsigned len = 32;

	assert_non_null(HMAC(EVP_sha256(), key, (int)nkey, (const uint8_t *)text, strlen(text), out, &len));
}

/* The rule, step by step: canonical request, string to sign, signing key, signature. */
static bool
signature_holds(struct arena *a, const struct http_call *c, const char *path, const char *query)
{
	const char *sent = header_of(c, "Authorization"), *date = header_of(c, "x-amz-date");
	char body[65], digest[65], signature[65];
	const char *canonical, *to_sign, *want;
	uint8_t key[32];
	char *first;

	digest_of(c->body.p == NULL ? "" : (const char *)c->body.p, c->body.n, body);
	if (strcmp(header_of(c, "x-amz-content-sha256"), body) != 0 || strlen(date) != 16)
		return false;
	canonical = arena_printf(a, "%s\n%s\n%s\nhost:" HOST "\nx-amz-content-sha256:%s\nx-amz-date:%s\n\nhost;x-amz-content-sha256;x-amz-date\n%s",
	    c->method, path, query, body, date, body);
	digest_of(canonical, strlen(canonical), digest);
	to_sign = arena_printf(a, "AWS4-HMAC-SHA256\n%s\n%.8s/" REGION "/s3/aws4_request\n%s", date, date, digest);
	first = arena_printf(a, "AWS4%s", s3.secret);
	mac(first, strlen(first), arena_printf(a, "%.8s", date), key);
	mac(key, 32, REGION, key);
	mac(key, 32, "s3", key);
	mac(key, 32, "aws4_request", key);
	mac(key, 32, to_sign, key);
	hex_of(key, 32, signature);
	want = arena_printf(a,
	    "AWS4-HMAC-SHA256 Credential=" ACCESS "/%.8s/" REGION "/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=%s",
	    date, signature);
	return strcmp(sent, want) == 0;
}

static struct object *
object_of(const char *name)
{
	for (size_t i = 0; i < s3.n; i++)
		if (strcmp(s3.object[i].name, name) == 0)
			return &s3.object[i];
	return NULL;
}

/* One that must be there. */
static struct object *
held(const char *name)
{
	struct object *o = object_of(name);

	if (o == NULL)
		die("no object %s", name);
	return o;
}

/* A page at a time; the token is where the next begins. */
static void
list(struct arena *a, const char *query, struct http_answer *ret)
{
	const char *token = strstr(query, "continuation-token=");
	size_t from = token != NULL ? strtoul(token + 19, NULL, 10) : 0, i;
	struct buf b = buf_in(a, 65536);
	char at[CLOCK_TEXT];

	buf_add(&b, "<?xml version=\"1.0\"?><ListBucketResult>");
	for (i = from; i < s3.n && i < from + s3.page; i++)
		buf_addf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%zu</Size></Contents>", s3.object[i].name,
		    clock_text(clock_us() - s3.object[i].age_s * US_PER_S, at), s3.object[i].n);
	if (i < s3.n)
		buf_addf(&b, "<IsTruncated>true</IsTruncated><NextContinuationToken>%zu</NextContinuationToken>", i);
	buf_add(&b, "</ListBucketResult>");
	*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 200, .body = BYTES(buf_str(&b), b.len) };
}

static int
act(struct arena *a, const struct http_call *c, const char *name, const char *query, struct http_answer *ret)
{
	struct object *o = object_of(name);

	if (*name == '\0') {
		list(a, query, ret);
		return 200;
	}
	if (strcmp(c->method, "PUT") == 0) {
		if (o == NULL)
			o = &s3.object[s3.n++];
		(void)snprintf(o->name, sizeof(o->name), "%s", name);
		o->p = malloc(c->body.n);
		assert_non_null(o->p);
		memcpy(o->p, c->body.p, c->body.n);
		o->n = c->body.n;
		return 200;
	}
	if (o == NULL)
		return 404;
	if (strcmp(c->method, "DELETE") == 0) {
		free(o->p);
		*o = s3.object[--s3.n];
		return 204;
	}
	ret->body = BYTES(arena_ndup(a, o->p, o->n), o->n);
	return 200;
}

static void
s3_answers(void *context UNUSED, struct arena *a, const struct http_call *c, struct http_answer *ret, const char *const **headers UNUSED)
{
	static const char root[] = "https://" HOST;
	const char *path = c->url + strlen(root), *query = strchr(path, '?'), *name;

	s3.calls++;
	assert_memory_equal(c->url, root, strlen(root));
	path = query == NULL ? path : arena_ndup(a, path, (size_t)(query - path));
	query = query == NULL ? "" : query + 1;
	*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = s3.status, .body = BYTES("", 0) };
	if (s3.status != 0)
		return;
	if (!signature_holds(a, c, path, query)) {
		s3.refused++;
		ret->status = 403;
		return;
	}
	assert_memory_equal(path, "/" BUCKET, strlen("/" BUCKET));
	name = path + strlen("/" BUCKET);
	ret->status = act(a, c, *name == '/' ? name + 1 : name, query, ret);
}

/* ---- the tests */

static const struct conf_key keys[] = { FILE_STORE_CONF, { 0 } };
static const struct conf_key *const tables[] = { keys, NULL };

static struct conf *
conf_of(bool in_s3)
{
	struct problem err = { 0 };
	struct conf *c;

	(void)setenv("FILES_S3_URL", in_s3 ? "https://" HOST "/" : "", 1);
	(void)setenv("FILES_S3_BUCKET", BUCKET, 1);
	(void)setenv("FILES_S3_REGION", REGION, 1);
	(void)setenv("FILES_S3_ACCESS_KEY", ACCESS, 1);
	(void)setenv("FILES_S3_SECRET_KEY", SECRET, 1);
	c = conf_load(tables, &err);
	assert_non_null(c);
	return c;
}

static int
fresh(void **state UNUSED)
{
	for (size_t i = 0; i < s3.n; i++)
		free(s3.object[i].p);
	s3 = (struct s3){ .secret = SECRET, .page = 2 };
	http_intercept(s3_answers, NULL);
	return 0;
}

static struct file
stored(struct floor *f, struct http *h, const struct conf *c)
{
	struct file file = { .subject = patient, .belongs_to = uuid_new(), .kind = "card", .media = "image/png", .width = 3, .height = 2 };
	struct problem err = { 0 };

	must(file_put(h, f->arena, c, "enrollment", f->a.tenant, BYTES_OF(picture), &file, &err), &err);
	must(db_begin(f->db, WRITE, &f->a, &err), &err);
	must(file_record(f->db, &file, &err), &err);
	must(db_commit(f->db, &err), &err);
	return file;
}

static void
reads_back(struct floor *f, struct http *h, const struct conf *c, struct uuid id)
{
	struct problem err = { 0 };
	struct bytes sealed, plain;
	struct file found;

	must(db_begin(f->db, READ, &f->a, &err), &err);
	must(file_find(f->db, id, &found, &err), &err);
	must(db_commit(f->db, &err), &err);
	must(file_get(h, f->arena, c, &found, &sealed, &err), &err);
	assert_null(memmem(sealed.p, sealed.n, "ABC123456789", 12));
	must(db_begin(f->db, READ_AUDITED, &f->a, &err), &err);
	must(file_open(f->db, &found, sealed, &plain, &err), &err);
	assert_int_equal(plain.n, strlen(picture));
	assert_memory_equal(plain.p, picture, plain.n);
	db_rollback(f->db);
}

static void
a_file_goes_through_s3_signed_and_sealed(void **state)
{
	struct floor *f = *state;
	struct conf *c = conf_of(true);
	struct http *h = http_new(f->db, NULL);
	struct problem err = { 0 };
	struct file file = stored(f, h, c);

	assert_int_equal(s3.n, 1);
	assert_string_equal(s3.object[0].name, file.object);
	reads_back(f, h, c, file.id);
	must(file_drop(h, f->arena, c, file.object, &err), &err);
	must(file_drop(h, f->arena, c, file.object, &err), &err);
	assert_int_equal(s3.n, 0);
	assert_int_equal(s3.refused, 0);
	http_free(h);
	conf_free(c);
}

static void
a_store_that_refuses_or_fails_is_503_and_nothing_is_recorded(void **state)
{
	static const int answers[] = { 500, 503, 429, 301 };
	struct floor *f = *state;
	struct conf *c = conf_of(true);
	struct http *h = http_new(f->db, NULL);
	struct file file = { .subject = patient, .belongs_to = uuid_new(), .kind = "card", .media = "image/png" };
	struct problem err = { 0 };

	s3.secret = "another secret";
	assert_int_equal(file_put(h, f->arena, c, "enrollment", f->a.tenant, BYTES_OF(picture), &file, &err), -1);
	must_be(&err, 503, "files_unavailable");
	assert_int_equal(s3.refused, 1);
	for (size_t i = 0; i < COUNT(answers); i++) {
		problem_clear(&err);
		s3.status = answers[i];
		assert_int_equal(file_put(h, f->arena, c, "enrollment", f->a.tenant, BYTES_OF(picture), &file, &err), -1);
		must_be(&err, 503, "files_unavailable");
	}
	http_free(h);
	conf_free(c);
}

static void
a_list_follows_its_pages_and_leaves_out_what_is_young_or_anothers(void **state)
{
	struct floor *f = *state;
	struct conf *c = conf_of(true);
	struct http *h = http_new(f->db, NULL);
	struct problem err = { 0 };
	const char *day = file_day(f->arena, clock_us());
	const char *const *found;
	struct file file[5];

	for (size_t i = 0; i < COUNT(file); i++) {
		file[i] = stored(f, h, c);
		held(file[i].object)->age_s = i == 3 ? 10 : 7200;
	}
	found = file_list(h, f->arena, c, "enrollment", f->a.tenant, day, 3600, &err);
	assert_non_null(found);
	assert_string_equal(found[0], file[0].object);
	assert_string_equal(found[3], file[4].object);
	assert_null(found[4]);
	assert_int_equal(s3.refused, 0);
	found = file_list(h, f->arena, c, "shipping", f->a.tenant, day, 3600, &err);
	assert_non_null(found);
	assert_null(found[0]);
	http_free(h);
	conf_free(c);
}

static void
another_files_bytes_or_tenant_do_not_open(void **state)
{
	struct floor *f = *state;
	struct conf *c = conf_of(true);
	struct http *h = http_new(f->db, NULL);
	struct problem err = { 0 };
	struct file one = stored(f, h, c), two = stored(f, h, c);
	struct bytes sealed, plain;

	must(file_get(h, f->arena, c, &two, &sealed, &err), &err);
	must(db_begin(f->db, READ_AUDITED, &f->a, &err), &err);
	assert_int_equal(file_open(f->db, &one, sealed, &plain, &err), -1);
	must_be(&err, 500, "unreadable_field");
	db_rollback(f->db);
	problem_clear(&err);
	must(db_begin(f->db, READ, &f->b, &err), &err);
	assert_int_equal(file_find(f->db, one.id, &one, &err), -1);
	must_be(&err, 404, "file_not_found");
	db_rollback(f->db);
	/* Exchanged in the store: the digest of the row says so before anything is opened. */
	problem_clear(&err);
	held(one.object)->p[50] ^= 1;
	assert_int_equal(file_get(h, f->arena, c, &one, &sealed, &err), -1);
	must_be(&err, 500, "file_damaged");
	assert_true(err.audit);
	http_free(h);
	conf_free(c);
}

static void
a_file_of_an_erased_patient_does_not_open(void **state)
{
	struct floor *f = *state;
	struct conf *c = conf_of(true);
	struct db *other;
	struct http *h = http_new(f->db, NULL);
	struct problem err = { 0 };
	struct file file = stored(f, h, c);
	struct bytes sealed, plain;

	must(file_get(h, f->arena, c, &file, &sealed, &err), &err);
	floor_run(f, "UPDATE dek SET state = 'erased', wrapped = NULL WHERE subject = '09080700-0000-0000-0000-000000000000'");
	other = floor_connect(f, DB_API);
	must(db_begin(other, READ_AUDITED, &f->a, &err), &err);
	assert_int_equal(file_open(other, &file, sealed, &plain, &err), -1);
	must_be(&err, 410, "erased");
	db_close(other);
	http_free(h);
	conf_free(c);
}

static void
a_directory_keeps_whole_files_only(void **state)
{
	struct floor *f = *state;
	const char *dir = arena_printf(f->arena, "%s/files", scratch_folder(f->scratch));
	const char *const *found;
	const char *part;
	struct problem err = { 0 };
	struct bytes sealed;
	struct http *h = http_new(f->db, NULL);
	struct conf *c;
	struct file file;
	FILE *half;

	(void)setenv("FILES_DIR", dir, 1);
	c = conf_of(false);
	file = stored(f, h, c);
	assert_int_equal(s3.calls, 0);
	reads_back(f, h, c, file.id);
	/* A write that broke off has another name, and the sweep finds it. */
	part = arena_printf(f->arena, "%s-half.part", file.object);
	half = fopen(arena_printf(f->arena, "%s/%s", dir, part), "we");
	assert_non_null(half);
	assert_int_equal(fclose(half), 0);
	found = file_list(h, f->arena, c, "enrollment", f->a.tenant, file_day(f->arena, clock_us()), -5, &err);
	assert_non_null(found);
	assert_non_null(found[0]);
	assert_non_null(found[1]);
	assert_null(found[2]);
	assert_true(strcmp(found[0], part) == 0 || strcmp(found[1], part) == 0);
	must(file_drop(h, f->arena, c, file.object, &err), &err);
	must(file_drop(h, f->arena, c, file.object, &err), &err);
	assert_int_equal(file_get(h, f->arena, c, &file, &sealed, &err), -1);
	must_be(&err, 404, "file_not_found");
	conf_free(c);
	/* Where nothing can be written it is 503, not a crash and not a row. */
	problem_clear(&err);
	(void)setenv("FILES_DIR", "/proc/nowhere/files", 1);
	c = conf_of(false);
	assert_int_equal(file_put(h, f->arena, c, "enrollment", f->a.tenant, BYTES_OF(picture), &file, &err), -1);
	must_be(&err, 503, "files_unavailable");
	http_free(h);
	conf_free(c);
}

static int
end(void **state)
{
	http_intercept(NULL, NULL);
	(void)fresh(NULL);
	http_intercept(NULL, NULL);
	return floor_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_goes_through_s3_signed_and_sealed, fresh),
		cmocka_unit_test_setup(a_store_that_refuses_or_fails_is_503_and_nothing_is_recorded, fresh),
		cmocka_unit_test_setup(a_list_follows_its_pages_and_leaves_out_what_is_young_or_anothers, fresh),
		cmocka_unit_test_setup(another_files_bytes_or_tenant_do_not_open, fresh),
		cmocka_unit_test_setup(a_directory_keeps_whole_files_only, fresh),
		cmocka_unit_test_setup(a_file_of_an_erased_patient_does_not_open, fresh),
	};

	return cmocka_run_group_tests(tests, floor_setup, end);
}

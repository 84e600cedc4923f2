/*
 * sigv4_test.c: the four worked examples that come with the rule of Signature Version 4 for S3: bucket examplebucket, 24 May 2013,
 * us-east-1. The expected signatures are the published ones.
 */
#include "fcgi/unit.h"

#include "base/arena.h"
#include "crypto/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST  "examplebucket.s3.amazonaws.com"
#define DATE  "20130524T000000Z"

struct example {
	const char *says;
	const char *method, *path, *query, *payload_hash;
	struct sigv4_header headers[6];
	size_t nheaders;
	const char *names, *signature;
};

static const struct example examples[] = {
	{ "GET an object", "GET", "/test.txt", "", EMPTY,
	    { { "host", HOST }, { "range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY }, { "x-amz-date", DATE } }, 4,
	    "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT an object", "PUT", "/test%24file.text", "", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	    { { "date", "Fri, 24 May 2013 00:00:00 GMT" }, { "host", HOST },
	      { "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" }, { "x-amz-date", DATE },
	      { "x-amz-storage-class", "REDUCED_REDUNDANCY" } }, 5,
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET a bucket's lifecycle", "GET", "/", "lifecycle=", EMPTY,
	    { { "host", HOST }, { "x-amz-content-sha256", EMPTY }, { "x-amz-date", DATE } }, 3,
	    "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "list objects", "GET", "/", "max-keys=2&prefix=J", EMPTY,
	    { { "host", HOST }, { "x-amz-content-sha256", EMPTY }, { "x-amz-date", DATE } }, 3,
	    "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void
the_published_examples_come_out(void **state UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(examples); i++) {
		const struct example *e = &examples[i];
		const struct sigv4 q = { .method = e->method, .path = e->path, .query = e->query, .headers = e->headers,
			.nheaders = e->nheaders, .payload_hash = e->payload_hash, .date = DATE, .region = "us-east-1", .service = "s3",
			.access_key = "AKIAIOSFODNN7EXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
		const char *want = arena_printf(a,
		    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s", e->names,
		    e->signature);

		if (strcmp(sigv4_authorization(a, &q), want) != 0)
			fail_msg("%s: %s", e->says, sigv4_authorization(a, &q));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_published_examples_come_out) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

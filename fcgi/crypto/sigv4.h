/*
 * sigv4.h: the Authorization of a request to an S3-compatible store, by the published rule of AWS Signature Version 4.
 *
 * The caller gives the request as it will be sent: path and query percent-encoded, query members and headers sorted by name, header
 * names in lower case and values trimmed, "host" and "x-amz-date" among them. Pure; t/fcgi/crypto/sigv4_test holds it to the rule's
 * own examples.
 */
#ifndef CRYPTO_SIGV4_H
#define CRYPTO_SIGV4_H

#include "base/arena.h"

struct sigv4_header {
	const char *name, *value;
};

struct sigv4 {
	const char *method;
	const char *path;	  /* "/bucket/key" */
	const char *query;	  /* "a=1&b=2", "" for none */
	const struct sigv4_header *headers;
	size_t nheaders;
	const char *payload_hash; /* lower-case hex SHA-256 of the body */
	const char *date;	  /* 20130524T000000Z, as in x-amz-date */
	const char *region;
	const char *service;	  /* s3 */
	const char *access_key;
	const char *secret_key;
};

const char *sigv4_authorization(struct arena *a, const struct sigv4 *q);

#endif

/*
 * jose.c: see jose.h. A message is taken apart and its header checked here before libjose sees it: what the message says about
 * algorithms is compared with what we pinned, never followed.
 */
#include "core.h"

#include <jose/jwe.h>
#include <jose/jwk.h>
#include <jose/jws.h>

#include "base/clock.h"
#include "crypto/envelope_keys.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/keyring.h"

#define HEADER_MAX    4096
#define CLAIMS_MAX    8192
#define CLOCK_AHEAD_S 10

/* The parts of a compact message, as texts. */
struct compact {
	const char *p[5];
	size_t n[5];
	size_t count;
};

static void
compact_split(const char *s, struct compact *c)
{
	c->count = 0;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (c->count == COUNT(c->p)) {
			c->count++; /* one too many */
			return;
		}
		c->p[c->count] = s;
		c->n[c->count++] = n;
		if (s[n] == '\0')
			return;
		s += n + 1;
	}
}

/* Strict base64url of one part; NULL when it is none. The caller frees, *len bytes are followed by a NUL. */
static uint8_t *
part_decode(const struct compact *c, size_t i, size_t max, size_t *len)
{
	uint8_t *out;
	ssize_t n;

	if (c->n[i] > max)
		return NULL;
	out = calloc(1, c->n[i] + 4);
	n = out == NULL ? -1 : base64url_decode(c->p[i], c->n[i], out);
	if (n < 0) {
		free(out);
		return NULL;
	}
	*len = (size_t)n;
	return out;
}

static json_t *
part_object(const struct compact *c, size_t i, size_t max)
{
	size_t n = 0;
	uint8_t *text = part_decode(c, i, max, &n);
	json_t *object = text == NULL ? NULL : json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);

	free(text);
	if (!json_is_object(object)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static bool
says(const json_t *object, const char *name, const char *value)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s != NULL && strcmp(s, value) == 0;
}

static const json_t *
key_by_id(const json_t *keys, const char *kid)
{
	const json_t *list = json_object_get(keys, "keys"), *key;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		key = json_array_get(list, i);
		if (kid != NULL && says(key, "kid", kid))
			return key;
	}
	return NULL;
}

static bool
is_p256(const json_t *key)
{
	return says(key, "kty", "EC") && says(key, "crv", "P-256");
}

json_t *
jwk_generate(const char *kid, const char *alg)
{
	bool signs = strcmp(alg, "ES256") == 0;
	json_t *key;

	if (!signs && strcmp(alg, "ECDH-ES") != 0)
		return NULL;
	key = json_pack("{s:s, s:s}", "kty", "EC", "crv", "P-256");
	if (key == NULL || !jose_jwk_gen(NULL, key) || json_object_set_new(key, "kid", json_string(kid)) < 0 ||
	    json_object_set_new(key, "alg", json_string(alg)) < 0 ||
	    json_object_set_new(key, "use", json_string(signs ? "sig" : "enc")) < 0) {
		json_decref(key);
		return NULL;
	}
	return key;
}

json_t *
jwk_public(const json_t *jwk)
{
	static const char *const members[] = { "kty", "crv", "x", "y", "kid", "alg", "use" };
	json_t *out = json_object(), *v;
	size_t i;

	/* What may be shown is listed; jose_jwk_pub would remove what it knows to be private. */
	for (i = 0; i < COUNT(members); i++) {
		v = json_object_get(jwk, members[i]);
		if (v != NULL && json_object_set(out, members[i], v) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static int
tampered(struct problem *err)
{
	problem(err, 400, "tampered_envelope", "the envelope cannot be opened");
	err->audit = true;
	return -1;
}

/* ECDH-ES, A256GCM, an ephemeral P-256 key, and nothing that would change how the message is read. */
static bool
jwe_header_pinned(const json_t *h)
{
	return says(h, "alg", "ECDH-ES") && says(h, "enc", "A256GCM") && is_p256(json_object_get(h, "epk")) &&
	    json_object_get(h, "zip") == NULL && json_object_get(h, "crit") == NULL && json_object_get(h, "b64") == NULL;
}

/* Sizes of what GCM takes: a shorter tag would be easier to guess. */
static bool
jwe_parts_sound(const struct compact *c)
{
	size_t iv = 0, tag = 0, text = 0;
	uint8_t *a = part_decode(c, 2, 64, &iv), *b = part_decode(c, 4, 64, &tag), *t = part_decode(c, 3, SIZE_MAX - 4, &text);
	bool ok = a != NULL && b != NULL && t != NULL && iv == 12 && tag == 16;

	free(a);
	free(b);
	free(t);
	return ok;
}

/* The header's text; it is an object that pins what jose.h says. NULL: it is not. */
static json_t *
jwe_header(const struct compact *c)
{
	json_t *h = part_object(c, 0, HEADER_MAX);

	if (h != NULL && jwe_header_pinned(h))
		return h;
	json_decref(h);
	return NULL;
}

static bool
jwe_derive(const struct compact *c, const json_t *key, uint8_t cek[32])
{
	json_t *jwe = json_pack("{s:s%}", "protected", c->p[0], c->n[0]), *derived = NULL;
	const char *text;
	uint8_t out[36];
	bool ok = false;

	if (jwe != NULL)
		derived = jose_jwe_dec_jwk(NULL, jwe, NULL, key);
	text = json_string_value(json_object_get(derived, "k"));
	if (text != NULL && strlen(text) == 43 && base64url_decode(text, 43, out) == 32) {
		memcpy(cek, out, 32);
		ok = true;
		explicit_bzero(out, sizeof(out));
		explicit_bzero((char *)(uintptr_t)text, 43);
	}
	json_decref(derived);
	json_decref(jwe);
	return ok;
}

int
jwe_agree(const json_t *keys, struct bytes protected_header, uint8_t cek[32], struct problem *err)
{
	struct compact c = { .p = { (const char *)protected_header.p }, .n = { protected_header.n }, .count = 1 };
	json_t *h = jwe_header(&c);
	const json_t *key;
	int rc = 0;

	if (h == NULL)
		return tampered(err);
	key = key_by_id(keys, json_string_value(json_object_get(h, "kid")));
	if (key == NULL || !is_p256(key) || envelope_key_is_over(key, clock_us() / US_PER_S))
		rc = problem(err, 422, "unknown_key", "the envelope is sealed for a key that is not in use");
	else if (!jwe_derive(&c, key, cek))
		rc = tampered(err);
	json_decref(h);
	return rc;
}

static int
jwe_decrypt(const struct compact *c, const uint8_t cek[32], struct buf *plain, struct problem *err)
{
	json_t *jwe = json_pack("{s:s%, s:s%, s:s%, s:s%}", "protected", c->p[0], c->n[0], "iv", c->p[2], c->n[2], "ciphertext",
	    c->p[3], c->n[3], "tag", c->p[4], c->n[4]);
	struct buf k64 = BUF_INIT(64);
	json_t *key;
	size_t n = 0;
	char *text;

	base64url_encode(BYTES(cek, 32), &k64);
	key = json_pack("{s:s, s:s}", "kty", "oct", "k", buf_str(&k64));
	explicit_bzero(k64.data, k64.len);
	buf_release(&k64);
	text = jwe == NULL || key == NULL ? NULL : jose_jwe_dec_cek(NULL, jwe, key, &n);
	if (key != NULL)
		explicit_bzero((char *)(uintptr_t)json_string_value(json_object_get(key, "k")), 43);
	json_decref(key);
	json_decref(jwe);
	if (text == NULL)
		return tampered(err);
	buf_addn(plain, text, n);
	explicit_bzero(text, n);
	free(text);
	if (plain->failed)
		return problem(err, 413, "envelope_too_large", "the envelope holds more than %zu bytes", plain->max);
	return 0;
}

/* The private keys are here (keys) or with a keyring (k). */
static int
jwe_open_by(const json_t *keys, const struct keyring *k, const char *compact, struct buf *plain, json_t **header, struct problem *err)
{
	struct bytes protected_header;
	uint8_t cek[32];
	struct compact c;
	json_t *h;
	int rc;

	compact_split(compact, &c);
	if (c.count != 5 || c.n[1] != 0 || (h = jwe_header(&c)) == NULL)
		return tampered(err);
	protected_header = BYTES(c.p[0], c.n[0]);
	if (!jwe_parts_sound(&c))
		rc = tampered(err);
	else
		rc = keys != NULL ? jwe_agree(keys, protected_header, cek, err) : keyring_agree(k, protected_header, cek, err);
	if (rc == 0)
		rc = jwe_decrypt(&c, cek, plain, err);
	explicit_bzero(cek, sizeof(cek));
	if (rc < 0)
		json_decref(h);
	else
		*header = h;
	return rc;
}

int
jwe_open(const json_t *keys, const char *compact, struct buf *plain, json_t **header, struct problem *err)
{
	return jwe_open_by(keys, NULL, compact, plain, header, err);
}

int
jwe_open_with(const struct keyring *k, const char *compact, struct buf *plain, json_t **header, struct problem *err)
{
	return jwe_open_by(NULL, k, compact, plain, header, err);
}

/* libjose puts the ephemeral key into the unprotected header, which the compact form does not have: it moves into the protected
 * one. */
static bool
jwe_encrypt(json_t *jwe, const json_t *key, struct bytes plain)
{
	json_t *cek = json_object(), *epk, *k;
	bool ok = jose_jwe_enc_jwk(NULL, jwe, NULL, key, cek);

	epk = json_object_get(json_object_get(jwe, "header"), "epk");
	ok = ok && epk != NULL && json_object_set(json_object_get(jwe, "protected"), "epk", epk) == 0;
	ok = ok && json_object_del(jwe, "header") == 0 &&
	    jose_jwe_enc_cek(NULL, jwe, cek, plain.n == 0 ? "" : (const void *)plain.p, plain.n);
	k = json_object_get(cek, "k");
	if (k != NULL)
		explicit_bzero((char *)json_string_value(k), json_string_length(k));
	json_decref(cek);
	return ok;
}

int
jwe_seal(const json_t *public_key, const json_t *extra, struct bytes plain, struct buf *compact, struct problem *err)
{
	const char *kid = json_string_value(json_object_get(public_key, "kid"));
	const char *parts[4] = { NULL };
	json_t *jwe, *head;
	bool ok;

	if (!is_p256(public_key) || kid == NULL)
		return problem(err, 500, "bad_key", "a JWE needs a P-256 key with a kid");
	jwe = json_pack("{s:{}}", "protected");
	head = json_object_get(jwe, "protected");
	ok = (extra == NULL || json_object_update(head, (json_t *)extra) == 0) &&
	    json_object_set_new(head, "alg", json_string("ECDH-ES")) == 0 &&
	    json_object_set_new(head, "enc", json_string("A256GCM")) == 0 &&
	    json_object_set_new(head, "kid", json_string(kid)) == 0 && jwe_encrypt(jwe, public_key, plain) &&
	    json_unpack(jwe, "{s:s, s:s, s:s, s:s}", "protected", &parts[0], "iv", &parts[1], "ciphertext", &parts[2], "tag",
		&parts[3]) == 0;
	if (ok)
		buf_addf(compact, "%s..%s.%s.%s", parts[0], parts[1], parts[2], parts[3]);
	json_decref(jwe);
	return ok && !compact->failed ? 0 : problem(err, 500, "seal_failed", "a JWE could not be made");
}

int
jwt_sign(const json_t *private_key, const json_t *claims, struct buf *compact, struct problem *err)
{
	const char *kid = json_string_value(json_object_get(private_key, "kid")), *parts[3] = { NULL };
	char *text = json_dumps(claims, JSON_COMPACT);
	struct buf payload = BUF_INIT(CLAIMS_MAX * 2);
	json_t *jws = NULL, *sig = NULL;
	bool ok = false;

	if (text != NULL && kid != NULL && is_p256(private_key)) {
		base64url_encode(BYTES_OF(text), &payload);
		jws = json_pack("{s:s}", "payload", buf_str(&payload));
		sig = json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "ES256", "typ", "JWT", "kid", kid);
		ok = !payload.failed && jose_jws_sig(NULL, jws, sig, private_key) &&
		    json_unpack(jws, "{s:s, s:s, s:s}", "protected", &parts[0], "payload", &parts[1], "signature", &parts[2]) == 0;
	}
	if (ok)
		buf_addf(compact, "%s.%s.%s", parts[0], parts[1], parts[2]);
	json_decref(jws);
	json_decref(sig);
	buf_release(&payload);
	free(text);
	return ok && !compact->failed ? 0 : problem(err, 500, "sign_failed", "a token could not be signed");
}

static int
invalid_token(struct problem *err)
{
	return problem(err, 401, "invalid_token", "the token is not valid");
}

static bool
jwt_signature_good(const struct compact *c, const json_t *keys)
{
	json_t *h = part_object(c, 0, HEADER_MAX), *jws;
	const json_t *key = NULL;
	bool ok = false;

	if (h != NULL && says(h, "alg", "ES256") && says(h, "typ", "JWT") && json_object_get(h, "crit") == NULL &&
	    json_object_get(h, "b64") == NULL)
		key = key_by_id(keys, json_string_value(json_object_get(h, "kid")));
	if (key != NULL && is_p256(key)) {
		jws = json_pack("{s:s%, s:s%, s:s%}", "protected", c->p[0], c->n[0], "payload", c->p[1], c->n[1], "signature",
		    c->p[2], c->n[2]);
		ok = jws != NULL && jose_jws_ver(NULL, jws, NULL, key, true);
		json_decref(jws);
	}
	json_decref(h);
	return ok;
}

static bool
meant_for(const json_t *claims, const char *aud)
{
	const json_t *list = json_object_get(claims, "aud"), *one;
	size_t i;

	if (says(claims, "aud", aud))
		return true;
	for (i = 0; i < json_array_size(list); i++) {
		one = json_array_get(list, i);
		if (json_is_string(one) && strcmp(json_string_value(one), aud) == 0)
			return true;
	}
	return false;
}

static bool
begun(const json_t *claims, int64_t now_s)
{
	const json_t *iat = json_object_get(claims, "iat"), *nbf = json_object_get(claims, "nbf");

	if (!json_is_integer(iat) || json_integer_value(iat) > now_s + CLOCK_AHEAD_S)
		return false;
	return nbf == NULL || (json_is_integer(nbf) && json_integer_value(nbf) <= now_s);
}

int
jwt_verify(
    const json_t *keys, const char *compact, const char *iss, const char *aud, int64_t now_s, json_t **claims, struct problem *err)
{
	struct compact c;
	const json_t *exp;
	json_t *body;

	compact_split(compact, &c);
	if (c.count != 3 || c.n[2] != 86 || !jwt_signature_good(&c, keys))
		return invalid_token(err);
	body = part_object(&c, 1, CLAIMS_MAX);
	exp = json_object_get(body, "exp");
	if (body == NULL || !says(body, "iss", iss) || !meant_for(body, aud) || !begun(body, now_s) || !json_is_integer(exp)) {
		json_decref(body);
		return invalid_token(err);
	}
	if (json_integer_value(exp) <= now_s) {
		json_decref(body);
		return problem(err, 401, "expired_token", "the token's time is over");
	}
	*claims = body;
	return 0;
}

/* answer.c: see keyholder.h. A question, the keyring's function for it, the line in the trail, the answer. */
#include "core.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyholder/keyholder.h"

#define RINGS_MAX  128
#define INDEX_MOST 8 /* versions that a service is told of; all of its mac keys */

struct named_ring {
	char service[SERVICE_MOST];
	struct keyring *ring;
	uint64_t answered[KEY_OPS_END];
	uint64_t refused, alarms;
};

static struct named_ring rings[RINGS_MAX];
static size_t nrings;

static const char *const op_names[KEY_OPS_END] = {
	[KEY_HELLO] = "hello",
	[KEY_WRAP] = "wrap",
	[KEY_UNWRAP] = "unwrap",
	[KEY_REWRAP] = "rewrap",
	[KEY_AGREE] = "agree",
	[KEY_PUBLIC] = "public",
	[KEY_ADD] = "add",
	[KEY_DROP] = "drop",
	[KEY_ENVELOPE] = "add-intake",
	[KEY_DESCRIBE] = "describe",
};

/* ---- rings */

void
rings_forget(void)
{
	for (size_t i = 0; i < nrings; i++) {
		keyring_free(rings[i].ring);
		rings[i].ring = NULL;
	}
}

/* The row of a service; the ring is read if it is not. */
static struct named_ring *
ring_of(const struct conf *conf, const char *service, struct problem *err)
{
	char path[KEY_FILE_PATH];
	struct named_ring *r = NULL;
	int n;

	for (size_t i = 0; i < nrings && r == NULL; i++)
		if (strcmp(rings[i].service, service) == 0)
			r = &rings[i];
	if (r == NULL && nrings == RINGS_MAX) {
		problem(err, 500, "too_many_services", "there is room for %d services", RINGS_MAX);
		return NULL;
	}
	if (r == NULL)
		r = &rings[nrings];
	n = snprintf(path, sizeof(path), "%s/%s.kek", conf_str(conf, "KEYHOLDER_KEYS"), service);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		problem(err, 500, "bad_config", "KEYHOLDER_KEYS is too long");
		return NULL;
	}
	if (r->ring == NULL && (r->ring = keyring_load(path, err)) == NULL)
		return NULL;
	if (r == &rings[nrings]) {
		(void)snprintf(r->service, sizeof(r->service), "%s", service);
		nrings++;
	}
	return r;
}

/* A name becomes part of a path. */
static bool
is_name(const uint8_t *p, size_t n)
{
	if (n == 0 || n >= SERVICE_MOST)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '_' || p[i] == '-'))
			return false;
	return true;
}

/* ---- questions */

static int
hello(struct client *c, struct key_message *m, const struct conf *conf, struct problem *err)
{
	struct master_key keys[INDEX_MOST + KEYS_MAX];
	const struct named_ring *r;
	char name[SERVICE_MOST];
	size_t n;

	if (!is_name(m->data, m->n))
		return problem(err, 400, "bad_question", "this is no name of a service");
	(void)snprintf(name, sizeof(name), "%.*s", (int)m->n, (const char *)m->data);
	if (!client_may(c, name)) {
		problem(err, 503, "keyholder_refused", "this user may not use the keys of %s", name);
		err->audit = true;
		return -1;
	}
	if ((r = ring_of(conf, name, err)) == NULL)
		return -1;
	(void)snprintf(c->service, sizeof(c->service), "%s", name);
	m->number = keyring_newest(r->ring, err);
	n = keyring_masters(r->ring, KEY_LIST_INDEX, keys, INDEX_MOST);
	m->id = (int64_t)n;
	n += keyring_masters(r->ring, KEY_LIST_MAC, keys + n, KEYS_MAX);
	(void)key_put(m, keys, n * sizeof(keys[0]));
	OPENSSL_cleanse(keys, sizeof(keys));
	return 0;
}

static int
wrap(const struct keyring *k, struct key_message *m, struct problem *err)
{
	uint8_t out[WRAPPED_DEK];
	int version = 0, rc;

	if (m->op == KEY_WRAP && m->n != 32)
		return problem(err, 400, "bad_question", "a data key has 32 bytes");
	if (m->op == KEY_WRAP)
		rc = dek_wrap(k, m->id, m->data, &version, out, err);
	else
		rc = dek_rewrap(k, m->number, m->id, BYTES(m->data, m->n), &version, out, err);
	m->number = version;
	if (rc == 0)
		(void)key_put(m, out, sizeof(out));
	return rc;
}

/* The two answers that a key leaves in. */
static int
give_key(const struct keyring *k, struct key_message *m, struct problem *err)
{
	uint8_t key[32];
	int rc;

	if (m->op == KEY_UNWRAP)
		rc = dek_unwrap(k, m->number, m->id, BYTES(m->data, m->n), key, err);
	else
		rc = keyring_agree(k, BYTES(m->data, m->n), key, err);
	if (rc == 0)
		(void)key_put(m, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

static int
show(struct named_ring *r, struct key_message *m, struct problem *err)
{
	struct buf b = BUF_INIT(KEY_DATA_MAX);
	int rc = 0;

	if (m->op == KEY_PUBLIC) {
		rc = keyring_public(r->ring, &b, err);
	} else {
		keyring_describe(r->ring, &b);
		for (int op = KEY_WRAP; op <= KEY_AGREE; op++)
			buf_addf(&b, "asked %s %" PRIu64 "\n", op_names[op], r->answered[op]);
		buf_addf(&b, "asked refused %" PRIu64 "\nasked alarms %" PRIu64 "\n", r->refused, r->alarms);
	}
	if (rc == 0 && !key_put(m, b.data, b.len))
		rc = problem(err, 500, "too_long", "the answer does not fit");
	buf_release(&b);
	return rc;
}

static int
administer(const struct keyring *k, struct key_message *m, struct problem *err)
{
	enum key_list list = m->id == KEY_LIST_INDEX || m->id == KEY_LIST_MAC ? (enum key_list)m->id : KEY_LIST_KEK;
	struct master_key newest;
	int rc;

	m->n = 0;
	if (m->op == KEY_DROP)
		return keyring_drop(k, list, m->number, err);
	if (m->op == KEY_ENVELOPE)
		return keyring_add_envelope_key(k, m->number, err);
	/* To the newest that the asker knows of: asked again, it is there already. */
	rc = keyring_newest(k, err);
	if (list != KEY_LIST_KEK && keyring_masters(k, list, &newest, 1) == 1) {
		rc = newest.version;
		OPENSSL_cleanse(&newest, sizeof(newest));
	}
	if (m->number == 0 || m->number == rc)
		rc = keyring_add(k, list, err);
	m->number = rc;
	return rc < 0 ? -1 : 0;
}

static int
limited(const struct conf *conf, const struct client *c, struct named_ring *r, struct problem *err)
{
	char pid[16];
	bool alarm;

	if (client_takes(c->pid, conf_int(conf, "KEYHOLDER_RATE"), &alarm))
		return 0;
	if (alarm) {
		(void)snprintf(pid, sizeof(pid), "%d", (int)c->pid);
		log_line(LOG_ERROR, "keyholder.alarm", "of", c->service, "process", pid, "why", "too many keys in a minute", NULL);
		r->alarms++;
	}
	problem(err, 503, "keyholder_refused", "this process took too many keys within a minute");
	err->retry_after = 60;
	err->audit = alarm;
	return -1;
}

static int
answer_known(const struct conf *conf, struct client *c, struct named_ring *r, struct key_message *m, struct problem *err)
{
	switch (m->op) {
	case KEY_WRAP:
	case KEY_REWRAP:
		return wrap(r->ring, m, err);
	case KEY_UNWRAP:
	case KEY_AGREE:
		return limited(conf, c, r, err) < 0 ? -1 : give_key(r->ring, m, err);
	case KEY_PUBLIC:
		return show(r, m, err);
	default:
		if (!client_is_admin(c))
			return problem(err, 403, "keyholder_refused", "only an administrator may do this");
		return m->op == KEY_DESCRIBE ? show(r, m, err) : administer(r->ring, m, err);
	}
}

/* ---- the answer */

static void
refuse(struct key_message *m, const struct problem *err)
{
	size_t code = strlen(err->code) + 1, detail = strlen(err->detail) + 1;

	m->status = err->status;
	m->audit = err->audit;
	m->fatal = err->fault == FAULT_PERMANENT;
	memcpy(m->data, err->code, code);
	memcpy(m->data + code, err->detail, detail);
	m->n = (uint32_t)(code + detail);
}

static bool
is_recorded(const struct key_message *m, int rc)
{
	return rc < 0 || (m->op != KEY_HELLO && m->op != KEY_PUBLIC && m->op != KEY_DESCRIBE);
}

void
answer(const struct conf *conf, struct client *c, struct key_message *m)
{
	struct problem err = { 0 };
	struct named_ring *r = NULL;
	int64_t id = m->op == KEY_ADD || m->op == KEY_DROP ? 0 : m->id;
	int number = m->number, rc = -1;

	if (m->op == 0 || m->op >= KEY_OPS_END)
		problem(&err, 400, "bad_question", "there is no such question");
	else if (m->op == KEY_HELLO)
		rc = hello(c, m, conf, &err);
	else if (c->service[0] == '\0')
		problem(&err, 400, "bad_question", "the first question says whose keys");
	else if ((r = ring_of(conf, c->service, &err)) != NULL)
		rc = answer_known(conf, c, r, m, &err);
	if (is_recorded(m, rc) &&
	    trail_add(c, m->op < KEY_OPS_END && op_names[m->op] != NULL ? op_names[m->op] : "?", id, number > 0 ? number : m->number,
		rc == 0 ? "ok" : err.code) < 0)
		rc = problem(&err, 503, "keyholder_unavailable", "the trail cannot be written");
	if (r != NULL)
		*(rc == 0 ? &r->answered[m->op] : &r->refused) += 1;
	if (rc < 0)
		refuse(m, &err);
}

/*
 * keyring_holder.c: the keyring of a service: questions to the keyholder, and what was unwrapped lately.
 *
 * One connection a process, behind a mutex: a question takes some ten microseconds, and most are answered from memory. Every question
 * may be asked twice, so a connection that ends is made again and the question repeated.
 */
#include "core.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/key_wire.h"
#include "crypto/keyring_private.h"
#include "crypto/secret.h"

#define PATIENCE_US  (4 * US_PER_S)
#define START_US     (10 * US_PER_S)
#define PAUSE_MS     20
#define SETS	     256
#define WAYS	     4
#define NAME_MAX_LEN 64

/* A data key as it was unwrapped. The same wrapped bytes are the same key. */
struct remembered {
	int64_t id; /* 0 = free */
	int64_t until;
	int kek;
	uint8_t wrapped[WRAPPED_DEK];
	uint8_t dek[32];
};

struct holder {
	char socket[108];
	char service[NAME_MAX_LEN];
	pthread_mutex_t lock; /* of all below */
	int fd;
	pid_t pid; /* who connected: a fork's child makes its own */
	int newest;
	int64_t hello_at;
	int64_t tried_at; /* and failed */
	struct master_key index[INDEX_KEYS], mac[MAC_KEYS];
	size_t nindex, nmac;
	struct key_message m, question, greeting;
	struct remembered known[SETS][WAYS];
};

static struct holder *
holder(void *self)
{
	return self;
}

/* ---- the connection */

static void
drop(struct holder *h)
{
	if (h->fd >= 0)
		(void)close(h->fd);
	h->fd = -1;
}

static int
hello(struct holder *h, struct problem *err)
{
	struct key_message *m = &h->greeting;
	size_t n, macs;

	*m = (struct key_message){ .op = KEY_HELLO };
	(void)key_put(m, h->service, strlen(h->service));
	if (key_ask(h->fd, m) < 0)
		return problem(err, 503, "keyholder_unavailable", "the keyholder does not answer");
	if (key_refusal(m, err) < 0)
		return -1;
	n = (size_t)m->id;
	macs = m->n / sizeof(struct master_key) - n;
	if (m->id <= 0 || n > INDEX_KEYS || macs == 0 || macs > MAC_KEYS || (n + macs) * sizeof(struct master_key) != m->n)
		return problem(err, 503, "keyholder_unavailable", "the keyholder speaks another language");
	memcpy(h->index, m->data, n * sizeof(struct master_key));
	memcpy(h->mac, m->data + n * sizeof(struct master_key), macs * sizeof(struct master_key));
	h->nindex = n;
	h->nmac = macs;
	h->newest = m->number;
	h->hello_at = clock_mono_us();
	OPENSSL_cleanse(m, sizeof(*m));
	return 0;
}

static int
connected(struct holder *h, struct problem *err)
{
	if (h->fd >= 0 && h->pid == getpid())
		return 0;
	drop(h);
	h->pid = getpid();
	h->fd = key_connect(h->socket);
	if (h->fd < 0)
		return problem(err, 503, "keyholder_unavailable", "the keyholder cannot be reached: %s", strerror(errno));
	if (hello(h, err) == 0)
		return 0;
	drop(h);
	return -1;
}

/* Only silence is worth another try; a refusal is an answer. */
static bool
try_again(const struct problem *err, int64_t until)
{
	if (strcmp(err->code, "keyholder_unavailable") != 0 || clock_mono_us() >= until)
		return false;
	(void)poll(NULL, 0, PAUSE_MS);
	return true;
}

/* h->m asks and answers. The lock is held. */
static int
ask(struct holder *h, int64_t until, struct problem *err)
{
	h->question = h->m;
	for (;;) {
		problem_clear(err);
		h->m = h->question;
		if (connected(h, err) == 0) {
			if (key_ask(h->fd, &h->m) == 0)
				break;
			drop(h);
			problem(err, 503, "keyholder_unavailable", "the keyholder does not answer");
		}
		if (!try_again(err, until))
			return -1;
	}
	OPENSSL_cleanse(&h->question, sizeof(h->question));
	return key_refusal(&h->m, err);
}

/* Takes the lock and starts a message. */
static struct key_message *
begin(struct holder *h, enum key_op op, int64_t id, int32_t number, struct bytes data)
{
	(void)pthread_mutex_lock(&h->lock);
	h->m = (struct key_message){ .op = (uint8_t)op, .id = id, .number = number };
	return key_put(&h->m, data.p, data.n) ? &h->m : NULL;
}

static void
end(struct holder *h)
{
	OPENSSL_cleanse(&h->m, sizeof(h->m));
	(void)pthread_mutex_unlock(&h->lock);
}

/* One question whose answer has exactly this many bytes. */
static int
exchange(struct holder *h, enum key_op op, int64_t id, int32_t *number, struct bytes data, uint8_t *out, size_t nout,
    struct problem *err)
{
	int64_t until = clock_mono_us() + PATIENCE_US;
	int rc = -1;

	if (begin(h, op, id, *number, data) == NULL)
		problem(err, 400, "too_long", "this cannot be asked of the keyholder");
	else if (ask(h, until, err) == 0)
		rc = h->m.n == nout ? 0 : problem(err, 503, "keyholder_unavailable", "the keyholder speaks another language");
	if (rc == 0) {
		memcpy(out, h->m.data, nout);
		*number = h->m.number;
	}
	end(h);
	return rc;
}

/* ---- what was unwrapped lately */

static struct remembered *
set_of(struct holder *h, int64_t id)
{
	return h->known[(uint64_t)id % SETS];
}

static bool
recall(struct holder *h, int kek, int64_t id, struct bytes wrapped, uint8_t dek[32])
{
	struct remembered *set = set_of(h, id);
	int64_t now = clock_mono_us();
	bool found = false;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < WAYS && !found; i++) {
		if (set[i].id != 0 && set[i].until <= now)
			OPENSSL_cleanse(&set[i], sizeof(set[i]));
		found = set[i].id == id && set[i].kek == kek && memcmp(set[i].wrapped, wrapped.p, WRAPPED_DEK) == 0;
		if (found)
			memcpy(dek, set[i].dek, 32);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return found;
}

static void
remember(struct holder *h, int kek, int64_t id, const uint8_t *wrapped, const uint8_t dek[32])
{
	struct remembered *set = set_of(h, id), *place = &set[0];

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].id == id || set[i].until < place->until)
			place = &set[i];
	place->id = id;
	place->kek = kek;
	place->until = clock_mono_us() + KEYRING_REMEMBERS_S * US_PER_S;
	memcpy(place->wrapped, wrapped, WRAPPED_DEK);
	memcpy(place->dek, dek, 32);
	(void)pthread_mutex_unlock(&h->lock);
}

/* ---- the functions of a keyring */

static void
holder_free(void *self)
{
	struct holder *h = self;

	drop(h);
	(void)pthread_mutex_destroy(&h->lock);
	secret_free(h, sizeof(*h));
}

static int
holder_newest(void *self, struct problem *err)
{
	struct holder *h = self;
	int64_t until = clock_mono_us() + PATIENCE_US;
	int newest = -1;

	(void)pthread_mutex_lock(&h->lock);
	do {
		problem_clear(err);
		if (connected(h, err) < 0)
			continue;
		if (hello(h, err) == 0)
			newest = h->newest;
		else
			drop(h);
	} while (newest < 0 && try_again(err, until));
	(void)pthread_mutex_unlock(&h->lock);
	return newest;
}

static int
holder_wrap(void *self, int64_t id, const uint8_t dek[32], int *kek, uint8_t *out, struct problem *err)
{
	int32_t number = 0;

	if (exchange(holder(self), KEY_WRAP, id, &number, BYTES(dek, 32), out, WRAPPED_DEK, err) < 0)
		return -1;
	*kek = number;
	return 0;
}

static int
holder_unwrap(void *self, int kek, int64_t id, struct bytes wrapped, uint8_t dek[32], struct problem *err)
{
	int32_t number = kek;

	if (wrapped.n == WRAPPED_DEK && recall(holder(self), kek, id, wrapped, dek))
		return 0;
	if (exchange(holder(self), KEY_UNWRAP, id, &number, wrapped, dek, 32, err) < 0)
		return -1;
	remember(holder(self), kek, id, wrapped.p, dek);
	return 0;
}

static int
holder_rewrap(void *self, int kek, int64_t id, struct bytes wrapped, int *now, uint8_t *out, struct problem *err)
{
	int32_t number = kek;

	if (exchange(holder(self), KEY_REWRAP, id, &number, wrapped, out, WRAPPED_DEK, err) < 0)
		return -1;
	*now = number;
	return 0;
}

static int
holder_agree(void *self, struct bytes protected_header, uint8_t cek[32], struct problem *err)
{
	int32_t number = 0;

	return exchange(holder(self), KEY_AGREE, 0, &number, protected_header, cek, 32, err);
}

static int
holder_public(void *self, struct buf *jwks, struct problem *err)
{
	struct holder *h = self;
	int64_t until = clock_mono_us() + PATIENCE_US;
	int rc;

	(void)begin(h, KEY_PUBLIC, 0, 0, BYTES("", 0));
	rc = ask(h, until, err);
	if (rc == 0)
		buf_addn(jwks, h->m.data, h->m.n);
	end(h);
	return rc;
}

/* The keyholder ends its connections when an index or mac key is new, and so when it is another. */
static bool
is_heard(const struct holder *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	return h->fd >= 0 && h->pid == getpid() && poll(&p, 1, 0) == 0 &&
	    clock_mono_us() - h->hello_at <= KEYRING_REMEMBERS_S * US_PER_S;
}

/* Reads the master keys again when there may be others. Who looks values up by them waits for a keyholder that is away; who signs does
 * not, an older key is as good. Without an answer it goes on with what it has, and asks again a second later. */
static void
master_keys(struct holder *h, bool waits)
{
	int64_t now = clock_mono_us(), until = now + (waits ? PATIENCE_US : 0);
	struct problem err = { 0 };

	if (is_heard(h) || (h->tried_at != 0 && now - h->tried_at < US_PER_S))
		return;
	drop(h);
	do {
		problem_clear(&err);
		if (connected(h, &err) == 0) {
			h->tried_at = 0;
			return;
		}
	} while (try_again(&err, until));
	h->tried_at = clock_mono_us();
}

static size_t
holder_masters(void *self, enum key_list list, struct master_key *out, size_t max)
{
	struct holder *h = self;
	size_t n;

	(void)pthread_mutex_lock(&h->lock);
	master_keys(h, list == KEY_LIST_INDEX);
	n = list == KEY_LIST_MAC ? h->nmac : h->nindex;
	n = n < max ? n : max;
	memcpy(out, list == KEY_LIST_MAC ? h->mac : h->index, n * sizeof(*out));
	(void)pthread_mutex_unlock(&h->lock);
	return n;
}

static const struct keyring_kind holder_kind = { holder_free, holder_newest, holder_wrap, holder_unwrap, holder_rewrap, holder_agree,
	holder_public, holder_masters };

struct keyring *
keyring_open(const char *socket, const char *service, struct problem *err)
{
	struct holder *h = secret_alloc(sizeof(*h));
	int64_t until = clock_mono_us() + START_US;
	int rc, n, m;

	if (h == NULL) {
		problem(err, 503, "keyholder_unavailable", "no memory for keys");
		return NULL;
	}
	h->fd = -1;
	(void)pthread_mutex_init(&h->lock, NULL);
	n = snprintf(h->socket, sizeof(h->socket), "%s", socket);
	m = snprintf(h->service, sizeof(h->service), "%s", service);
	if (n < 0 || (size_t)n >= sizeof(h->socket) || m < 0 || (size_t)m >= sizeof(h->service)) {
		problem(err, 500, "bad_config", "the name of the keyholder's socket is too long");
		holder_free(h);
		return NULL;
	}
	do {
		problem_clear(err);
		rc = connected(h, err);
	} while (rc < 0 && try_again(err, until));
	if (rc < 0) {
		holder_free(h);
		return NULL;
	}
	return keyring_of(&holder_kind, h);
}

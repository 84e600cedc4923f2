/*
 * metrics.c: see metrics.h. The scoreboard is a hash table per lane; a slot is claimed once by compare-and-set and then only added
 * to, so neither threads nor processes ever wait. Two claimants of one series may end up with two slots; printing adds them up.
 */
#include "core.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metrics.h"

#define SLOTS          1024 /* a lane; a power of two */
#define NAME_MAX_BYTES 64
#define LABELS_MAX     176

enum kind { COUNTER = 1, GAUGE, HISTOGRAM };
enum slot_state { FREE, CLAIMED, READY };

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 };

_Static_assert(COUNT(bounds) + 1 == METRICS_BUCKETS, "a bucket for each bound, and one for the rest");

struct slot {
	_Atomic uint32_t state;
	uint32_t kind;
	char name[NAME_MAX_BYTES];
	char labels[LABELS_MAX];
	_Atomic uint64_t value;                      /* the bits of a double: the value, or the sum of a histogram */
	_Atomic uint64_t buckets[COUNT(bounds) + 1]; /* not cumulative; the last is +Inf */
};

struct lane {
	_Atomic uint64_t refused; /* series that found no slot */
	struct slot slots[SLOTS];
};

struct board {
	struct lane lanes[METRICS_LANES];
};

static struct board *board;
static struct lane *_Atomic own;

int
metrics_create(void)
{
	int fd = memfd_create("telerx-metrics", MFD_CLOEXEC);
	int saved;

	if (fd >= 0 && ftruncate(fd, (off_t)sizeof(struct board)) < 0) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static double
real_of(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/* Counters go on where the lane's last process stopped; its gauges ended with it. */
static void
clear_gauges(struct lane *lane)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (atomic_load(&lane->slots[i].state) == READY && lane->slots[i].kind == GAUGE)
			atomic_store(&lane->slots[i].value, bits_of(0));
}

int
metrics_join(int fd, unsigned lane)
{
	struct board *mapped;
	struct stat st;
	int flags;

	if (lane >= METRICS_LANES) {
		errno = EINVAL;
		return -1;
	}
	/* After an installation the master, who made the board, may be of a build with another one: then this process counts alone. */
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_size != (off_t)sizeof(*mapped)))
		fd = -1;
	flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	mapped = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (mapped == MAP_FAILED)
		return -1;
	if (board != NULL)
		(void)munmap(board, sizeof(*board));
	board = mapped;
	clear_gauges(&board->lanes[lane]);
	atomic_store(&own, &board->lanes[lane]);
	return 0;
}

static struct lane *
lane_mine(void)
{
	static _Atomic bool joining;
	struct lane *lane = atomic_load_explicit(&own, memory_order_acquire);

	if (lane != NULL)
		return lane;
	if (!atomic_exchange(&joining, true) && metrics_join(-1, 0) < 0)
		die("metrics: no memory: %s", strerror(errno));
	while ((lane = atomic_load(&own)) == NULL)
		(void)sched_yield();
	return lane;
}

static uint32_t
hash(uint32_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619U; /* FNV-1a */
	return h;
}

static bool
is_series(const struct slot *s, enum kind kind, const char *name, const char *labels)
{
	return s->kind == kind && strcmp(s->name, name) == 0 && strcmp(s->labels, labels) == 0;
}

/* True when the slot could be claimed for the series; false when it is somebody's. */
static bool
claim(struct slot *s, enum kind kind, const char *name, const char *labels)
{
	uint32_t expected = FREE;

	if (!atomic_compare_exchange_strong(&s->state, &expected, CLAIMED))
		return false;
	s->kind = kind;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->labels, sizeof(s->labels), "%s", labels);
	atomic_store_explicit(&s->state, READY, memory_order_release);
	return true;
}

/* A slot that another thread is filling is given a moment; one whose owner died there is passed over. */
static uint32_t
settled(const struct slot *s)
{
	uint32_t state;
	int i;

	for (i = 0; (state = atomic_load_explicit(&s->state, memory_order_acquire)) == CLAIMED && i < 100; i++)
		(void)sched_yield();
	return state;
}

static struct slot *
series(enum kind kind, const char *name, const char *labels)
{
	struct lane *lane = lane_mine();
	uint32_t at, i, state;
	struct slot *s;

	if (labels == NULL)
		labels = "";
	if (strlen(name) >= NAME_MAX_BYTES || strlen(labels) >= LABELS_MAX)
		die("metrics: the series %.64s is too long", name);
	at = hash(hash(2166136261U + (uint32_t)kind, name), labels);
	for (i = 0; i < SLOTS; i++) {
		s = &lane->slots[(at + i) & (SLOTS - 1)];
		state = settled(s);
		if (state == FREE && claim(s, kind, name, labels))
			return s;
		if (settled(s) == READY && is_series(s, kind, name, labels))
			return s;
	}
	atomic_fetch_add(&lane->refused, 1);
	return NULL;
}

static void
add(_Atomic uint64_t *place, double v)
{
	uint64_t seen = atomic_load_explicit(place, memory_order_relaxed);

	while (!atomic_compare_exchange_weak(place, &seen, bits_of(real_of(seen) + v)))
		;
}

void
metric_add(const char *name, const char *labels, double value)
{
	struct slot *s = series(COUNTER, name, labels);

	if (s != NULL)
		add(&s->value, value);
}

void
metric_set(const char *name, const char *labels, double value)
{
	struct slot *s = series(GAUGE, name, labels);

	if (s != NULL)
		atomic_store(&s->value, bits_of(value));
}

void
metric_observe(const char *name, const char *labels, double seconds)
{
	struct slot *s = series(HISTOGRAM, name, labels);
	size_t i = 0;

	if (s == NULL)
		return;
	while (i < COUNT(bounds) && seconds > bounds[i])
		i++;
	atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
	add(&s->value, seconds);
}

static int
by_series(const void *a, const void *b)
{
	const struct slot *x = *(const struct slot *const *)a, *y = *(const struct slot *const *)b;
	int c = strcmp(x->name, y->name);

	if (c == 0)
		c = x->kind < y->kind ? -1 : x->kind > y->kind;
	return c != 0 ? c : strcmp(x->labels, y->labels);
}

static void
print_sample(struct buf *out, const struct slot *s, const char *suffix, const char *le, double v)
{
	buf_addf(out, "%s%s", s->name, suffix);
	if (*s->labels != '\0' || le != NULL)
		buf_addf(out, "{%s%s%s%s%s}", s->labels, *s->labels != '\0' && le != NULL ? "," : "", le == NULL ? "" : "le=\"",
		    le == NULL ? "" : le, le == NULL ? "" : "\"");
	buf_addc(out, ' ');
	buf_add_real(out, v);
	buf_addc(out, '\n');
}

static void
print_histogram(struct buf *out, const struct slot *s, double sum, const uint64_t buckets[COUNT(bounds) + 1])
{
	uint64_t below = 0;
	char le[32];
	size_t i;

	for (i = 0; i <= COUNT(bounds); i++) {
		below += buckets[i];
		if (i == COUNT(bounds))
			(void)snprintf(le, sizeof(le), "+Inf");
		else
			(void)snprintf(le, sizeof(le), "%g", bounds[i]);
		print_sample(out, s, "_bucket", le, (double)below);
	}
	print_sample(out, s, "_sum", NULL, sum);
	print_sample(out, s, "_count", NULL, (double)below);
}

/* Prints the series of slots[0], which the first n slots carry. */
static void
print_series(struct buf *out, struct slot *const *slots, size_t n, bool first_of_name)
{
	static const char *const types[] = { [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram" };
	uint64_t buckets[COUNT(bounds) + 1] = { 0 };
	const struct slot *s = slots[0];
	double sum = 0;
	size_t i, b;

	for (i = 0; i < n; i++) {
		sum += real_of(atomic_load(&slots[i]->value));
		for (b = 0; b <= COUNT(bounds); b++)
			buckets[b] += atomic_load_explicit(&slots[i]->buckets[b], memory_order_relaxed);
	}
	if (first_of_name)
		buf_addf(out, "# TYPE %s %s\n", s->name, types[s->kind]);
	if (s->kind == HISTOGRAM)
		print_histogram(out, s, sum, buckets);
	else
		print_sample(out, s, "", NULL, sum);
}

static size_t
gather(struct slot **slots, double *refused)
{
	struct lane *lane;
	size_t n = 0, i;

	for (lane = board->lanes; lane < board->lanes + METRICS_LANES; lane++) {
		*refused += (double)atomic_load(&lane->refused);
		for (i = 0; i < SLOTS; i++)
			if (atomic_load_explicit(&lane->slots[i].state, memory_order_acquire) == READY)
				slots[n++] = &lane->slots[i];
	}
	return n;
}

static void
slot_from_series(struct slot *s, const struct metric_series *m)
{
	s->kind = (uint32_t)m->kind;
	(void)snprintf(s->name, sizeof(s->name), "%s", m->name);
	(void)snprintf(s->labels, sizeof(s->labels), "%s", m->labels);
	atomic_store(&s->value, bits_of(m->value));
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		atomic_store(&s->buckets[i], (uint64_t)m->buckets[i]);
}

size_t
metrics_read(struct metric_series **ret)
{
	struct lane *lane = lane_mine();
	struct metric_series *all = calloc(SLOTS, sizeof(*all));
	size_t n = 0;

	if (all == NULL)
		die("out of memory for the counters");
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *s = &lane->slots[i];
		struct metric_series *m = &all[n];

		if (atomic_load_explicit(&s->state, memory_order_acquire) != READY)
			continue;
		memcpy(m->name, s->name, sizeof(m->name));
		memcpy(m->labels, s->labels, sizeof(m->labels));
		m->kind = (int)s->kind;
		m->value = real_of(atomic_load(&s->value));
		for (size_t b = 0; b < METRICS_BUCKETS; b++)
			m->buckets[b] = (double)atomic_load(&s->buckets[b]);
		n++;
	}
	*ret = all;
	return n;
}

void
metrics_print_with(struct buf *out, const struct metric_series *more, size_t nmore)
{
	struct slot **slots = calloc((size_t)METRICS_LANES * SLOTS + nmore, sizeof(struct slot *));
	struct slot *theirs = calloc(nmore + 1, sizeof(*theirs));
	const char *last = "";
	double refused = 0;
	size_t n, i, same;

	if (slots == NULL || theirs == NULL) {
		out->failed = true;
		free(slots);
		free(theirs);
		return;
	}
	(void)lane_mine();
	n = gather(slots, &refused);
	for (i = 0; i < nmore; i++) {
		slot_from_series(&theirs[i], &more[i]);
		slots[n++] = &theirs[i];
	}
	qsort(slots, n, sizeof(struct slot *), by_series);
	for (i = 0; i < n; i += same) {
		for (same = 1; i + same < n && by_series(&slots[i], &slots[i + same]) == 0; same++)
			;
		print_series(out, slots + i, same, strcmp(last, slots[i]->name) != 0);
		last = slots[i]->name;
	}
	buf_add(out, "# TYPE telerx_metrics_refused_total counter\ntelerx_metrics_refused_total ");
	buf_add_real(out, refused);
	buf_addc(out, '\n');
	free(slots);
	free(theirs);
}

void
metrics_print(struct buf *out)
{
	metrics_print_with(out, NULL, 0);
}

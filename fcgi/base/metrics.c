/*
 * metrics.c: see metrics.h. A lane is a small index into slots, which are taken one after the other: memory that nobody counts in is
 * never touched, and a page of a scoreboard exists from its first touch on, also by reading. A slot is filled first and found through
 * the index from one compare-and-set on, then only added to, so neither threads nor processes ever wait. Who loses that race to the
 * same series takes the winner's slot; the own one stays unused.
 */
#include "core.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metrics.h"

#define SLOTS          1024        /* a lane */
#define INDEX          (2 * SLOTS) /* a power of two; never more than half full */
#define NAME_MAX_BYTES 64
#define LABELS_MAX     176
#define PAGE           4096

enum kind { COUNTER = 1, GAUGE, HISTOGRAM };

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 };

_Static_assert(COUNT(bounds) + 1 == METRICS_BUCKETS, "a bucket for each bound, and one for the rest");

struct slot {
	uint32_t kind;
	char name[NAME_MAX_BYTES];
	char labels[LABELS_MAX];
	_Atomic uint64_t value;                      /* the bits of a double: the value, or the sum of a histogram */
	_Atomic uint64_t buckets[COUNT(bounds) + 1]; /* not cumulative; the last is +Inf */
};

struct lane {
	_Alignas(PAGE) _Atomic uint16_t index[INDEX]; /* by the hash of the series: a slot's number and one; 0 is free */
	struct slot slots[SLOTS];
};

/* Who reads begins here, and looks into no lane where nobody counted. */
struct head {
	_Atomic uint32_t used;    /* slots that are taken, from the first on */
	_Atomic uint64_t refused; /* series that found no slot */
};

struct board {
	struct head heads[METRICS_LANES];
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

static struct head *
head_of(const struct lane *lane)
{
	return &board->heads[lane - board->lanes];
}

/* The slot that a place of the index leads to, NULL for none. */
static struct slot *
slot_at(struct lane *lane, size_t at)
{
	uint16_t n = atomic_load_explicit(&lane->index[at], memory_order_acquire);

	return n == 0 ? NULL : &lane->slots[n - 1];
}

/* All series of a lane into slots, which has room for most; how many they are. */
static size_t
gather_lane(struct lane *lane, struct slot **slots, size_t most)
{
	size_t n = 0, at;

	if (atomic_load(&head_of(lane)->used) == 0)
		return 0;
	for (at = 0; at < INDEX && n < most; at++)
		if ((slots[n] = slot_at(lane, at)) != NULL)
			n++;
	return n;
}

/* Counters go on where the lane's last process stopped; its gauges ended with it. */
static void
clear_gauges(struct lane *lane)
{
	struct slot *slots[SLOTS];
	size_t n = gather_lane(lane, slots, SLOTS);

	while (n-- > 0)
		if (slots[n]->kind == GAUGE)
			atomic_store(&slots[n]->value, bits_of(0));
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

/* The next slot, filled for the series; NULL when there is none left. */
static struct slot *
take(struct lane *lane, enum kind kind, const char *name, const char *labels)
{
	_Atomic uint32_t *used = &head_of(lane)->used;
	uint32_t n = atomic_load(used);
	struct slot *s;

	do
		if (n >= SLOTS)
			return NULL;
	while (!atomic_compare_exchange_weak(used, &n, n + 1));
	s = &lane->slots[n];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a slot of a lane, and lane_mine gives one or ends the process */
	s->kind = kind;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->labels, sizeof(s->labels), "%s", labels);
	return s;
}

static struct slot *
series(enum kind kind, const char *name, const char *labels)
{
	struct lane *lane = lane_mine();
	struct slot *s, *fresh = NULL;
	uint16_t none;
	size_t at;

	if (labels == NULL)
		labels = "";
	if (strlen(name) >= NAME_MAX_BYTES || strlen(labels) >= LABELS_MAX)
		die("metrics: the series %.64s is too long", name);
	at = hash(hash(2166136261U + (uint32_t)kind, name), labels) & (INDEX - 1);
	for (;; at = (at + 1) & (INDEX - 1)) {
		while ((s = slot_at(lane, at)) == NULL) {
			if (fresh == NULL && (fresh = take(lane, kind, name, labels)) == NULL) {
				atomic_fetch_add(&head_of(lane)->refused, 1);
				return NULL;
			}
			none = 0;
			if (atomic_compare_exchange_strong(&lane->index[at], &none, (uint16_t)(fresh - lane->slots + 1)))
				return fresh;
		}
		if (is_series(s, kind, name, labels))
			return s;
	}
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

/* No lane has more series than slots in use now; those that come meanwhile are not printed yet. */
static size_t
count_used(double *refused)
{
	size_t n = 0, i;

	for (i = 0; i < METRICS_LANES; i++) {
		*refused += (double)atomic_load(&board->heads[i].refused);
		n += atomic_load(&board->heads[i].used);
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
	struct slot *slots[SLOTS];
	size_t n = gather_lane(lane, slots, SLOTS);
	struct metric_series *all = calloc(n + 1, sizeof(*all));

	if (all == NULL)
		die("out of memory for the counters");
	for (size_t i = 0; i < n; i++) {
		const struct slot *s = slots[i];
		struct metric_series *m = &all[i];

		memcpy(m->name, s->name, sizeof(m->name));
		memcpy(m->labels, s->labels, sizeof(m->labels));
		m->kind = (int)s->kind;
		m->value = real_of(atomic_load(&s->value));
		for (size_t b = 0; b < METRICS_BUCKETS; b++)
			m->buckets[b] = (double)atomic_load(&s->buckets[b]);
	}
	*ret = all;
	return n;
}

/* The n slots, each series once. */
static void
print_all(struct buf *out, struct slot **slots, size_t n)
{
	const char *last = "";
	size_t i, same;

	qsort(slots, n, sizeof(struct slot *), by_series);
	for (i = 0; i < n; i += same) {
		for (same = 1; i + same < n && by_series(&slots[i], &slots[i + same]) == 0; same++)
			;
		print_series(out, slots + i, same, strcmp(last, slots[i]->name) != 0);
		last = slots[i]->name;
	}
}

void
metrics_print_with(struct buf *out, const struct metric_series *more, size_t nmore)
{
	struct slot **slots, *theirs = calloc(nmore + 1, sizeof(*theirs));
	double refused = 0;
	size_t most, n = 0, i;

	(void)lane_mine();
	most = count_used(&refused);
	slots = calloc(most + nmore + 1, sizeof(struct slot *));
	if (slots == NULL || theirs == NULL) {
		out->failed = true;
		free(slots);
		free(theirs);
		return;
	}
	for (i = 0; i < METRICS_LANES; i++)
		n += gather_lane(&board->lanes[i], slots + n, most - n);
	for (i = 0; i < nmore; i++) {
		slot_from_series(&theirs[i], &more[i]);
		slots[n++] = &theirs[i];
	}
	print_all(out, slots, n);
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

/* router_race.c: see router_race.h. */
#include "router_race.h"

#include <pthread.h>

#include "router/router.h"

#define THREADS 12

struct race {
	struct service service;
	struct route row;
	const struct conf *conf;
	const char *const *prescriptions, *const *bodies;
	int *status;
	size_t n;
	pthread_barrier_t start;
};
struct racer {
	struct race *race;
	size_t first;
	pthread_t thread;
};

static void *
run(void *p)
{
	static const struct header headers[] = { { "content-type", "application/json" } };
	struct racer *me = p;
	struct race *all = me->race;
	struct problem err = { 0 };
	struct arena *a = arena_new(0);
	struct db *db = db_open(conf_str(all->conf, "DATABASE_URL"), DB_API, "race", &err);
	struct serve_context c = { .service = &all->service, .conf = all->conf, .arena = a, .db = db };

	(void)pthread_barrier_wait(&all->start);
	for (size_t i = me->first; db != NULL && i < all->n; i += THREADS) {
		struct wire_request wire = { .method = "POST", .headers = headers, .nheaders = 1, .body = BYTES_OF(all->bodies[i]),
			.target = arena_printf(a, "/api/v1/prescriptions/%s/select-pharmacy", all->prescriptions[i]) };
		struct req r;

		dispatch(&c, &wire, &r);
		all->status[i] = r.status;
		arena_reset(a);
	}
	db_close(db);
	arena_free(a);
	return NULL;
}

void
selection_race(struct world *w, const char *const *prescriptions, const char *const *bodies, int *status, size_t n)
{
	struct race all = { .service = router_service, .conf = world_conf(w), .prescriptions = prescriptions, .bodies = bodies, .status = status, .n = n };
	struct racer racers[THREADS];

	memset(status, 0, n * sizeof(status[0]));
	for (size_t i = 0; i < router_service.nroutes; i++)
		if (strstr(router_service.routes[i].path, "/select-pharmacy") != NULL)
			all.row = router_service.routes[i];
	all.row.access = PUBLIC;
	all.service.routes = &all.row;
	all.service.nroutes = 1;
	assert_int_equal(pthread_barrier_init(&all.start, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .race = &all, .first = i };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, run, &racers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(racers[i].thread, NULL);
	(void)pthread_barrier_destroy(&all.start);
}

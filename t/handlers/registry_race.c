/* registry_race.c: see registry_race.h. */
#include "registry_race.h"

#include <pthread.h>

#include "registry/registry.h"

#define THREADS 10

struct race {
	struct service service;
	struct route row;
	const struct conf *conf;
	const char *const *bodies;
	int *status;
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
	for (size_t i = me->first; db != NULL && i < RACERS; i += THREADS) {
		struct wire_request wire = { .method = "POST", .target = "/route/claim", .headers = headers, .nheaders = 1,
			.body = BYTES_OF(all->bodies[i]) };
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
claim_race(struct world *w, const char *const bodies[RACERS], int status[RACERS])
{
	struct race all = { .service = registry_service, .conf = world_conf(w), .bodies = bodies, .status = status };
	struct racer racers[THREADS];

	memset(status, 0, RACERS * sizeof(status[0]));
	for (size_t i = 0; i < registry_service.nroutes; i++)
		if (strcmp(registry_service.routes[i].path, "/route/claim") == 0)
			all.row = registry_service.routes[i];
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

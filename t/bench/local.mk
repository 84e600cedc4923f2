# ./telerx bench: its load generator, which t/faults uses, too, and what is ours beside a peer; the rest is scripts.
check_PROGRAMS += t/bench/telerx-load
EXTRA_PROGRAMS += t/bench/telerx-json t/bench/telerx-trail t/bench/telerx-queue t/bench/telerx-script
t_bench_telerx_load_SOURCES = t/bench/load.c
t_bench_telerx_load_LDADD = $(CORE_LIBS)
t_bench_telerx_json_SOURCES = t/bench/json.c
t_bench_telerx_json_LDADD = $(CORE_LIBS)
t_bench_telerx_queue_SOURCES = t/bench/queue.c
t_bench_telerx_queue_LDADD = $(CORE_LIBS)
t_bench_telerx_trail_SOURCES = t/bench/trail.c
t_bench_telerx_trail_LDADD = $(CORE_LIBS)
t_bench_telerx_script_SOURCES = t/bench/script.c
t_bench_telerx_script_LDADD = handlers/prescription/libprescription.a $(CORE_LIBS)
CLEANFILES += t/bench/telerx-script t/bench/telerx-json t/bench/telerx-trail t/bench/telerx-queue
EXTRA_DIST += t/bench/bench.mjs t/bench/figures.mjs t/bench/machine.mjs t/bench/nginx.sh t/bench/peers/fastify/package.json \
	t/bench/peers/fastify/package-lock.json t/bench/peers/fastify/server.mjs
EXTRA_DIST += t/bench/queue.mjs t/bench/peers/queue/package.json t/bench/peers/queue/package-lock.json t/bench/peers/queue/peer.mjs

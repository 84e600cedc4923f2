# ./telerx prove NAME: what must hold while something fails on purpose, in a tree built with failpoints. ./telerx check runs a sample of each.
# A proof is a script that closes with `N passed, N failed`; frame/prove.mjs is what they share.
# First, in a tree where nothing has failed yet and nobody played a service.
prove_tests += t/prove/invariants.mjs
prove_tests += t/prove/rotate.mjs
prove_tests += t/prove/failpoints.mjs
prove_tests += t/prove/jobs.mjs
prove_programs += t/prove/queue_race
EXTRA_PROGRAMS += t/prove/queue_race
CLEANFILES += t/prove/queue_race
t_prove_queue_race_SOURCES = t/prove/queue_race.c
t_prove_queue_race_LDADD = $(CORE_LIBS)
prove_tests += t/prove/commit-loss.mjs
prove_tests += t/prove/idempotency.mjs
prove_tests += t/prove/db-crash.mjs
prove_tests += t/prove/db-errors.mjs
prove_tests += t/prove/disk-full.mjs
prove_tests += t/prove/audit-tamper.mjs
prove_tests += t/prove/webhooks.mjs
prove_tests += t/prove/events.mjs
prove_tests += t/prove/retry-storm.mjs
prove_tests += t/prove/kill-matrix.mjs
prove_programs += t/prove/outbox_race
if HAVE_CMOCKA
check_PROGRAMS += t/prove/outbox_race
t_prove_outbox_race_SOURCES = t/prove/outbox_race.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_prove_outbox_race_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif
EXTRA_DIST += $(prove_tests) t/prove/frame

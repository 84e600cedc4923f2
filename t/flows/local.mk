# The journey: a client program that knows the public API only; ./telerx journey runs it.
pkglibexec_PROGRAMS += t/flows/journey/telerx-journey
t_flows_journey_telerx_journey_SOURCES = t/flows/journey/journey.h t/flows/journey/main.c t/flows/journey/client.c t/flows/journey/timeline.c \
	t/flows/journey/intake.c t/flows/journey/staff.c t/flows/journey/judge.c
t_flows_journey_telerx_journey_LDADD = $(CORE_LIBS)
EXTRA_DIST += t/flows/patients
flow_tests += t/flows/journey.sh t/flows/must_hold.test.mjs t/flows/phi.test.mjs t/flows/stream.test.mjs t/flows/work.test.mjs t/flows/spill.test.mjs
EXTRA_DIST += t/flows/journey.sh t/flows/must_hold.test.mjs t/flows/phi.test.mjs t/flows/stream.test.mjs t/flows/work.test.mjs t/flows/spill.test.mjs

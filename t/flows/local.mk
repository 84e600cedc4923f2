# The journey: a client program that knows the public API only; ./telerx journey runs it.
pkglibexec_PROGRAMS += t/flows/journey/telerx-journey
t_flows_journey_telerx_journey_SOURCES = t/flows/journey/journey.h t/flows/journey/main.c t/flows/journey/client.c t/flows/journey/timeline.c \
	t/flows/journey/intake.c t/flows/journey/staff.c t/flows/journey/judge.c \
	t/flows/journey/agent.c t/flows/journey/prescription.c t/flows/journey/case.c
t_flows_journey_telerx_journey_LDADD = $(CORE_LIBS)
EXTRA_DIST += t/flows/patients
# A broker for a whole tree of EVENTS=kafka, and what must hold there: ./telerx check --long.
EXTRA_DIST += t/flows/kafka/journeys.sh
if HAVE_CMOCKA
if HAVE_RDKAFKA
check_PROGRAMS += t/flows/kafka/telerx-broker
t_flows_kafka_telerx_broker_SOURCES = t/flows/kafka/broker.c
t_flows_kafka_telerx_broker_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS)
t_flows_kafka_telerx_broker_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS) $(RDKAFKA_LIBS)
endif
endif
flow_tests += t/flows/journey.sh t/flows/must_hold.test.mjs t/flows/phi.test.mjs t/flows/stream.test.mjs t/flows/work.test.mjs t/flows/case.test.mjs t/flows/enrollment.test.mjs t/flows/spill.test.mjs t/flows/roles.test.mjs
EXTRA_DIST += t/flows/enrollment.test.mjs t/flows/journey.sh t/flows/must_hold.test.mjs t/flows/phi.test.mjs t/flows/stream.test.mjs t/flows/work.test.mjs t/flows/case.test.mjs t/flows/spill.test.mjs t/flows/roles.test.mjs

noinst_LIBRARIES += %reldir%/liborchestrator.a
%canon_reldir%_liborchestrator_a_SOURCES = %reldir%/orchestrator.c %reldir%/orchestrator.h
SERVICE_LIBS += %reldir%/liborchestrator.a

pkglibexec_PROGRAMS += %reldir%/telerx-orchestrator
%canon_reldir%_telerx_orchestrator_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_orchestrator_LDADD = %reldir%/liborchestrator.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/orchestrator_test
service_tests += t/handlers/orchestrator_test
t_handlers_orchestrator_test_SOURCES = t/handlers/orchestrator_test.c
t_handlers_orchestrator_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

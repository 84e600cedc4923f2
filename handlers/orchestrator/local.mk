noinst_LIBRARIES += %reldir%/liborchestrator.a
%canon_reldir%_liborchestrator_a_SOURCES = %reldir%/orchestrator.c %reldir%/orchestrator.h %reldir%/decide.c %reldir%/run.c \
	%reldir%/show.c %reldir%/record.c %reldir%/steps.c %reldir%/steps_read.c %reldir%/steps_act.c %reldir%/steps_undo.c %reldir%/note.c \
	%reldir%/event.c %reldir%/hold.c %reldir%/mapping.c %reldir%/medication.c %reldir%/refill.c %reldir%/notice.c %reldir%/sync_log.c %reldir%/sagas.c
SERVICE_LIBS += %reldir%/liborchestrator.a

pkglibexec_PROGRAMS += %reldir%/telerx-orchestrator
%canon_reldir%_telerx_orchestrator_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_orchestrator_LDADD = %reldir%/liborchestrator.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/orchestrator_test t/handlers/orchestrator_fault_test t/handlers/orchestrator_back_test
service_tests += t/handlers/orchestrator_test t/handlers/orchestrator_fault_test t/handlers/orchestrator_back_test
t_handlers_orchestrator_test_SOURCES = t/handlers/orchestrator_test.c t/handlers/orchestrator_world.c t/handlers/orchestrator_world.h
t_handlers_orchestrator_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_orchestrator_fault_test_SOURCES = t/handlers/orchestrator_fault_test.c t/handlers/orchestrator_world.c t/handlers/orchestrator_world.h
t_handlers_orchestrator_fault_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_orchestrator_back_test_SOURCES = t/handlers/orchestrator_back_test.c t/handlers/orchestrator_world.c t/handlers/orchestrator_world.h
t_handlers_orchestrator_back_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

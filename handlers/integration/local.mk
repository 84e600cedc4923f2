noinst_LIBRARIES += %reldir%/libintegration.a
%canon_reldir%_libintegration_a_SOURCES = %reldir%/integration.c %reldir%/integration.h %reldir%/form.c %reldir%/record.c \
	%reldir%/ehr.c %reldir%/canvas.c %reldir%/chart.c %reldir%/note.c %reldir%/queue.c %reldir%/action.c %reldir%/follow.c \
	%reldir%/work_item_away.c %reldir%/canvas_webhook.c \
	%reldir%/webhook_out.h %reldir%/webhook_out.c %reldir%/webhook_out_api.c
SERVICE_LIBS += %reldir%/libintegration.a

pkglibexec_PROGRAMS += %reldir%/telerx-integration
%canon_reldir%_telerx_integration_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_integration_LDADD = %reldir%/libintegration.a $(CORE_LIBS) $(HPDF_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/work_item_away_test
service_tests += t/handlers/work_item_away_test
t_handlers_work_item_away_test_SOURCES = t/handlers/work_item_away_test.c
t_handlers_work_item_away_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
check_PROGRAMS += t/handlers/integration_test t/handlers/webhook_out_test
service_tests += t/handlers/integration_test t/handlers/webhook_out_test
t_handlers_webhook_out_test_SOURCES = t/handlers/webhook_out_test.c
t_handlers_webhook_out_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_integration_test_SOURCES = t/handlers/integration_test.c
t_handlers_integration_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

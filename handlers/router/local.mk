noinst_LIBRARIES += %reldir%/librouter.a
%canon_reldir%_librouter_a_SOURCES = %reldir%/router.c %reldir%/router.h %reldir%/choice.c %reldir%/submission.c \
	%reldir%/pioneerrx.c %reldir%/boothwyn.c %reldir%/webhook.c %reldir%/callback.c %reldir%/cancel.c %reldir%/reconcile.c \
	%reldir%/scored/scored.h %reldir%/scored/score.h %reldir%/scored/score.c %reldir%/scored/facts.c %reldir%/scored/capacity.c \
	%reldir%/scored/routing.c %reldir%/scored/recommendation.c %reldir%/scored/selection.c %reldir%/scored/pharmacy.c %reldir%/scored/fields.c \
	%reldir%/orders/orders.h %reldir%/orders/order.c %reldir%/orders/send.c %reldir%/orders/fields.c
SERVICE_LIBS += %reldir%/librouter.a

pkglibexec_PROGRAMS += %reldir%/telerx-router
%canon_reldir%_telerx_router_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_router_LDADD = %reldir%/librouter.a $(CORE_LIBS)

# What ./telerx import runs, as the owner of the database.
pkglibexec_PROGRAMS += %reldir%/telerx-import-zip
%canon_reldir%_telerx_import_zip_SOURCES = %reldir%/import/zip.c
%canon_reldir%_telerx_import_zip_LDADD = $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/router_test t/handlers/router_back_test t/handlers/router_reconcile_test t/handlers/router_score_test \
	t/handlers/router_scored_test t/handlers/router_orders_test t/handlers/router_network_test
unit_tests += t/handlers/router_score_test
service_tests += t/handlers/router_test t/handlers/router_back_test t/handlers/router_reconcile_test t/handlers/router_orders_test \
	t/handlers/router_network_test t/handlers/router_scored_test
t_handlers_router_back_test_SOURCES = t/handlers/router_back_test.c t/handlers/router_world.c t/handlers/router_world.h
t_handlers_router_back_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_router_orders_test_SOURCES = t/handlers/router_orders_test.c t/handlers/router_world.c t/handlers/router_world.h
t_handlers_router_orders_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_router_score_test_SOURCES = t/handlers/router_score_test.c
t_handlers_router_score_test_LDADD = %reldir%/librouter.a $(TEST_LIBS)
t_handlers_router_scored_test_SOURCES = t/handlers/router_scored_test.c t/handlers/router_race.c t/handlers/router_race.h
t_handlers_router_scored_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_router_network_test_SOURCES = t/handlers/router_network_test.c
t_handlers_router_network_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_router_network_test_DEPENDENCIES = t/harness/libharness.a $(SERVICE_LIBS) %reldir%/telerx-import-zip
t_handlers_router_test_SOURCES = t/handlers/router_test.c t/handlers/router_world.c t/handlers/router_world.h
t_handlers_router_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_router_reconcile_test_SOURCES = t/handlers/router_reconcile_test.c
t_handlers_router_reconcile_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

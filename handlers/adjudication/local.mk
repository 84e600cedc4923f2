noinst_LIBRARIES += %reldir%/libadjudication.a
%canon_reldir%_libadjudication_a_SOURCES = %reldir%/adjudication.c %reldir%/adjudication.h %reldir%/attempt.c %reldir%/claim.c \
	%reldir%/figures.c %reldir%/pharmacy.c %reldir%/prior_auth.c %reldir%/reject.c %reldir%/result.c %reldir%/row.c %reldir%/show.c
SERVICE_LIBS += %reldir%/libadjudication.a

pkglibexec_PROGRAMS += %reldir%/telerx-adjudication
%canon_reldir%_telerx_adjudication_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_adjudication_LDADD = %reldir%/libadjudication.a $(CORE_LIBS)

if HAVE_CMOCKA
adjudication_tests = t/handlers/adjudication_test t/handlers/adjudication_auth_test t/handlers/adjudication_reroute_test
check_PROGRAMS += $(adjudication_tests)
service_tests += $(adjudication_tests)
t_handlers_adjudication_test_SOURCES = t/handlers/adjudication_test.c t/handlers/adjudication_world.c t/handlers/adjudication_world.h
t_handlers_adjudication_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_adjudication_reroute_test_SOURCES = t/handlers/adjudication_reroute_test.c t/handlers/adjudication_world.c t/handlers/adjudication_world.h
t_handlers_adjudication_reroute_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_adjudication_auth_test_SOURCES = t/handlers/adjudication_auth_test.c t/handlers/adjudication_world.c t/handlers/adjudication_world.h
t_handlers_adjudication_auth_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

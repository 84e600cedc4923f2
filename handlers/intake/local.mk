noinst_LIBRARIES += %reldir%/libintake.a
%canon_reldir%_libintake_a_SOURCES = %reldir%/intake.c %reldir%/intake.h %reldir%/plan.c %reldir%/key.c %reldir%/verification.c %reldir%/session.c \
	%reldir%/rules.c %reldir%/payment.c %reldir%/form.c %reldir%/submission.c %reldir%/contact.c %reldir%/downstream.c %reldir%/case.c %reldir%/case_form.c
SERVICE_LIBS += %reldir%/libintake.a

pkglibexec_PROGRAMS += %reldir%/telerx-intake
%canon_reldir%_telerx_intake_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_intake_LDADD = %reldir%/libintake.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/intake_test t/handlers/intake_submit_test t/handlers/intake_case_test
service_tests += t/handlers/intake_test t/handlers/intake_submit_test t/handlers/intake_case_test
t_handlers_intake_case_test_SOURCES = t/handlers/intake_case_test.c
t_handlers_intake_case_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_intake_test_SOURCES = t/handlers/intake_test.c t/handlers/intake_world.c t/handlers/intake_world.h
t_handlers_intake_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_intake_submit_test_SOURCES = t/handlers/intake_submit_test.c t/handlers/intake_world.c t/handlers/intake_world.h
t_handlers_intake_submit_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

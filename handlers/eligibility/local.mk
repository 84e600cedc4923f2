noinst_LIBRARIES += %reldir%/libeligibility.a
%canon_reldir%_libeligibility_a_SOURCES = %reldir%/eligibility.c %reldir%/eligibility.h %reldir%/rules.c %reldir%/facts.c %reldir%/check.c
SERVICE_LIBS += %reldir%/libeligibility.a

pkglibexec_PROGRAMS += %reldir%/telerx-eligibility
%canon_reldir%_telerx_eligibility_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_eligibility_LDADD = %reldir%/libeligibility.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/eligibility_test
service_tests += t/handlers/eligibility_test
t_handlers_eligibility_test_SOURCES = t/handlers/eligibility_test.c
t_handlers_eligibility_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

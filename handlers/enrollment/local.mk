noinst_LIBRARIES += %reldir%/libenrollment.a
%canon_reldir%_libenrollment_a_SOURCES = %reldir%/enrollment.c %reldir%/enrollment.h %reldir%/candidate.c %reldir%/link.c %reldir%/invite.c \
	%reldir%/card.c %reldir%/image.c %reldir%/consent.c %reldir%/insurance.c %reldir%/submit.c %reldir%/page.c
SERVICE_LIBS += %reldir%/libenrollment.a

pkglibexec_PROGRAMS += %reldir%/telerx-enrollment
%canon_reldir%_telerx_enrollment_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_enrollment_LDADD = %reldir%/libenrollment.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/enrollment_test t/handlers/enrollment_submit_test
service_tests += t/handlers/enrollment_test t/handlers/enrollment_submit_test
t_handlers_enrollment_test_SOURCES = t/handlers/enrollment_test.c t/handlers/enrollment_world.c t/handlers/enrollment_world.h
t_handlers_enrollment_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_enrollment_submit_test_SOURCES = t/handlers/enrollment_submit_test.c t/handlers/enrollment_world.c t/handlers/enrollment_world.h
t_handlers_enrollment_submit_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

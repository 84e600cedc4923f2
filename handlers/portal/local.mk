noinst_LIBRARIES += %reldir%/libportal.a
%canon_reldir%_libportal_a_SOURCES = %reldir%/portal.c %reldir%/portal.h %reldir%/timeline.c %reldir%/page.c
SERVICE_LIBS += %reldir%/libportal.a

pkglibexec_PROGRAMS += %reldir%/telerx-portal
%canon_reldir%_telerx_portal_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_portal_LDADD = %reldir%/libportal.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/portal_test
service_tests += t/handlers/portal_test
t_handlers_portal_test_SOURCES = t/handlers/portal_test.c
t_handlers_portal_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

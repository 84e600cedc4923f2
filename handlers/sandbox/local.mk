noinst_LIBRARIES += %reldir%/libsandbox.a
%canon_reldir%_libsandbox_a_SOURCES = %reldir%/sandbox.c %reldir%/sandbox.h
SERVICE_LIBS += %reldir%/libsandbox.a

pkglibexec_PROGRAMS += %reldir%/telerx-sandbox
%canon_reldir%_telerx_sandbox_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_sandbox_LDADD = %reldir%/libsandbox.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/sandbox_test
service_tests += t/handlers/sandbox_test
t_handlers_sandbox_test_SOURCES = t/handlers/sandbox_test.c
t_handlers_sandbox_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

noinst_LIBRARIES += %reldir%/libauth.a
%canon_reldir%_libauth_a_SOURCES = %reldir%/auth.c %reldir%/auth.h %reldir%/key.c %reldir%/login.c %reldir%/session.c %reldir%/user.c
SERVICE_LIBS += %reldir%/libauth.a

pkglibexec_PROGRAMS += %reldir%/telerx-auth
%canon_reldir%_telerx_auth_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_auth_LDADD = %reldir%/libauth.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/auth_test
service_tests += t/handlers/auth_test
t_handlers_auth_test_SOURCES = t/handlers/auth_test.c
t_handlers_auth_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

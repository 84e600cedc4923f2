noinst_LIBRARIES += %reldir%/libregistry.a
%canon_reldir%_libregistry_a_SOURCES = %reldir%/registry.c %reldir%/registry.h %reldir%/physician.c %reldir%/license.c %reldir%/routing.c \
	%reldir%/assignment.c %reldir%/claim.c %reldir%/alert.c %reldir%/decision.c %reldir%/direct.c
SERVICE_LIBS += %reldir%/libregistry.a

pkglibexec_PROGRAMS += %reldir%/telerx-registry
%canon_reldir%_telerx_registry_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_registry_LDADD = %reldir%/libregistry.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/registry_test t/handlers/registry_direct_test
service_tests += t/handlers/registry_test t/handlers/registry_direct_test
t_handlers_registry_direct_test_SOURCES = t/handlers/registry_direct_test.c
t_handlers_registry_direct_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_registry_test_SOURCES = t/handlers/registry_test.c t/handlers/registry_race.c t/handlers/registry_race.h
t_handlers_registry_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

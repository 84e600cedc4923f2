noinst_LIBRARIES += %reldir%/libprogram.a
%canon_reldir%_libprogram_a_SOURCES = %reldir%/program.c %reldir%/program.h %reldir%/admin.c \
	%reldir%/lookup.c %reldir%/ndc.c %reldir%/offer.c %reldir%/use.c
SERVICE_LIBS += %reldir%/libprogram.a

pkglibexec_PROGRAMS += %reldir%/telerx-program
%canon_reldir%_telerx_program_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_program_LDADD = %reldir%/libprogram.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/program_test
service_tests += t/handlers/program_test
t_handlers_program_test_SOURCES = t/handlers/program_test.c
t_handlers_program_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

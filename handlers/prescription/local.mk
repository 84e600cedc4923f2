noinst_LIBRARIES += %reldir%/libprescription.a
%canon_reldir%_libprescription_a_SOURCES = %reldir%/prescription.c %reldir%/prescription.h %reldir%/intake.c %reldir%/message.c %reldir%/patient.c \
	%reldir%/content.c %reldir%/status.c %reldir%/event.c %reldir%/validate.c %reldir%/correct.c %reldir%/cancel.c %reldir%/written.c %reldir%/show.c \
	%reldir%/script/script.h %reldir%/script/reader.c %reldir%/script/fields.c %reldir%/script/answer.c \
	%reldir%/rules/rules.h %reldir%/rules/check.c %reldir%/rules/number.c %reldir%/rules/sig.c
SERVICE_LIBS += %reldir%/libprescription.a

pkglibexec_PROGRAMS += %reldir%/telerx-prescription
%canon_reldir%_telerx_prescription_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_prescription_LDADD = %reldir%/libprescription.a $(CORE_LIBS)

# What ./telerx import runs, as the owner of the database.
pkglibexec_PROGRAMS += %reldir%/telerx-import-npi %reldir%/telerx-import-ndc
%canon_reldir%_telerx_import_npi_SOURCES = %reldir%/import/npi.c
%canon_reldir%_telerx_import_npi_LDADD = %reldir%/libprescription.a $(CORE_LIBS)
%canon_reldir%_telerx_import_ndc_SOURCES = %reldir%/import/ndc.c
%canon_reldir%_telerx_import_ndc_LDADD = %reldir%/libprescription.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/prescription_import_test
service_tests += t/handlers/prescription_import_test
t_handlers_prescription_import_test_SOURCES = t/handlers/prescription_import_test.c
t_handlers_prescription_import_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_prescription_import_test_DEPENDENCIES = t/harness/libharness.a $(SERVICE_LIBS) %reldir%/telerx-import-npi %reldir%/telerx-import-ndc
endif
if HAVE_CMOCKA
check_PROGRAMS += t/handlers/prescription_test t/handlers/prescription_line_test
service_tests += t/handlers/prescription_test t/handlers/prescription_line_test
t_handlers_prescription_test_SOURCES = t/handlers/prescription_test.c t/handlers/prescription_world.c t/handlers/prescription_world.h
t_handlers_prescription_test_LDADD = t/ncpdp/libncpdp.a t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_prescription_line_test_SOURCES = t/handlers/prescription_line_test.c t/handlers/prescription_world.c t/handlers/prescription_world.h
t_handlers_prescription_line_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif
EXTRA_DIST += t/flows/prescriptions

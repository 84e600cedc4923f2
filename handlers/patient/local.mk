noinst_LIBRARIES += %reldir%/libpatient.a
%canon_reldir%_libpatient_a_SOURCES = %reldir%/patient.c %reldir%/patient.h %reldir%/identity.c %reldir%/record.c %reldir%/treatment.c
SERVICE_LIBS += %reldir%/libpatient.a

pkglibexec_PROGRAMS += %reldir%/telerx-patient
%canon_reldir%_telerx_patient_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_patient_LDADD = %reldir%/libpatient.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/patient_test
service_tests += t/handlers/patient_test
t_handlers_patient_test_SOURCES = t/handlers/patient_test.c
t_handlers_patient_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

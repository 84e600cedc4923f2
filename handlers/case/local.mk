noinst_LIBRARIES += %reldir%/libcase.a
%canon_reldir%_libcase_a_SOURCES = %reldir%/case.c %reldir%/case.h %reldir%/cases.c %reldir%/status.c %reldir%/follow.c %reldir%/provider.c \
	%reldir%/overdue.c %reldir%/work_item.h %reldir%/work_item.c %reldir%/work_item_api.c %reldir%/work_item_rows.c %reldir%/work_item_carry.c \
	%reldir%/work_kind.c
SERVICE_LIBS += %reldir%/libcase.a

pkglibexec_PROGRAMS += %reldir%/telerx-case
%canon_reldir%_telerx_case_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_case_LDADD = %reldir%/libcase.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/case_test t/handlers/work_item_test
service_tests += t/handlers/case_test t/handlers/work_item_test
t_handlers_work_item_test_SOURCES = t/handlers/work_item_test.c
t_handlers_work_item_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_case_test_SOURCES = t/handlers/case_test.c
t_handlers_case_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

noinst_LIBRARIES += %reldir%/libvoucher.a
%canon_reldir%_libvoucher_a_SOURCES = %reldir%/voucher.c %reldir%/voucher.h %reldir%/issue.c %reldir%/vouchers.c
SERVICE_LIBS += %reldir%/libvoucher.a

pkglibexec_PROGRAMS += %reldir%/telerx-voucher
%canon_reldir%_telerx_voucher_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_voucher_LDADD = %reldir%/libvoucher.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/voucher_test
service_tests += t/handlers/voucher_test
t_handlers_voucher_test_SOURCES = t/handlers/voucher_test.c
t_handlers_voucher_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

# The keyholder as a program; no database.
if HAVE_CMOCKA
check_PROGRAMS += t/fcgi/keyholder/keyholder_test
service_tests += t/fcgi/keyholder/keyholder_test
t_fcgi_keyholder_keyholder_test_LDADD = t/harness/libharness.a $(TEST_LIBS)
endif

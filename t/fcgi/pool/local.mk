# The master as a program, with a service of the test's own; no database.
if HAVE_CMOCKA
check_PROGRAMS += t/fcgi/pool/pool_test
unit_tests += t/fcgi/pool/pool_test
t_fcgi_pool_pool_test_LDADD = $(TEST_LIBS)
endif

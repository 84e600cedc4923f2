# The web floor: units without a database, then service tests of a toy on a real one.
if HAVE_CMOCKA
web_unit_tests = t/fcgi/web/dispatch_test t/fcgi/web/libfcgi_test t/fcgi/web/role_test
check_PROGRAMS += $(web_unit_tests)
unit_tests += $(web_unit_tests)
t_fcgi_web_dispatch_test_LDADD = $(TEST_LIBS)
t_fcgi_web_libfcgi_test_LDADD = $(TEST_LIBS)
t_fcgi_web_role_test_LDADD = $(TEST_LIBS)

web_service_tests = t/fcgi/web/requests_test t/fcgi/web/idempotency_test
web_toy = t/fcgi/web/toy.c t/fcgi/web/toy.h
check_PROGRAMS += $(web_service_tests)
service_tests += $(web_service_tests)
t_fcgi_web_requests_test_SOURCES = t/fcgi/web/requests_test.c $(web_toy)
t_fcgi_web_requests_test_LDADD = t/harness/libharness.a $(TEST_LIBS)
t_fcgi_web_idempotency_test_SOURCES = t/fcgi/web/idempotency_test.c $(web_toy)
t_fcgi_web_idempotency_test_LDADD = t/harness/libharness.a $(TEST_LIBS)
endif

# The web floor: units without a database, and requests_test on a real one.
if HAVE_CMOCKA
web_unit_tests = t/fcgi/web/field_test t/fcgi/web/dispatch_test t/fcgi/web/libfcgi_test
check_PROGRAMS += $(web_unit_tests)
unit_tests += $(web_unit_tests)
t_fcgi_web_field_test_LDADD = $(TEST_LIBS)
t_fcgi_web_dispatch_test_LDADD = $(TEST_LIBS)
t_fcgi_web_libfcgi_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/fcgi/web/requests_test
service_tests += t/fcgi/web/requests_test
t_fcgi_web_requests_test_LDADD = t/harness/libharness.a $(TEST_LIBS)
endif

# Units of the network floor: loopback only, no database.
if HAVE_CMOCKA
net_tests = t/fcgi/net/address_test t/fcgi/net/breaker_test t/fcgi/net/http_test t/fcgi/net/peer_test
check_PROGRAMS += $(net_tests)
unit_tests += $(net_tests)
t_fcgi_net_address_test_LDADD = $(TEST_LIBS)
t_fcgi_net_breaker_test_LDADD = $(TEST_LIBS)
t_fcgi_net_http_test_LDADD = $(TEST_LIBS)
t_fcgi_net_peer_test_LDADD = $(TEST_LIBS)
endif

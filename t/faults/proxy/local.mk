# The fault proxy, which proofs put before the database, a pool or a vendor; and its own tests.
prove_programs += t/faults/proxy/telerx-fault-proxy
EXTRA_PROGRAMS += t/faults/proxy/telerx-fault-proxy
CLEANFILES += t/faults/proxy/telerx-fault-proxy
t_faults_proxy_telerx_fault_proxy_SOURCES = t/faults/proxy/proxy.c t/faults/proxy/channel.c t/faults/proxy/wire.c t/faults/proxy/proxy.h
t_faults_proxy_telerx_fault_proxy_LDADD = $(CORE_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += t/faults/proxy/proxy_test
unit_tests += t/faults/proxy/proxy_test
t_faults_proxy_proxy_test_SOURCES = t/faults/proxy/proxy_test.c
t_faults_proxy_proxy_test_LDADD = $(TEST_LIBS)
EXTRA_t_faults_proxy_proxy_test_DEPENDENCIES = t/faults/proxy/telerx-fault-proxy$(EXEEXT)
endif

# The service tests' world; tests include it as "harness/harness.h". All service tables are linked into it, for the contract checks. While another
# service does not compile:
#	make CPPFLAGS=-DHARNESS_PARTIAL SERVICE_LIBS=handlers/<service>/lib<service>.a t/handlers/<service>_test
# leaves out the checks against the missing ones.
AM_CPPFLAGS += -I$(top_srcdir)/t -DHARNESS_SOURCE='"$(abs_top_srcdir)"'
if HAVE_CMOCKA
check_LIBRARIES += t/harness/libharness.a
t_harness_libharness_a_SOURCES = t/harness/harness.h t/harness/harness_private.h t/harness/cluster.c t/harness/contract.c t/harness/expect.c \
	t/harness/outside.c t/harness/rows.c t/harness/world.c
endif

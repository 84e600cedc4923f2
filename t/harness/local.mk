# The service tests' world; tests include it as "harness/harness.h". All service tables are linked into it, for the contract checks. While another
# service does not compile:
#	make CPPFLAGS=-DHARNESS_PARTIAL SERVICE_LIBS=handlers/<service>/lib<service>.a t/handlers/<service>_test
# leaves out the checks against the missing ones.
AM_CPPFLAGS += -I$(top_srcdir)/t -DHARNESS_SOURCE='"$(abs_top_srcdir)"' -DHARNESS_BUILD='"$(abs_top_builddir)"'
if HAVE_CMOCKA
check_LIBRARIES += t/harness/libharness.a
t_harness_libharness_a_SOURCES = t/harness/harness.h t/harness/harness_private.h t/harness/cluster.c t/harness/contract.c t/harness/expect.c t/harness/holder.c \
	t/harness/outside.c t/harness/rows.c t/harness/token.c t/harness/world.c
t_harness_libharness_a_LIBADD = t/harness/services.o
t_harness_libharness_a_DEPENDENCIES = t/harness/services.o

# Every service as it is in its own program: one symbol seen from outside, <service>_service. Two services may both have a function of one name.
# all_services is the list of them.
t/harness/services.o: $(SERVICE_LIBS)
	$(AM_V_GEN)$(MKDIR_P) t/harness && names=`for lib in $(SERVICE_LIBS); do basename $$lib .a | sed 's/^lib//'; done` && \
	for lib in $(SERVICE_LIBS); do \
		name=`basename $$lib .a | sed 's/^lib//'`; \
		$(CC) -r -nostdlib -o t/harness/$$name.part -Wl,--whole-archive $$lib -Wl,--no-whole-archive && \
		objcopy --keep-global-symbol=$${name}_service t/harness/$$name.part || exit 1; \
	done && \
	{ echo 'struct service;'; \
	  for name in $$names; do echo "extern const struct service $${name}_service;"; done; \
	  echo 'extern const struct service *const all_services[];'; \
	  echo 'const struct service *const all_services[] = {'; \
	  for name in $$names; do echo "	&$${name}_service,"; done; \
	  echo '	0'; echo '};'; } >t/harness/all.c && \
	$(CC) $(AM_CFLAGS) $(CFLAGS) -c -o t/harness/all.part t/harness/all.c && \
	$(CC) -r -nostdlib -o $@ t/harness/all.part `for name in $$names; do echo t/harness/$$name.part; done`
CLEANFILES += t/harness/services.o t/harness/all.c t/harness/*.part

check_PROGRAMS += t/harness/contract_test t/handlers/audited_test
service_tests += t/handlers/audited_test
t_handlers_audited_test_SOURCES = t/handlers/audited_test.c
t_handlers_audited_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
service_tests += t/harness/contract_test
t_harness_contract_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

# NewRx messages for tests, benches and journeys: a library that service tests link, and a program.
check_LIBRARIES += t/ncpdp/libncpdp.a
t_ncpdp_libncpdp_a_SOURCES = t/ncpdp/generate.c t/ncpdp/generate.h
check_PROGRAMS += t/ncpdp/telerx-ncpdp-generate
t_ncpdp_telerx_ncpdp_generate_SOURCES = t/ncpdp/main.c
t_ncpdp_telerx_ncpdp_generate_LDADD = t/ncpdp/libncpdp.a $(CORE_LIBS)

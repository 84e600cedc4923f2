# Units of the core's two lowest floors and of what start-up looks at: no database, no network. Tests include "fcgi/unit.h".
noinst_HEADERS += t/fcgi/unit.h
if HAVE_CMOCKA
core_tests = \
	t/fcgi/base/arena_test \
	t/fcgi/base/clock_test \
	t/fcgi/base/config_test \
	t/fcgi/base/decimal_test \
	t/fcgi/base/failpoint_test \
	t/fcgi/base/field_test \
	t/fcgi/base/json_test \
	t/fcgi/base/log_test \
	t/fcgi/base/metrics_test \
	t/fcgi/base/money_test \
	t/fcgi/base/template_test \
	t/fcgi/crypto/hash_test \
	t/fcgi/crypto/scheme_test \
	t/fcgi/crypto/jose_test \
	t/fcgi/crypto/merkle_test \
	t/fcgi/crypto/seal_test \
	t/fcgi/crypto/signature_test \
	t/fcgi/crypto/sigv4_test \
	t/fcgi/crypto/webhook_test \
	t/fcgi/live_test
check_PROGRAMS += $(core_tests)
unit_tests += $(core_tests)
t_fcgi_base_arena_test_LDADD = $(TEST_LIBS)
t_fcgi_base_clock_test_LDADD = $(TEST_LIBS)
t_fcgi_base_config_test_LDADD = $(TEST_LIBS)
# Always tested with what only a test build has.
t_fcgi_base_failpoint_test_SOURCES = t/fcgi/base/failpoint_test.c fcgi/base/failpoint.c
t_fcgi_base_failpoint_test_CPPFLAGS = $(AM_CPPFLAGS) -DTELERX_FAILPOINTS=1
t_fcgi_base_failpoint_test_LDADD = $(TEST_LIBS)
t_fcgi_base_field_test_LDADD = $(TEST_LIBS)
t_fcgi_base_json_test_LDADD = $(TEST_LIBS)
t_fcgi_base_log_test_LDADD = $(TEST_LIBS)
t_fcgi_base_metrics_test_LDADD = $(TEST_LIBS)
t_fcgi_base_decimal_test_LDADD = $(TEST_LIBS)
t_fcgi_base_money_test_LDADD = $(TEST_LIBS)
t_fcgi_base_template_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_hash_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_scheme_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_jose_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_merkle_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_seal_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_signature_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_sigv4_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_webhook_test_LDADD = $(TEST_LIBS)
t_fcgi_live_test_LDADD = $(TEST_LIBS)
t_fcgi_crypto_seal_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
endif

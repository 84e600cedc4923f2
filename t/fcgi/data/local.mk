# Service tests of the data floor: a real PostgreSQL, no service.
if HAVE_CMOCKA
data_test_sources = t/fcgi/data/floor.c t/fcgi/data/floor.h
data_test_libs = t/harness/libharness.a $(TEST_LIBS)
data_tests = t/fcgi/data/audit_test t/fcgi/data/db_test t/fcgi/data/vault_test t/fcgi/data/outbox_test t/fcgi/data/migrate_test t/fcgi/data/commit_test \
	t/fcgi/data/attention_test t/fcgi/data/file_store_test
check_PROGRAMS += $(data_tests)
service_tests += $(data_tests)
t_fcgi_data_audit_test_SOURCES = t/fcgi/data/audit_test.c $(data_test_sources)
t_fcgi_data_audit_test_LDADD = $(data_test_libs)
t_fcgi_data_db_test_SOURCES = t/fcgi/data/db_test.c $(data_test_sources)
t_fcgi_data_db_test_LDADD = $(data_test_libs)
t_fcgi_data_vault_test_SOURCES = t/fcgi/data/vault_test.c $(data_test_sources)
t_fcgi_data_vault_test_LDADD = $(data_test_libs)
t_fcgi_data_outbox_test_SOURCES = t/fcgi/data/outbox_test.c $(data_test_sources)
t_fcgi_data_outbox_test_LDADD = $(data_test_libs)
t_fcgi_data_migrate_test_SOURCES = t/fcgi/data/migrate_test.c $(data_test_sources)
t_fcgi_data_migrate_test_LDADD = $(data_test_libs)
t_fcgi_data_commit_test_SOURCES = t/fcgi/data/commit_test.c $(data_test_sources)
t_fcgi_data_commit_test_LDADD = $(data_test_libs)
t_fcgi_data_attention_test_SOURCES = t/fcgi/data/attention_test.c $(data_test_sources)
t_fcgi_data_attention_test_LDADD = $(data_test_libs)
t_fcgi_data_file_store_test_SOURCES = t/fcgi/data/file_store_test.c $(data_test_sources)
t_fcgi_data_file_store_test_LDADD = $(data_test_libs)
endif

if HAVE_CMOCKA
check_PROGRAMS += t/fcgi/work/jobs_test t/fcgi/work/jobs_batch_test t/fcgi/work/jobs_keep_test t/fcgi/work/delivery_test t/fcgi/work/topic_test t/fcgi/work/effect_test t/fcgi/work/saga_test t/fcgi/work/saga_back_test
service_tests += t/fcgi/work/jobs_test t/fcgi/work/jobs_batch_test t/fcgi/work/jobs_keep_test t/fcgi/work/delivery_test t/fcgi/work/topic_test t/fcgi/work/effect_test t/fcgi/work/saga_test t/fcgi/work/saga_back_test
t_fcgi_work_jobs_test_SOURCES = t/fcgi/work/jobs_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_jobs_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_jobs_batch_test_SOURCES = t/fcgi/work/jobs_batch_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_jobs_batch_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_jobs_keep_test_SOURCES = t/fcgi/work/jobs_keep_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_jobs_keep_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_delivery_test_SOURCES = t/fcgi/work/delivery_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_delivery_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_topic_test_SOURCES = t/fcgi/work/topic_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_topic_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_effect_test_SOURCES = t/fcgi/work/effect_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_effect_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_saga_test_SOURCES = t/fcgi/work/saga_test.c t/fcgi/work/journey.c t/fcgi/work/journey.h t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_saga_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_fcgi_work_saga_back_test_SOURCES = t/fcgi/work/saga_back_test.c t/fcgi/work/journey.c t/fcgi/work/journey.h t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_saga_back_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
if HAVE_RDKAFKA
check_PROGRAMS += t/fcgi/work/kafka_test
service_tests += t/fcgi/work/kafka_test
t_fcgi_work_kafka_test_SOURCES = t/fcgi/work/kafka_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h fcgi/work/kafka.c fcgi/work/kafka_consumer.c
t_fcgi_work_kafka_test_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS)
t_fcgi_work_kafka_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS) $(RDKAFKA_LIBS)
endif
check_PROGRAMS += t/fcgi/work/keys_test
service_tests += t/fcgi/work/keys_test
t_fcgi_work_keys_test_SOURCES = t/fcgi/work/keys_test.c t/fcgi/work/crew.c t/fcgi/work/crew.h
t_fcgi_work_keys_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

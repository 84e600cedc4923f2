noinst_LIBRARIES += %reldir%/libbilling.a
%canon_reldir%_libbilling_a_SOURCES = %reldir%/billing.c %reldir%/billing.h %reldir%/setup.c %reldir%/payment.c %reldir%/move.c \
	%reldir%/ledger.c %reldir%/charge.c %reldir%/refund.c %reldir%/stripe.c %reldir%/stripe_webhook.c %reldir%/stripe_money.c %reldir%/reconcile.c \
	%reldir%/reconcile.h %reldir%/reconcile_refunds.c %reldir%/reconcile_sessions.c \
	%reldir%/link.c %reldir%/checkout.c %reldir%/collect.c %reldir%/receipt.c %reldir%/notice.c %reldir%/page.c
SERVICE_LIBS += %reldir%/libbilling.a

pkglibexec_PROGRAMS += %reldir%/telerx-billing
%canon_reldir%_telerx_billing_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_billing_LDADD = %reldir%/libbilling.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/billing_test t/handlers/billing_webhook_test t/handlers/billing_reconcile_test \
	t/handlers/billing_link_test
service_tests += t/handlers/billing_test t/handlers/billing_webhook_test t/handlers/billing_reconcile_test t/handlers/billing_link_test
t_handlers_billing_test_SOURCES = t/handlers/billing_test.c t/handlers/billing_world.c t/handlers/billing_world.h
t_handlers_billing_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_billing_webhook_test_SOURCES = t/handlers/billing_webhook_test.c t/handlers/billing_world.c t/handlers/billing_world.h
t_handlers_billing_webhook_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_billing_reconcile_test_SOURCES = t/handlers/billing_reconcile_test.c t/handlers/billing_world.c t/handlers/billing_world.h
t_handlers_billing_reconcile_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_billing_link_test_SOURCES = t/handlers/billing_link_test.c t/handlers/billing_world.c t/handlers/billing_world.h
t_handlers_billing_link_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

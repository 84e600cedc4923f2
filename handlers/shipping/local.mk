noinst_LIBRARIES += %reldir%/libshipping.a
%canon_reldir%_libshipping_a_SOURCES = %reldir%/shipping.c %reldir%/shipping.h %reldir%/shipment.c %reldir%/print.c \
	%reldir%/fedex.c %reldir%/track.c %reldir%/void.c %reldir%/message.c %reldir%/reconcile.c %reldir%/reconcile_labels.c \
	%reldir%/prescription.c %reldir%/shippo.c %reldir%/shippo.h %reldir%/follow.c
SERVICE_LIBS += %reldir%/libshipping.a

pkglibexec_PROGRAMS += %reldir%/telerx-shipping
%canon_reldir%_telerx_shipping_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_shipping_LDADD = %reldir%/libshipping.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/shipping_test t/handlers/shipping_reconcile_test t/handlers/shipping_shippo_test
service_tests += t/handlers/shipping_test t/handlers/shipping_reconcile_test t/handlers/shipping_shippo_test
t_handlers_shipping_test_SOURCES = t/handlers/shipping_test.c
t_handlers_shipping_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_shipping_reconcile_test_SOURCES = t/handlers/shipping_reconcile_test.c
t_handlers_shipping_reconcile_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_shipping_shippo_test_SOURCES = t/handlers/shipping_shippo_test.c
t_handlers_shipping_shippo_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

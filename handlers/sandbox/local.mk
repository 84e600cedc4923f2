noinst_LIBRARIES += %reldir%/libsandbox.a
%canon_reldir%_libsandbox_a_SOURCES = \
	%reldir%/sandbox.c %reldir%/sandbox.h %reldir%/sandbox_own.h \
	%reldir%/vendor.c %reldir%/vendor.h %reldir%/store.c %reldir%/store.h \
	%reldir%/form.c %reldir%/fault.c %reldir%/token.c %reldir%/ledger.c %reldir%/outbox.c \
	%reldir%/stripe.c %reldir%/stripe.h %reldir%/stripe_params.c %reldir%/stripe_objects.c %reldir%/stripe_events.c \
	%reldir%/stripe_cards.c %reldir%/stripe_customers.c %reldir%/stripe_setup.c %reldir%/stripe_payments.c \
	%reldir%/stripe_confirm.c %reldir%/stripe_refunds.c %reldir%/stripe_checkout.c %reldir%/stripe_page.c \
	%reldir%/canvas.c %reldir%/canvas.h %reldir%/canvas_rules.c %reldir%/canvas_merge.c %reldir%/canvas_search.c \
	%reldir%/fedex.c %reldir%/fedex.h %reldir%/fedex_label.c %reldir%/fedex_track.c \
	%reldir%/pioneerrx.c %reldir%/boothwyn.c %reldir%/sendgrid.c %reldir%/twilio.c %reldir%/slack.c \
	%reldir%/hubspot.c %reldir%/pharmacy.c %reldir%/payer.c %reldir%/payer.h \
	%reldir%/pdf.c %reldir%/pdf.h %reldir%/shippo.c %reldir%/shippo.h %reldir%/shippo_track.c
SERVICE_LIBS += %reldir%/libsandbox.a

pkglibexec_PROGRAMS += %reldir%/telerx-sandbox
%canon_reldir%_telerx_sandbox_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_sandbox_LDADD = %reldir%/libsandbox.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/sandbox_pay_test t/handlers/sandbox_pharmacy_test t/handlers/sandbox_test t/handlers/sandbox_stripe_test t/handlers/sandbox_canvas_test
service_tests += t/handlers/sandbox_pay_test t/handlers/sandbox_pharmacy_test t/handlers/sandbox_test t/handlers/sandbox_stripe_test t/handlers/sandbox_canvas_test
t_handlers_sandbox_pharmacy_test_SOURCES = t/handlers/sandbox_pharmacy_test.c t/handlers/sandbox_world.c t/handlers/sandbox_world.h
t_handlers_sandbox_pharmacy_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_sandbox_test_SOURCES = t/handlers/sandbox_test.c t/handlers/sandbox_world.c t/handlers/sandbox_world.h
t_handlers_sandbox_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_sandbox_stripe_test_SOURCES = t/handlers/sandbox_stripe_test.c t/handlers/sandbox_world.c t/handlers/sandbox_world.h
t_handlers_sandbox_stripe_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_sandbox_canvas_test_SOURCES = t/handlers/sandbox_canvas_test.c t/handlers/sandbox_world.c t/handlers/sandbox_world.h
t_handlers_sandbox_canvas_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
t_handlers_sandbox_pay_test_SOURCES = t/handlers/sandbox_pay_test.c t/handlers/sandbox_world.c t/handlers/sandbox_world.h
t_handlers_sandbox_pay_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

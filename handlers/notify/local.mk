noinst_LIBRARIES += %reldir%/libnotify.a
%canon_reldir%_libnotify_a_SOURCES = %reldir%/notify.c %reldir%/notify.h %reldir%/type.c %reldir%/channel.c \
	%reldir%/template.c %reldir%/message.c %reldir%/delivery.c %reldir%/vendor.c %reldir%/vendor_webhook.c %reldir%/link.c %reldir%/preference.c
SERVICE_LIBS += %reldir%/libnotify.a

pkglibexec_PROGRAMS += %reldir%/telerx-notify
%canon_reldir%_telerx_notify_SOURCES = %reldir%/main.c
%canon_reldir%_telerx_notify_LDADD = %reldir%/libnotify.a $(CORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += t/handlers/notify_test
service_tests += t/handlers/notify_test
t_handlers_notify_test_SOURCES = t/handlers/notify_test.c
t_handlers_notify_test_LDADD = t/harness/libharness.a $(SERVICE_LIBS) $(TEST_LIBS)
endif

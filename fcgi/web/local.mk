fcgi_libtelerx_a_SOURCES += fcgi/web/req.h fcgi/web/route.h fcgi/web/serve.h fcgi/web/web_private.h \
	fcgi/web/access.c fcgi/web/dispatch.c fcgi/web/effects.c fcgi/web/events.c fcgi/web/health.c fcgi/web/idempotency.c \
	fcgi/web/input.c fcgi/web/jobs.c fcgi/web/keys.c fcgi/web/loop.c fcgi/web/match.c fcgi/web/openapi.c fcgi/web/outbox.c fcgi/web/openapi.h \
	fcgi/web/openapi_problem.c fcgi/web/reply.c fcgi/web/req.c fcgi/web/routes.c
fcgi_libtelerx_a_SOURCES += fcgi/web/webhook.h fcgi/web/webhook.c fcgi/web/webhook_admin.c
fcgi_libtelerx_a_SOURCES += fcgi/web/token.c fcgi/web/token.h
fcgi_libtelerx_a_SOURCES += fcgi/web/stream.c fcgi/web/stream.h fcgi/web/streams.h

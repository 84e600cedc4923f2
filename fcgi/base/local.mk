fcgi_libtelerx_a_SOURCES += \
	fcgi/base/arena.c fcgi/base/arena.h \
	fcgi/base/buf.c fcgi/base/buf.h \
	fcgi/base/clock.c fcgi/base/clock.h \
	fcgi/base/config.c fcgi/base/config.h \
	fcgi/base/decimal.c fcgi/base/decimal.h \
	fcgi/base/failpoint.h \
	fcgi/base/field.c fcgi/base/field.h \
	fcgi/base/json.c fcgi/base/json.h fcgi/base/json_read.c \
	fcgi/base/log.c fcgi/base/log.h \
	fcgi/base/metrics.c fcgi/base/metrics.h \
	fcgi/base/money.c fcgi/base/money.h \
	fcgi/base/problem.c fcgi/base/problem.h \
	fcgi/base/schema.c fcgi/base/schema.h \
	fcgi/base/template.c fcgi/base/template.h fcgi/base/template_parse.c fcgi/base/template_tree.h \
	fcgi/base/utf8.c fcgi/base/utf8.h \
	fcgi/base/uuid.c fcgi/base/uuid.h
if FAILPOINTS
fcgi_libtelerx_a_SOURCES += fcgi/base/failpoint.c
else
EXTRA_DIST += fcgi/base/failpoint.c
endif

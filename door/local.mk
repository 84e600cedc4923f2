# telerx-openapi joins the services' documents; door/openapi and door/up run it.
pkglibexec_PROGRAMS += %reldir%/telerx-openapi
%canon_reldir%_telerx_openapi_SOURCES = %reldir%/openapi.c
%canon_reldir%_telerx_openapi_LDADD = $(DEPS_LIBS)
EXTRA_DIST += door/check door/config door/down door/help door/journey door/keys door/lib door/logs door/openapi door/psql door/services door/status door/up

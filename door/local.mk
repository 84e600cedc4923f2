# The services' documents on standard input: telerx-openapi joins them, telerx-callgraph draws who calls whom. door/openapi, door/callgraph and
# door/up run them.
pkglibexec_PROGRAMS += %reldir%/telerx-openapi %reldir%/telerx-callgraph
%canon_reldir%_telerx_openapi_SOURCES = %reldir%/openapi.c %reldir%/documents.c %reldir%/documents.h
%canon_reldir%_telerx_openapi_LDADD = $(DEPS_LIBS)
%canon_reldir%_telerx_callgraph_SOURCES = %reldir%/callgraph.c %reldir%/documents.c %reldir%/documents.h
%canon_reldir%_telerx_callgraph_LDADD = $(DEPS_LIBS)
EXTRA_DIST += door/audit door/bench door/callgraph door/check door/config door/down door/events door/help door/import door/invariants door/jobs door/journey door/keys door/lib door/log-level door/logs door/new-service door/openapi door/prove door/psql door/reader door/services door/status door/template door/up

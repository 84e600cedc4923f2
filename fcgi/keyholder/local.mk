# telerx-keyholder has the keys above the data keys; services ask it. It stands on base and crypto alone.
pkglibexec_PROGRAMS += %reldir%/telerx-keyholder
%canon_reldir%_telerx_keyholder_SOURCES = %reldir%/keyholder.c %reldir%/keyholder.h %reldir%/serve.c %reldir%/answer.c %reldir%/clients.c \
	%reldir%/trail.c
%canon_reldir%_telerx_keyholder_LDADD = fcgi/libtelerx.a $(DEPS_LIBS)

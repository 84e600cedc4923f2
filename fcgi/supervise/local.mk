# telerx-supervise keeps the masters and workers of a tree alive (systemd does in production).
pkglibexec_PROGRAMS += fcgi/supervise/telerx-supervise
fcgi_supervise_telerx_supervise_SOURCES = fcgi/supervise/supervise.c
fcgi_supervise_telerx_supervise_LDADD = $(CORE_LIBS)

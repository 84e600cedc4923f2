# telerx-supervise keeps the masters and workers of a tree alive (systemd does in production). It links nothing of the core: it must
# outlive every mistake made there.
pkglibexec_PROGRAMS += %reldir%/telerx-supervise
%canon_reldir%_telerx_supervise_SOURCES = %reldir%/supervise.c %reldir%/table.c %reldir%/table.h %reldir%/child.c %reldir%/child.h

# telerx-sealer seals the audit trails of all databases of a host; telerx-audit verifies them and shows them.
pkglibexec_PROGRAMS += %reldir%/telerx-sealer %reldir%/telerx-audit
%canon_reldir%_telerx_sealer_SOURCES = %reldir%/sealer.c %reldir%/anchor.c %reldir%/sealer.h %reldir%/logs.c %reldir%/logs.h
%canon_reldir%_telerx_sealer_LDADD = $(CORE_LIBS)
%canon_reldir%_telerx_audit_SOURCES = %reldir%/audit.c %reldir%/show.c %reldir%/show.h %reldir%/logs.c %reldir%/logs.h
%canon_reldir%_telerx_audit_LDADD = $(CORE_LIBS)

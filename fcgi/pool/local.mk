# telerx-pool PROGRAM is the master of a service's pool. There is one beside each pool, so it takes what it needs of the core's lowest
# floor and no library: a quarter of a megabyte.
pkglibexec_PROGRAMS += %reldir%/telerx-pool
%canon_reldir%_telerx_pool_SOURCES = %reldir%/pool.c %reldir%/look.c %reldir%/look.h
%canon_reldir%_telerx_pool_LDADD = fcgi/libtelerx.a

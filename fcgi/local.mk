# The core: one static library. Each floor lists its own sources.
noinst_LIBRARIES += fcgi/libtelerx.a
fcgi_libtelerx_a_SOURCES = fcgi/core.h fcgi/service.h fcgi/service_private.h fcgi/service.c fcgi/service_keys.c fcgi/connections.h fcgi/connections.c fcgi/jobs_command.h fcgi/jobs_command.c fcgi/live.h fcgi/live.c
include fcgi/base/local.mk
include fcgi/crypto/local.mk
include fcgi/data/local.mk
include fcgi/net/local.mk
include fcgi/web/local.mk
include fcgi/work/local.mk
include fcgi/pool/local.mk
include fcgi/supervise/local.mk
include fcgi/sealer/local.mk
include fcgi/keyholder/local.mk

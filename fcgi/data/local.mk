fcgi_libtelerx_a_SOURCES += fcgi/data/attention.h fcgi/data/audit.h fcgi/data/db.h fcgi/data/db_private.h fcgi/data/event.h fcgi/data/job.h fcgi/data/migrate.h \
	fcgi/data/topic.h fcgi/data/ttl.h fcgi/data/vault.h fcgi/data/attention.c fcgi/data/audit.c fcgi/data/db.c fcgi/data/db_error.c fcgi/data/db_pipe.c fcgi/data/db_row.c \
	fcgi/data/db_tx.c fcgi/data/event.c fcgi/data/job.c fcgi/data/migrate.c fcgi/data/prepare.c fcgi/data/topic.c fcgi/data/ttl.c fcgi/data/vault.c fcgi/data/blind.c fcgi/data/blind.h
fcgi_libtelerx_a_SOURCES += fcgi/data/audit_log.c fcgi/data/audit_log.h fcgi/data/audit_seal.c fcgi/data/audit_seal.h \
	fcgi/data/audit_verify.c fcgi/data/audit_verify.h fcgi/data/audit_alarm.c fcgi/data/audit_alarm.h
fcgi_libtelerx_a_SOURCES += fcgi/data/replay.c
fcgi_libtelerx_a_SOURCES += fcgi/data/reconcile.h fcgi/data/reconcile.c
fcgi_libtelerx_a_SOURCES += fcgi/data/webhook.h fcgi/data/webhook.c
fcgi_libtelerx_a_SOURCES += fcgi/data/job_admin.c fcgi/data/job_admin.h fcgi/data/worker_metrics.c fcgi/data/worker_metrics.h
fcgi_libtelerx_a_SOURCES += fcgi/data/copy.h fcgi/data/copy.c

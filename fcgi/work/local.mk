fcgi_libtelerx_a_SOURCES += fcgi/work/worker.h fcgi/work/effect.h fcgi/work/saga.h fcgi/work/work.h fcgi/work/saga_engine.h \
	fcgi/work/worker.c fcgi/work/keys.c fcgi/work/keys_index.c fcgi/work/keys_reseal.c fcgi/work/hand.c fcgi/work/holding.c fcgi/work/taker.c fcgi/work/job_context.c fcgi/work/job_outcome.c fcgi/work/housekeeping.c \
	fcgi/work/seal_watch.c fcgi/work/timer.c fcgi/work/delivery.c fcgi/work/retention.c fcgi/work/sweep.c fcgi/work/drain.c fcgi/work/effect.c fcgi/work/effect_job.c fcgi/work/saga.c \
	fcgi/work/saga_store.c fcgi/work/saga_step.c fcgi/work/saga_undo.c fcgi/work/saga_end.c fcgi/work/saga_deadline.c fcgi/work/saga_reopen.c \
	fcgi/work/saga_decide.c fcgi/work/saga_show.c fcgi/work/edges.h fcgi/work/edges.c \
	fcgi/net/peers.h fcgi/net/peers.c
fcgi_libtelerx_a_SOURCES += fcgi/work/hook.h fcgi/work/hook.c
fcgi_libtelerx_a_SOURCES += fcgi/work/file_sweep.h fcgi/work/file_sweep.c
fcgi_libtelerx_a_SOURCES += fcgi/work/kafka.h fcgi/work/kafka_private.h
if WITH_KAFKA
fcgi_libtelerx_a_SOURCES += fcgi/work/kafka.c fcgi/work/kafka_consumer.c
else
fcgi_libtelerx_a_SOURCES += fcgi/work/kafka_none.c
endif
EXTRA_DIST += fcgi/work/kafka.c fcgi/work/kafka_consumer.c fcgi/work/kafka_none.c

fcgi_libtelerx_a_SOURCES += fcgi/work/effect.h fcgi/work/saga.h fcgi/work/worker.h  fcgi/work/effect.c fcgi/work/saga.c fcgi/work/worker.c

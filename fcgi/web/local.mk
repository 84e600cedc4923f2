fcgi_libtelerx_a_SOURCES += fcgi/web/field.h fcgi/web/req.h fcgi/web/route.h fcgi/web/serve.h  fcgi/web/field.c fcgi/web/req.c fcgi/web/serve.c

fcgi_libtelerx_a_SOURCES += fcgi/net/breaker.h fcgi/net/http.h fcgi/net/peer.h  fcgi/net/breaker.c fcgi/net/http.c fcgi/net/address.h fcgi/net/address.c fcgi/net/peer.c
fcgi_libtelerx_a_SOURCES += fcgi/net/form.h fcgi/net/form.c fcgi/net/oauth.h fcgi/net/oauth.c
fcgi_libtelerx_a_SOURCES += fcgi/net/file_store.h fcgi/net/file_store_private.h fcgi/net/file_store.c fcgi/net/file_local.c fcgi/net/file_s3.c

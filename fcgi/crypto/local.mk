fcgi_libtelerx_a_SOURCES += \
	fcgi/crypto/encode.c \
	fcgi/crypto/hash.c fcgi/crypto/hash.h \
	fcgi/crypto/jose.c fcgi/crypto/jose.h \
	fcgi/crypto/keyring.c fcgi/crypto/keyring.h \
	fcgi/crypto/merkle.c fcgi/crypto/merkle.h \
	fcgi/crypto/random.c fcgi/crypto/random.h \
	fcgi/crypto/seal.c fcgi/crypto/seal.h \
	fcgi/crypto/sign.c fcgi/crypto/sign.h \
	fcgi/crypto/signature.c fcgi/crypto/signature.h fcgi/crypto/signature_parts.h \
	fcgi/crypto/signature_webhook.c

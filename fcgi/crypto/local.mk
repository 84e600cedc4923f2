fcgi_libtelerx_a_SOURCES += \
	fcgi/crypto/encode.c \
	fcgi/crypto/envelope_keys.c fcgi/crypto/envelope_keys.h \
	fcgi/crypto/hash.c fcgi/crypto/hash.h \
	fcgi/crypto/jose.c fcgi/crypto/jose.h \
	fcgi/crypto/key_file.c fcgi/crypto/key_file.h \
	fcgi/crypto/key_wire.c fcgi/crypto/key_wire.h \
	fcgi/crypto/keyring.c fcgi/crypto/keyring.h fcgi/crypto/keyring_private.h \
	fcgi/crypto/keyring_file.c fcgi/crypto/keyring_file.h fcgi/crypto/keyring_holder.c \
	fcgi/crypto/merkle.c fcgi/crypto/merkle.h \
	fcgi/crypto/sigv4.c fcgi/crypto/sigv4.h \
	fcgi/crypto/random.c fcgi/crypto/random.h \
	fcgi/crypto/secret.c fcgi/crypto/secret.h \
	fcgi/crypto/seal.c fcgi/crypto/seal.h \
	fcgi/crypto/sign.c fcgi/crypto/sign.h \
	fcgi/crypto/signature.c fcgi/crypto/signature.h fcgi/crypto/signature_parts.h \
	fcgi/crypto/scheme.h fcgi/crypto/signature_webhook.c fcgi/crypto/signature_scheme.c

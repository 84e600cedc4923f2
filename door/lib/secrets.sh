# secrets.sh: every secret of a tree is made once and kept in one file of mode 0600; all else is rendered from it. Needs place.sh.
# shellcheck shell=sh

# Every service but the sandbox, which plays the outside, may call others; so may the switch that brings NCPDP messages, with a key of its own.
callers="$(services | grep -v '^sandbox$' | tr '\n' ' ')ncpdp "

upper() {
	printf %s "$1" | tr 'a-z-' 'A-Z_'
}

# secret NAME [PREFIX [BYTES]]: prints it, making it at the first call. Hex, so that no file and no URL has to quote it.
secret() {
	if [ -f "$var/secrets" ]; then
		value=$(sed -n "s/^$1=//p" "$var/secrets")
		if [ -n "$value" ]; then
			printf %s "$value"
			return 0
		fi
	fi
	value=${2:-}$(openssl rand -hex "${3:-32}")
	(umask 077 && printf '%s=%s\n' "$1" "$value" >>"$var/secrets")
	printf %s "$value"
}

url() {
	printf 'https://localhost:%s' "$port"
}

# The credentials a client of this tree needs, and only those.
dev_env() {
	cat <<EOT
# Made by ./telerx up: what a client of this tree needs. Each line is NAME=value.
TELERX_URL=$(url)
TELERX_CA=$var/tls/ca.pem
TELERX_INTERNAL_SOCKET=$var/run/internal.sock
ADMIN_SECRET=$(secret ADMIN_SECRET)
TELERX_DATABASE_SOCKET=$var/run
TELERX_INSPECT_PASSWORD=$(secret INSPECT_PASSWORD)
TELERX_INSPECT_URL=postgresql://telerx_inspect:$(secret INSPECT_PASSWORD)@/postgres?host=$var/run
STRIPE_PUBLISHABLE_KEY=$(secret STRIPE_PUBLISHABLE_KEY pk_test_ 16)
STRIPE_WEBHOOK_SECRET=$(secret STRIPE_WEBHOOK_SECRET whsec_ 24)
BOOTHWYN_WEBHOOK_SECRET=$(secret BOOTHWYN_WEBHOOK_SECRET)
PHARMACY_WEBHOOK_SECRET=$(secret PHARMACY_WEBHOOK_SECRET)
CANVAS_AUTH_SECRET=$(secret CANVAS_AUTH_SECRET)
PLAN_SIGNING_SECRET=$(secret PLAN_SIGNING_SECRET)
EOT
	for caller in $callers; do
		name=$(upper "$caller")
		echo "KEY_$name=$(secret "KEY_$name" "${caller}_" 8)"
		echo "SECRET_$name=$(secret "SECRET_$name")"
	done
}

secrets_make() {
	dev_env | put "$var/dev.env" 0600 private
	seal_key_make
	token_keys_make
}

# What signs the seals of the audit trails; those who verify need its public half only.
seal_key_make() {
	if [ ! -f "$var/keys/seal.pem" ]; then
		(umask 077 && openssl genpkey -algorithm ed25519 2>/dev/null) | put "$var/keys/seal.pem" 0600
	fi
	openssl pkey -in "$var/keys/seal.pem" -pubout 2>/dev/null | put "$var/keys/seal.pub" 0644 ||
		die "openssl could not make the key of the audit seals."
}

# A P-256 key of OpenSSL's DER (RFC 5915) is a row of fixed places: the secret number at 7, the point at 57 and 89, 32 bytes each.
der_part() {
	dd if="$1" bs=1 skip="$2" count=32 2>/dev/null | openssl base64 -A | tr '+/' '-_' | tr -d =
}

# The newest key of a JWKS of ours, with a comma before it; nothing where there is no such file.
newest_key() {
	[ ! -f "$1" ] || sed -n 's/^{"keys":\[\({[^}]*}\).*/,\1/p' "$1"
}

# A new pair that auth signs tokens with, which nobody else reads, and its public half, which every service checks them by. The pair before it stays
# known beside it: its tokens are good for a day. The public file is first, so that nobody meets a token of a key he does not know.
token_keys_add() {
	der=$(mktemp)
	openssl ecparam -name prime256v1 -genkey -noout -outform DER >"$der" 2>/dev/null && [ "$(wc -c <"$der")" -eq 121 ] ||
		die "openssl could not make the keys of tokens."
	public=$(printf '"kty":"EC","crv":"P-256","x":"%s","y":"%s","kid":"auth-%s","alg":"ES256","use":"sig"' \
		"$(der_part "$der" 57)" "$(der_part "$der" 89)" "$(openssl rand -hex 4)")
	shown=$(newest_key "$var/keys/tokens.pub")
	kept=$(newest_key "$var/keys/tokens.keys")
	printf '{"keys":[{%s}%s]}\n' "$public" "$shown" | put "$var/keys/tokens.pub" 0644
	printf '{"keys":[{%s,"d":"%s"}%s]}\n' "$public" "$(der_part "$der" 7)" "$kept" | put "$var/keys/tokens.keys" 0600
	rm -f "$der"
}

token_keys_make() {
	[ -f "$var/keys/tokens.keys" ] || token_keys_add
}

# An own authority and a certificate for this machine, renewed a week before its end.
certificates_make() {
	tls=$var/tls
	if [ ! -f "$tls/ca.key" ]; then
		(umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Telerx tree $(openssl rand -hex 4)" \
			-addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
			-keyout "$tls/ca.key" -out "$tls/ca.new" 2>/dev/null) || die "openssl could not make a certificate authority."
		put "$tls/ca.pem" 0644 <"$tls/ca.new"
		rm -f "$tls/ca.new" "$tls/server.pem"
	fi
	if [ -f "$tls/server.pem" ] && openssl x509 -checkend 604800 -noout -in "$tls/server.pem" >/dev/null 2>&1; then
		return 0
	fi
	work=$(mktemp -d)
	cat >"$work/ext" <<-'EOT'
		basicConstraints=critical,CA:FALSE
		keyUsage=critical,digitalSignature
		extendedKeyUsage=serverAuth
		subjectAltName=DNS:localhost,IP:127.0.0.1
	EOT
	(umask 077 && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$work/key" -out "$work/csr" 2>/dev/null) &&
		openssl x509 -req -in "$work/csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -set_serial "0x$(openssl rand -hex 8)" -days 397 \
			-extfile "$work/ext" -out "$work/pem" 2>/dev/null || die "openssl could not make the server's certificate."
	put "$tls/server.key" 0600 <"$work/key"
	put "$tls/server.pem" 0644 <"$work/pem"
	rm -rf "$work"
}

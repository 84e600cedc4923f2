# environment.sh: the settings of each service of a tree, from one place. Needs place.sh and secrets.sh.
#
# A service gets its own vendors' secrets and no others (rule H10); the sandbox, which plays all vendors, gets all of them. The owner's
# database URL is in a file of its own that only `migrate` is given.
# shellcheck shell=sh

database_url() {	# database_url SERVICE owner|app
	role=telerx_$1
	[ "$2" = app ] || role=${role}_owner
	printf 'postgresql://%s:%s@/%s?host=%s' "$role" "$(secret "$(upper "$1_$2")_PASSWORD")" "$(database_of "$1")" "$var/run"
}

stripe_settings() {
	cat <<-EOT
		STRIPE_BASE_URL=$(url)/sandbox/stripe
		STRIPE_SECRET_KEY=$(secret STRIPE_SECRET_KEY sk_test_ 24)
		STRIPE_PUBLISHABLE_KEY=$(secret STRIPE_PUBLISHABLE_KEY pk_test_ 16)
		STRIPE_WEBHOOK_SECRET=$(secret STRIPE_WEBHOOK_SECRET whsec_ 24)
		STRIPE_API_VERSION=2026-10-28.endive
	EOT
}

canvas_settings() {
	cat <<-EOT
		CANVAS_FHIR_BASE_URL=$(url)/sandbox/canvas/fhir
		CANVAS_AUTH_BASE_URL=$(url)/sandbox/canvas
		CANVAS_CLIENT_ID=$(secret CANVAS_CLIENT_ID client- 8)
		CANVAS_CLIENT_SECRET=$(secret CANVAS_CLIENT_SECRET)
		CANVAS_AUTH_SECRET=$(secret CANVAS_AUTH_SECRET)
		CANVAS_REQUESTER=a1000000000000000000000000000001
		CANVAS_QUESTIONNAIRE=1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11
	EOT
}

pharmacy_settings() {
	cat <<-EOT
		PIONEERRX_BASE_URL=$(url)/sandbox/pioneerrx
		PIONEERRX_API_KEY=$(secret PIONEERRX_API_KEY)
		PIONEERRX_SHARED_SECRET=$(secret PIONEERRX_SHARED_SECRET)
		PIONEERRX_EMPLOYEE_ID=7001
		PIONEERRX_WEBHOOK_SECRET=$(secret PIONEERRX_WEBHOOK_SECRET)
		BOOTHWYN_BASE_URL=$(url)/sandbox/boothwyn
		BOOTHWYN_API_KEY=$(secret BOOTHWYN_API_KEY)
		BOOTHWYN_WEBHOOK_SECRET=$(secret BOOTHWYN_WEBHOOK_SECRET)
	EOT
}

claim_settings() {
	cat <<-EOT
		PHARMACY_BASE_URL=$(url)/sandbox/pharmacy
		PHARMACY_KEY_ID=$(secret PHARMACY_KEY_ID key- 8)
		PHARMACY_SECRET=$(secret PHARMACY_SECRET)
		PHARMACY_WEBHOOK_SECRET=$(secret PHARMACY_WEBHOOK_SECRET)
	EOT
}

message_settings() {
	cat <<-EOT
		SENDGRID_BASE_URL=$(url)/sandbox/sendgrid
		SENDGRID_API_KEY=$(secret SENDGRID_API_KEY SG.)
		MAIL_FROM=care@telerx.example
		TWILIO_BASE_URL=$(url)/sandbox/twilio
		TWILIO_ACCOUNT_SID=$(secret TWILIO_ACCOUNT_SID AC 16)
		TWILIO_AUTH_TOKEN=$(secret TWILIO_AUTH_TOKEN '' 16)
		TWILIO_FROM=+15005550006
		HUBSPOT_BASE_URL=$(url)/sandbox/hubspot
		HUBSPOT_TOKEN=$(secret HUBSPOT_TOKEN pat-na1- 16)
		SLACK_WEBHOOK_URL=$(url)/sandbox/slack/services/$(secret SLACK_PATH T 4)/$(secret SLACK_CHANNEL B 4)/$(secret SLACK_TOKEN '' 12)
	EOT
}

carrier_settings() {
	cat <<-EOT
		FEDEX_BASE_URL=$(url)/sandbox/fedex
		FEDEX_CLIENT_ID=$(secret FEDEX_CLIENT_ID l7 15)
		FEDEX_CLIENT_SECRET=$(secret FEDEX_CLIENT_SECRET)
		FEDEX_ACCOUNT_NUMBER=740561073
		SHIPPO_BASE_URL=$(url)/sandbox/shippo
		SHIPPO_API_TOKEN=$(secret SHIPPO_API_TOKEN shippo_test_ 20)
		SHIPPO_WEBHOOK_SECRET=$(secret SHIPPO_WEBHOOK_SECRET)
	EOT
}

reconcile_settings() {
	echo "RECONCILE_EVERY=30s"
	echo "RECONCILE_GRACE=20s"
}

# What belongs to one service. Intervals are short: a tree shows in seconds what takes days outside.
own_settings() {
	case $1 in
	intake)
		echo "PLAN_SIGNING_SECRET=$(secret PLAN_SIGNING_SECRET)"
		echo "EXCLUDED_STATES=MN,CA,TX,AR,NC,OK"
		;;
	router)
		pharmacy_settings
		echo "EXCLUDED_STATES=MN,CA,TX,AR,NC,OK"
		echo "PHARMACY_POLL=2s"
		reconcile_settings
		;;
	notify) message_settings ;;
	shipping)
		carrier_settings
		echo "TRACKING_INTERVAL=2s"
		echo "TRACKING_SWEEP=5s"
		echo "TRACKING_FRESH=10s"
		echo "TRACKING_MOVING=10s"
		echo "TRACKING_NEAR=5s"
		echo "SHIPPO_SETTLE=10s"
		reconcile_settings
		;;
	billing)
		stripe_settings
		reconcile_settings
		echo "PAYMENT_MONITOR=5s"
		echo "PAYMENT_LOOK=10s"
		;;
	auth)
		echo "AUTH_KEYS_FILE=$var/keys/tokens.keys"
		echo "LOGIN_SENDS_PER_HOUR=120"
		;;
	program) echo "POOL_THREADS=2" ;;
	adjudication)
		echo "POOL_THREADS=2"
		claim_settings
		echo "ADJUDICATION_SWEEP=5s"
		;;
	integration) canvas_settings ;;
	portal) echo "PORTAL_TIMELINES=yes" ;;
	registry) echo "DIRECT_SWEEP=5s" ;;
	case)
		echo "CASE_ORDER_WITHIN=30s"
		echo "CASE_SWEEP=5s"
		;;
	eligibility | voucher) echo "POOL_THREADS=2" ;;
	enrollment)
		echo "FILES_DIR=$var/files"
		echo "ENROLLMENT_INTERVAL=2s"
		echo "SUPPORT_PHONE=+1 500 555 0006"
		echo "POOL_THREADS=2"
		;;
	sandbox)
		# The credentials of all vendors, without what only a client of theirs needs.
		{ stripe_settings; canvas_settings; pharmacy_settings; claim_settings; message_settings; carrier_settings; } |
			grep -v -e _BASE_URL= -e ^STRIPE_API -e ^CANVAS_REQ -e ^CANVAS_QUE -e ^PIONEERRX_WEBHOOK -e ^MAIL_ -e ^TWILIO_FROM -e ^SLACK_
		echo "SANDBOX_WEBHOOK_BASE=$(url)"
		[ -z "${SANDBOX_SLOW_MS:-}" ] || echo "SANDBOX_SLOW_MS=$SANDBOX_SLOW_MS"
		;;
	esac
}

core_settings() {
	cat <<-EOT
		# Made by ./telerx up for $1. Each line is NAME=value; \`telerx-$1 config\` explains the names.
		DATABASE_URL=$(database_url "$1" app)
		SQL_DIR=$share/sql
		TEMPLATES_DIR=$share/templates
		KEYHOLDER_SOCKET=$var/run/keyholder.sock
		ADMIN_SECRET=$(secret ADMIN_SECRET)
		AUTH_JWKS_FILE=$var/keys/tokens.pub
		PEER_SOCKET=$var/run/internal.sock
		PUBLIC_BASE_URL=$(url)
		VENDOR_CA_FILE=$var/tls/ca.pem
		LIVE_MODE=false
		LOG_LEVEL_FILE=$var/run/$1.level
		WEBHOOK_SWEEP=15s
	EOT
	[ -z "${TELERX_KAFKA:-}" ] || printf 'EVENTS=kafka\nKAFKA_BROKERS=%s\n' "$TELERX_KAFKA"
	case " $callers " in
	*" $1 "*)
		name=$(upper "$1")
		echo "SERVICE_KEY=$(secret "KEY_$name" "${1}_" 8)"
		echo "SERVICE_SECRET=$(secret "SECRET_$name")"
		;;
	esac
}

# trails ROLE PASSWORD: the audit trail of every service, for the one who seals or the one who verifies.
trails() {
	for service in $(services); do
		printf '%s=postgresql://%s:%s@/%s?host=%s,' "$service" "$1" "$2" "$(database_of "$service")" "$var/run"
	done
}

seal_settings() {
	cat <<-EOT | put "$var/etc/sealer.env" 0600
		# Made by ./telerx up for telerx-sealer.
		AUDIT_DATABASES=$(trails telerx_sealer "$(secret SEALER_PASSWORD)")
		SEALER_KEY_FILE=$var/keys/seal.pem
		ANCHOR_DIR=$var/anchors
		SEALER_METRICS=$var/run/sealer.metrics
	EOT
	cat <<-EOT | put "$var/etc/audit.env" 0600
		# Made by ./telerx up for telerx-audit.
		AUDIT_DATABASES=$(trails telerx_verifier "$(secret VERIFIER_PASSWORD)")
		SEALER_PUBLIC_KEYS=$var/keys/seal.pub
		ANCHOR_DIR=$var/anchors
		KEYHOLDER_SOCKET=$var/run/keyholder.sock
	EOT
}

# In a tree everything runs as one user, so that user may use the keys of every service.
keyholder_settings() {
	cat <<-EOT
		# Made by ./telerx up for the keyholder.
		KEYHOLDER_SOCKET=$var/run/keyholder.sock
		KEYHOLDER_KEYS=$var/keys
		KEYHOLDER_AUDIT=$var/log/keyholder.audit
		KEYHOLDER_CLIENTS=$user=*
	EOT
}

# The files of every service, and the keyholder's.
environment_make() {
	keyholder_settings | put "$var/etc/keyholder.env" 0600
	seal_settings
	for service in $(services); do
		{
			core_settings "$service"
			own_settings "$service"
		} | put "$var/etc/$service.env" 0600
		echo "DATABASE_OWNER_URL=$(database_url "$service" owner)" | put "$var/etc/$service.owner.env" 0600
	done
}

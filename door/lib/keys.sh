# keys.sh: the keyholder of a tree and its key files. Needs say.sh, place.sh.
# shellcheck shell=sh

# keyholder COMMAND ...: telerx-keyholder as the tree's user, who administers it
keyholder() {
	(cd / && as_user env -i PATH="$PATH" TELERX_CONFIG="$var/etc/keyholder.env" "$(keyholder_program)" "$@")
}

# A key file for each service that has none. From then on it is the keyholder's alone: nothing else writes it.
keys_make() {
	for service in $(services); do
		[ -f "$var/keys/$service.kek" ] || quietly "keys of $service" keyholder new "$service"
	done
	[ -f "$var/keys/intake.jwks" ] || quietly "the intake's envelope keys" keyholder new-intake intake
}

# service_keys SERVICE COMMAND ...: telerx-<service> keys, as the tree's user
service_keys() {
	service_of=$1
	shift
	(cd / && as_user env -i PATH="$PATH" TELERX_CONFIG="$var/etc/$service_of.env" "$(program_of "$service_of")" keys "$@")
}

# Versions of the key-encryption keys that the keyholder has for a service, newest first.
keks_of() {
	keyholder status "$1" | sed -n 's/^kek //p'
}

# A service with two keys is in the middle of a rotation: it goes on with that one.
kek_begin() {
	[ "$(keks_of "$1" | wc -l)" -gt 1 ] || quietly "a new key for $1" keyholder add-kek "$1"
	quietly "the rotation of $1" service_keys "$1" rewrap
}

# Whether all rows are under the newest key and nobody can write under an older one.
kek_done() {
	service_keys "$1" status | grep -q "^rotation kek $(keks_of "$1" | head -n 1) finished"
}

# Waits while the service's worker moves its rows, and destroys what no row names.
kek_finish() {
	tries=0
	until kek_done "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || die "the worker of $1 does not come to the end: ./telerx logs $1-work, ./telerx jobs $1. The rotation goes on when it is asked for again."
		[ $((tries % 50)) != 0 ] || quietly "the rotation of $1" service_keys "$1" rewrap
		sleep 0.2
	done
	for version in $(keks_of "$1" | tail -n +2); do
		quietly "destroying key $version of $1" keyholder drop-kek "$1" "$version"
	done
	step "$1: all rows are under key $(keks_of "$1"), the older ones are destroyed"
}

rotate_kek() {
	for service; do
		kek_begin "$service"
	done
	for service; do
		kek_finish "$service"
	done
}

# Browsers may have the old key for a while; it opens until its time is over, and then it is gone.
rotate_intake() {
	case " $* " in
	*" intake "*) ;;
	*) return 0 ;;
	esac
	quietly "a new envelope key" keyholder add-intake intake
	keyholder status intake | sed -n 's/^intake \([^ ]*\) \(.*\)/intake: envelopes sealed for \1 open until \2/p' | while read -r line; do step "$line"; done
}

# A patient's data keys, in every database. Each service's worker does it, and writes who and why into its audit trail.
erase() {
	for service in $(services); do
		quietly "erasing in $service" service_keys "$service" erase "$1" "$2"
	done
	for service in $(services); do
		tries=0
		until service_keys "$service" status | grep -q '^erasures waiting 0$'; do
			tries=$((tries + 1))
			[ "$tries" -lt 600 ] || die "the worker of $service does not come to it: ./telerx logs $service-work."
			sleep 0.1
		done
	done
	step "no key of the patient $1 is left; processes forget what they remember within two minutes"
}

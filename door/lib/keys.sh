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

# keys_of SERVICE LIST: the versions that the keyholder has for a service, newest first; LIST is kek, index or mac
keys_of() {
	keyholder status "$1" | sed -n "s/^$2 //p"
}

# The job by which the rows follow a list.
job_for() {
	case $1 in
	kek) echo rewrap ;;
	index) echo reindex ;;
	esac
}

# rotation_begin SERVICE LIST: a service with two keys is in the middle of a rotation, and goes on with that one
rotation_begin() {
	[ "$(keys_of "$1" "$2" | wc -l)" -gt 1 ] || quietly "a new $2 key for $1" keyholder "add-$2" "$1"
	quietly "the rotation of $1" service_keys "$1" "$(job_for "$2")"
}

# Whether all rows are under the newest key and nobody can write under an older one.
rotation_done() {
	service_keys "$1" status | grep -q "^rotation $2 $(keys_of "$1" "$2" | head -n 1) finished"
}

# Waits while the service's worker moves its rows, and destroys what no row names.
rotation_finish() {
	tries=0
	until rotation_done "$1" "$2"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || die "the worker of $1 does not come to the end: ./telerx logs $1-work, ./telerx jobs $1. The rotation goes on when it is asked for again."
		[ $((tries % 50)) != 0 ] || quietly "the rotation of $1" service_keys "$1" "$(job_for "$2")"
		sleep 0.2
	done
	for version in $(keys_of "$1" "$2" | tail -n +2); do
		quietly "destroying $2 key $version of $1" keyholder "drop-$2" "$1" "$version"
	done
	step "$1: all rows are under $2 key $(keys_of "$1" "$2"), the older ones are destroyed"
}

# rotate_list LIST SERVICE ...
rotate_list() {
	list=$1
	shift
	for service; do
		rotation_begin "$service" "$list"
	done
	for service; do
		rotation_finish "$service" "$list"
	done
}

rotate_kek() {
	rotate_list kek "$@"
}

rotate_index() {
	rotate_list index "$@"
}

# New rows of the trail are signed with it at once. The older keys stay: what they signed is checked for as long as it is kept.
rotate_audit() {
	for service; do
		quietly "a new mac key for $service" keyholder add-mac "$service"
		step "$service: the audit trail goes on under mac key $(keys_of "$service" mac | head -n 1)"
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

# What auth signs tokens with. Every pool knows the new key before auth's processes are replaced by ones that sign with it.
rotate_tokens() {
	case " $* " in
	*" auth "*) ;;
	*) return 0 ;;
	esac
	token_keys_add
	callers_reload auth
	step "auth: tokens are signed with $(sed -n 's/^[^}]*"kid":"\([^"]*\)".*/\1/p' "$var/keys/tokens.pub"); those of the key before it are good until their day is over"
}

# key_of CALLEE ARGUMENT ...: telerx-<callee> key, as the tree's user; a secret comes on standard input
key_of() {
	callee=$1
	shift
	(cd / && as_user env -i PATH="$PATH" TELERX_CONFIG="$var/etc/$callee.env" "$(program_of "$callee")" key "$@")
}

# A second pair for a caller, which every service knows before the caller uses it. Until it is settled the tree's secrets have it as NEXT_.
service_key_begin() {
	next=$(secret "NEXT_KEY_$2" "${1}_" 8)
	secret "NEXT_SECRET_$2" >/dev/null
	for callee in $(services); do
		secret "NEXT_SECRET_$2" | key_of "$callee" add "$1" "$next" || return 1
	done
}

# The pair of the caller becomes OLD_, the next one its pair.
service_key_switch() {
	sed "s/^KEY_$1=/OLD_KEY_$1=/; /^SECRET_$1=/d; s/^NEXT_KEY_$1=/KEY_$1=/; s/^NEXT_SECRET_$1=/SECRET_$1=/" "$var/secrets" | put "$var/secrets" 0600 private
}

service_key_end() {
	old=$(sed -n "s/^OLD_KEY_$1=//p" "$var/secrets")
	for callee in $(services); do
		said=$(key_of "$callee" revoke "$old" 2>&1) || case $said in
		*unknown_key*) ;; # it was revoked before this was broken off
		*) die "$said" ;;
		esac
	done
	sed "/^OLD_KEY_$1=/d" "$var/secrets" | put "$var/secrets" 0600 private
}

# Their pools replace their processes by ones that read the settings anew, and their workers, which answer nobody, are started again. Nobody of
# before is left when it returns.
callers_reload() {
	leaving=
	for caller; do
		pool=$(awk -v name="$caller" '$1 == name { print $3 }' "$var/run/status")
		[ -n "$pool" ] || continue # who is outside reads its key from dev.env
		worker=$(awk -v name="$caller-work" '$1 == name { print $3 }' "$var/run/status")
		# shellcheck disable=SC2046 # numbers
		leaving="$leaving $(lives $(cat "/proc/$pool/task/$pool/children") "$worker")"
		kill -HUP "$pool"
		kill -TERM "$worker"
	done
	# shellcheck disable=SC2086
	replaced $leaving
	tries=0
	for caller; do
		grep -q "^$caller-work " "$var/run/status" || continue
		until grep -q "^$caller-work running " "$var/run/status"; do
			tries=$((tries + 1))
			[ "$tries" -lt 600 ] || die "the worker of $caller does not start again: ./telerx logs $caller-work."
			sleep 0.1
		done
	done
	await_ready
}

# What services sign their calls with. Known everywhere, then used, then the old one is revoked; only the callers' processes are replaced, so
# that no call fails. Broken off, it goes on when asked again.
rotate_service() {
	wanted_callers=
	for caller in $callers; do
		case " $* " in
		*" $caller "*) wanted_callers="$wanted_callers $caller" ;;
		esac
	done
	for caller in $wanted_callers; do
		grep -q "^OLD_KEY_$(upper "$caller")=" "$var/secrets" || quietly "a new key of $caller at all services" service_key_begin "$caller" "$(upper "$caller")"
	done
	sleep 2 # services read the list again when it is a second old
	for caller in $wanted_callers; do
		grep -q "^OLD_KEY_$(upper "$caller")=" "$var/secrets" || service_key_switch "$(upper "$caller")"
	done
	secrets_make
	environment_make
	# shellcheck disable=SC2086
	callers_reload $wanted_callers
	for caller in $wanted_callers; do
		service_key_end "$(upper "$caller")"
		step "$caller signs its calls with $(secret "KEY_$(upper "$caller")"), its old key is revoked"
	done
}

# A patient's data keys, in every database: fields are sealed anew by each service's worker. The old key goes when no process can have it any
# more, two minutes later at most; that is not waited for.
reseal() {
	for service in $(services); do
		quietly "resealing in $service" service_keys "$service" reseal "$1"
	done
	step "the workers seal the fields of $1 anew; ./telerx keys status tells when the old keys are destroyed"
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

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

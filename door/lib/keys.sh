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

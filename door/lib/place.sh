# place.sh: where a tree's state lives and as whom it runs. Needs say.sh.
# shellcheck shell=sh
#
# place sets   var    the state directory (everything of a running tree is below it)
#              build  the build directory
#              share  sql/, templates/ and nginx/ as the tree's user can read them
#              user   the unprivileged user
#              port   of the public listener
# and nothing else: it creates no file. State normally is TELERX_VAR or var/ in the checkout. Where the user cannot get there, or where
# socket paths would pass the 107 bytes that the kernel takes, it is a directory named after the checkout in a place that works.

as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"
	else
		"$@"
	fi
}

# The longest socket name is run/orchestrator.sock.
place_fits() {
	case $1 in
	*[!A-Za-z0-9._/+-]*) return 1 ;;
	esac
	[ $((${#1} + 22)) -le 107 ]
}

# Whether the user can get to a directory that may not exist yet.
place_reachable() {
	near=$1
	while [ ! -d "$near" ]; do
		near=${near%/*}
		near=${near:-/}
	done
	if [ "$(id -u)" = 0 ]; then
		id "$user" >/dev/null 2>&1 || return 0	# made by `up`, which looks again
		as_user test -x "$near"
	else
		[ -w "$near" ] && [ -x "$near" ]
	fi
}

place() {
	port=${TELERX_PORT:-8443}
	case $port in
	'' | *[!0-9]*) die "TELERX_PORT=$port is no port number." ;;
	esac
	if [ "$(id -u)" = 0 ]; then user=telerx; else user=$(id -un); fi
	wanted=${TELERX_VAR:-$TELERX_TOP/var}
	var=$wanted
	if ! place_fits "$wanted" || ! place_reachable "$wanted"; then
		hash=$(printf %s "$wanted" | cksum)
		hash=${hash%% *}
		if [ "$(id -u)" = 0 ]; then
			var=/var/lib/telerx-$hash
		else
			var=${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/telerx-$hash
			place_fits "$var" && place_reachable "$var" || var=/tmp/telerx-$(id -u)-$hash
		fi
	fi
	build=${TELERX_BUILD:-$var/build}
	share=$TELERX_TOP
	if [ "$(id -u)" = 0 ] && id "$user" >/dev/null 2>&1 && ! as_user test -r "$TELERX_TOP/sql/common"; then
		share=$var/share
	fi
}

# Creates the user (when root asks) and the directories.
place_make() {
	if [ "$(id -u)" = 0 ] && ! id "$user" >/dev/null 2>&1; then
		useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user" ||
			die "the system user $user could not be made."
		place
	fi
	mkdir -p "$var" 2>/dev/null || die "$var cannot be made: TELERX_VAR chooses another place."
	space=$(df -Pk "$var" | awk 'NR == 2 { print $4 }')
	[ "$space" -ge 2097152 ] || die "less than 2 GiB are free under $var."
	for dir in run log etc keys tls nginx tmp anchors files; do
		mkdir -p "$var/$dir"
		chmod 0750 "$var/$dir"
		[ "$(id -u)" != 0 ] || chown "$user:" "$var/$dir"
	done
	mkdir -p "$var/stamps" "$var/faults/passed"
	[ "$(id -u)" != 0 ] || chown "$user:" "$var/faults/passed"
	if [ "$share" != "$TELERX_TOP" ]; then
		rm -rf "$share.new"
		mkdir -p "$share.new/t/flows"
		cp -R "$TELERX_TOP/sql" "$TELERX_TOP/templates" "$TELERX_TOP/nginx" "$share.new/"
		chmod -R a+rX "$share.new"
		rm -rf "$share"
		mv "$share.new" "$share"
	fi
}

# put FILE MODE [private]: standard input becomes the file, if it differs. Files belong to the tree's user unless private.
put() {
	(umask 077 && cat >"$1.new")
	chmod "$2" "$1.new"
	[ "$(id -u)" != 0 ] || [ "${3:-}" = private ] || chown "$user:" "$1.new"
	if cmp -s "$1.new" "$1"; then
		rm -f "$1.new"
	else
		mv -f "$1.new" "$1"
	fi
}

# stamped NAME TEXT: true when the work named was last done for this very text; stamp notes that it is.
stamped() {
	[ -f "$var/stamps/$1" ] && [ "$(cat "$var/stamps/$1")" = "$2" ]
}
stamp() {
	printf '%s\n' "$2" >"$var/stamps/$1"
}

services() {
	awk '!/^#/ && NF { print $1 }' "$TELERX_TOP/door/services"
}
database_of() {
	awk -v name="$1" '!/^#/ && $1 == name { print $3 }' "$TELERX_TOP/door/services"
}
program_of() {
	printf '%s/handlers/%s/telerx-%s' "$build" "$1" "$1"
}
keyholder_program() {
	printf '%s/fcgi/keyholder/telerx-keyholder' "$build"
}
known_service() {
	[ -n "$(database_of "$1")" ] || die "there is no service '$1': $(services | tr '\n' ' ')"
}

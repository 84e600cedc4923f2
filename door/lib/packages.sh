# packages.sh: what the project needs of Debian, found by command and header, not by package name: a machine may have Node from
# elsewhere. Needs say.sh.
# shellcheck shell=sh

have() {
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

have_library() {
	have pkg-config && pkg-config --exists "$1" 2>/dev/null
}

# The server's programs: /usr/lib/postgresql/<version>/bin of the newest version from 15 on.
postgres_programs() {
	for dir in /usr/lib/postgresql/*/bin; do
		version=${dir#/usr/lib/postgresql/}
		version=${version%/bin}
		case $version in
		*[!0-9]*) continue ;;
		esac
		[ "$version" -ge 15 ] && [ -x "$dir/initdb" ] && echo "$version $dir"
	done | sort -n | tail -n 1 | cut -d' ' -f2
}

# Prints the packages that are missing: needs PACKAGE TEST ...
needs() {
	package=$1
	shift
	"$@" || printf '%s ' "$package"
}

have_postgres() {
	[ -n "$(postgres_programs)" ]
}

have_header() {
	[ -f "/usr/include/$1" ] || [ -f "/usr/local/include/$1" ]
}

missing_packages() {
	needs build-essential have gcc
	needs build-essential have make
	needs autoconf have autoreconf
	needs automake have automake
	needs pkg-config have pkg-config
	needs libfcgi-dev have_header fcgiapp.h
	needs libhpdf-dev have_header hpdf.h
	needs libpq-dev have_library libpq
	needs libcurl4-openssl-dev have_library libcurl
	needs libjansson-dev have_library jansson
	needs libssl-dev have_library openssl
	needs libjose-dev have_library jose
	needs libxml2-dev have_library libxml-2.0
	needs libcmocka-dev have_library cmocka
	needs nginx-light have nginx
	needs spawn-fcgi have spawn-fcgi
	needs postgresql-15 have_postgres
	needs postgresql-client-15 have psql
	needs openssl have openssl
	needs curl have curl
	needs util-linux have setpriv
	needs procps have ps
	[ "${1:-}" != check ] || needs nodejs have node
	[ "${1:-}" != check ] || needs chromium have chromium
	[ "${1:-}" != check ] || needs librdkafka-dev have_library rdkafka
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n -- "$@"
	fi
}

# Packages of servers start their server and PostgreSQL's makes a cluster; both would be strangers on this machine.
packages_install() {
	export DEBIAN_FRONTEND=noninteractive
	step "installing: $*"
	quietly "apt-get update" as_root apt-get update -q
	case " $* " in
	*" postgresql-15 "*)
		quietly "installing postgresql-common" as_root apt-get install -q -y --no-install-recommends postgresql-common
		as_root sh -c 'f=/etc/postgresql-common/createcluster.conf
			grep -q "^create_main_cluster" "$f" 2>/dev/null || echo "create_main_cluster = false" >>"$f"'
		;;
	esac
	made_policy=no
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		made_policy=yes
		as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d'
	fi
	out=$(mktemp)
	refused=no
	as_root apt-get install -q -y --no-install-recommends "$@" >"$out" 2>&1 || refused=yes
	[ "$made_policy" = no ] || as_root rm -f /usr/sbin/policy-rc.d
	[ "$refused" = no ] || tail -n 20 "$out" >&2
	rm -f "$out"
	[ "$refused" = no ] || die "apt-get could not install $*."
}

packages() {
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	have apt-get || die "these are missing and there is no apt-get to install them: $missing"
	[ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; } ||
		die "these packages are missing and only root can install them: $missing"
	# shellcheck disable=SC2086 # a list of words
	set -- $(printf '%s\n' $missing | sort -u)
	packages_install "$@"
	missing=$(missing_packages)
	[ -z "$missing" ] || die "still missing after apt-get: $missing"
}

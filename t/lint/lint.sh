# lint.sh: what every check of this folder starts with. A check prints each fault with its file and line and ends with 1 if there was one.
# shellcheck shell=sh
set -u
LC_ALL=C
export LC_ALL
src=${TELERX_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${TELERX_BUILD:-$(pwd)}
cd "$src" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
: >"$work/faults"

# Standard input is faults, a line each.
faults() {
	cat >>"$work/faults"
}

finish() {
	cat "$work/faults"
	[ ! -s "$work/faults" ]
	exit
}

sources() {	# sources FOLDER ...: C files and headers
	find "$@" -name '*.[ch]' | sort
}

# The project's own files of every kind, as text.
own_files() {
	find .ci door fcgi handlers nginx sql systemd t templates -type f ! -name '*.o' ! -path '*/.deps/*' ! -path '*/.dirstamp' ! -path '*/node_modules/*' | sort
	ls telerx README.md HACKING.md Makefile.am configure.ac
}

services() {
	awk '!/^#/ && NF { print $1 }' door/services
}

# telerx SERVICE COMMAND: prints a service's table. Only the names of its settings matter here, so required ones get any value.
telerx() {
	program=$build/handlers/$1/telerx-$1
	if [ ! -x "$program" ]; then
		echo "handlers/$1/local.mk:1: $program is not built" | faults
		return 0
	fi
	# shellcheck disable=SC2046 # a list of words
	env -i $(sed -n 's/^[[:space:]]*{ "\([A-Z][A-Z0-9_]*\)",.*\.required = true.*/\1=1/p' handlers/"$1"/*.c) "$program" "$2" 2>"$work/said" || {
		echo "handlers/$1/$1.c:1: telerx-$1 $2 fails: $(head -n 1 "$work/said")" | faults
	}
}

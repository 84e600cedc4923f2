#!/bin/sh
# Every header compiles alone: what it needs, it includes.
. "${0%/*}/lint.sh"

flags="-std=gnu17 -D_GNU_SOURCE -Ifcgi -Ihandlers -It $(pkg-config --cflags libpq libcurl jansson openssl jose libxml-2.0 cmocka 2>/dev/null)"
find fcgi handlers t -name '*.h' | sort | while read -r header; do
	# shellcheck disable=SC2086 # a list of words
	printf '#include "%s"\n' "$PWD/$header" | ${CC:-cc} $flags -I"${header%/*}" -Wall -Werror -fsyntax-only -x c - 2>"$work/said" ||
		printf '%s:1: does not compile alone: %s\n' "$header" "$(grep -m 1 error "$work/said")"
done | faults
finish

#!/bin/sh
# Failpoints (rule F1): area.place, each name at one place; no program or library of a build without --enable-failpoints holds one. --list
# prints the names. And every proof of t/prove is on the list that ./telerx check runs samples of.
. "${0%/*}/lint.sh"

grep -nosE 'FAIL_POINT(_ERR|_FD|_SAYS)?\("[^"]*"' $(sources fcgi handlers) | sed 's/^\([^:]*:[0-9]*\):[^"]*"\(.*\)"$/\2 \1/' | sort >"$work/points"
if [ "${1:-}" = --list ]; then
	cut -d' ' -f1 "$work/points"
	exit 0
fi
awk '
	$1 !~ /^[a-z0-9_]+\.[a-z0-9_.]+$/ { print $2 ": the failpoint " $1 " is not named area.place" }
	$1 == last { print $2 ": the failpoint " $1 " stands elsewhere, too" }
	{ last = $1 }' "$work/points" | faults

if [ -f "$build/Makefile" ]; then
	wanted=no
	! grep -q '^S\["FAILPOINTS_TRUE"\]=""' "$build/config.status" || wanted=yes
	for file in "$build/fcgi/libtelerx.a" "$build"/handlers/*/telerx-*; do
		[ -f "$file" ] || continue
		case $file in *.o) continue ;; esac
		has=no
		! nm "$file" 2>/dev/null | grep -q ' [Tt] failpoint_err$' || has=yes
		if [ "$wanted" = no ]; then
			cut -d' ' -f1 "$work/points" >"$work/names"
			! strings -n 4 "$file" | grep -qxFf "$work/names" || has=yes
		fi
		[ "$has" = "$wanted" ] || echo "$file:1: failpoints inside: $has, and should be: $wanted" | faults
	done
	for proof in t/prove/*.mjs t/prove/*.sh; do
		[ ! -f "$proof" ] || grep -q "$proof" t/prove/local.mk || echo "$proof:1: is on no prove_tests" | faults
	done
fi
finish

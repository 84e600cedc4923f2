#!/bin/sh
# Every shell script parses, and says by its first line that it is one.
. "${0%/*}/lint.sh"

for script in telerx door/* door/lib/*.sh t/lint/*.sh t/flows/*.sh t/faults/*.sh; do
	[ -f "$script" ] || continue
	case $script in
	*.c | *.h | *.mk | door/services) continue ;;
	esac
	head -n 1 "$script" | grep -qE '^#( |!/bin/sh|!/usr/bin/env bash)' || echo "$script:1: does not start as a script" | faults
	if head -n 1 "$script" | grep -q bash; then shell=bash; else shell=sh; fi
	$shell -n "$script" 2>"$work/said" || echo "$script:1: $(head -n 1 "$work/said")" | faults
done
finish

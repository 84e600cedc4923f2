#!/bin/sh
# Each setting is explained where one looks for it: a service's own in its README.md, the core's in README.md.
. "${0%/*}/lint.sh"

for service in $(services); do
	telerx "$service" config | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' | while read -r key; do
		grep -qsw "$key" "handlers/$service/README.md" README.md ||
			echo "handlers/$service/README.md:1: the setting $key is not explained"
	done
done | faults
finish

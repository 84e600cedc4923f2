#!/bin/sh
# Migrations are named NNN_what.sql and each number is used once per database.
. "${0%/*}/lint.sh"

find sql -mindepth 2 -name '*.sql' ! -path 'sql/cluster/*' | sort | awk '
	{
		folder = $0; sub(/\/[^\/]*$/, "", folder)
		name = substr($0, length(folder) + 2)
		number = substr(name, 1, 3)
		if (name !~ /^[0-9][0-9][0-9]_[a-z0-9_]+\.sql$/)
			print $0 ":1: is not named NNN_what.sql"
		else if (seen[folder, number]++)
			print $0 ":1: the number " number " is used twice"
	}' | faults
for database in $(awk '!/^#/ && NF { print $3 }' door/services); do
	[ -d "sql/$database" ] || echo "door/services:1: sql/$database is missing" | faults
done
finish

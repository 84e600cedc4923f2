#!/bin/sh
# Calls that have no place here, or only in one floor: libpq's in data, libcurl's in net. Comments and strings are left out.
. "${0%/*}/lint.sh"

# banned WHY PATTERN FILE ...: the name of a function before its parenthesis
banned() {
	why=$1
	pattern=$2
	shift 2
	awk -v why="$why" -v pattern="(^|[^A-Za-z0-9_])($pattern)[[:space:]]*[(]" '
		FNR == 1 { comment = 0 }
		{
			text = $0
			gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
			gsub(/\/\*[^*]*\*\//, "", text)
			if (comment && sub(/^.*\*\//, "", text))
				comment = 0
			if (comment)
				next
			if (sub(/\/\*.*/, "", text))
				comment = 1
			sub(/\/\/.*/, "", text)
		}
		text ~ pattern { print FILENAME ":" FNR ": " why ": " $0 }' "$@" | faults
}

all=$(sources door fcgi handlers t)
banned "unbounded or not thread-safe" 'strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|localtime|gmtime|asctime|ctime|strerror_l|tmpnam|mktemp' $all
banned "the stack is no heap" 'alloca|__builtin_alloca' $all
banned "a shell reads its own meaning" 'system|popen|execlp|wordexp' $(sources door fcgi handlers)
below_data=$(sources door fcgi handlers | grep -v '^fcgi/data/')
banned "the database is fcgi/data's" 'PQ[a-zA-Z]+' $below_data
beside_net=$(sources door fcgi handlers | grep -v '^fcgi/net/')
banned "the network is fcgi/net's" 'curl_[a-z_]+' $beside_net
banned "time is base/clock.h's" 'gettimeofday|time' $(sources handlers fcgi/crypto fcgi/data fcgi/net fcgi/web fcgi/work)
finish

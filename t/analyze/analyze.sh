#!/bin/sh
# analyze.sh [FILE ...]: gcc -fanalyzer, clang-tidy (.clang-tidy) and cppcheck (cppcheck.txt) over all C of the project, or over some of it. Prints
# each finding; closes with `N passed, N failed`, a test for each analyser. None is open: a finding is mended, or answered where it stands with its
# reason. ANALYSING is for what an analyser cannot know of another file (base/problem.h).
set -u
src=${TELERX_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$src" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
jobs=$(nproc 2>/dev/null || echo 2)
passed=0
failed=0

if [ $# -gt 0 ]; then
	printf '%s\n' "$@" >"$work/files"
else
	find door fcgi handlers t -name '*.c' ! -path '*/node_modules/*' | sort >"$work/files"
fi
flags="-std=gnu17 -D_GNU_SOURCE -DANALYSING -Ifcgi -Ihandlers -It $(pkg-config --cflags libpq libcurl jansson openssl jose libxml-2.0 cmocka 2>/dev/null)
	-DHARNESS_SOURCE=\"$src\" -DHARNESS_BUILD=\"$src\" -DPACKAGE_VERSION=\"0\""
# As words of a command line that xargs' shells read again.
flags=$(for flag in $flags; do printf "'%s' " "$flag"; done)

# judge NAME: what NAME said stands in $work/said, a finding has a word in brackets at its end
judge() {
	n=$(grep -cE '(warning|error|style|performance|portability): ' "$work/said")
	if [ "$n" = 0 ] && [ "$2" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat "$work/said"
	fi
	echo "$1: $(wc -l <"$work/files") files, $n findings"
}

each() {	# each COMMAND: COMMAND "$1" for every file, as many at a time as there are processors
	status=0
	xargs -P "$jobs" -n 1 sh -c "$1" _ <"$work/files" >"$work/said" 2>"$work/noise" || { status=1; cat "$work/noise" >>"$work/said"; }
}

# -O2: some findings need what inlining shows.
each "${CC:-gcc} -fanalyzer -O2 $flags -c -o /dev/null \"\$1\" 2>&1"
judge "${CC:-gcc} -fanalyzer" "$status"
each "clang-tidy --quiet \"\$1\" -- $flags"
judge clang-tidy "$status"
status=0
# shellcheck disable=SC2046 # a list of files
cppcheck --quiet -j "$jobs" --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --suppressions-list=t/analyze/cppcheck.txt \
	-D_GNU_SOURCE -DANALYSING -D__linux__ -D__x86_64__ --include=t/analyze/cppcheck.h \
	-Ifcgi -Ihandlers -It $(cat "$work/files") 2>"$work/said" || status=1
judge cppcheck "$status"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

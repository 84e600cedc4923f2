#!/bin/sh
# coverage.sh BUILD: how much of the sources the tests that ran in BUILD, a build configured with --enable-coverage, have run: a line a module, which is
# a floor of the core or a service. Branches count each way out of a condition. What a killed process did is not counted, nor what only a whole tree
# runs (the programs' mains, the supervisor).
set -u
build=$(cd "${1:-.}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$build" || exit 2
find fcgi handlers -name '*.gcno' | sort >"$work/units"
[ -s "$work/units" ] || { echo "$build was not built with --enable-coverage" >&2; exit 2; }
[ -n "$(find fcgi handlers -name '*.gcda' | head -n 1)" ] || { echo "no test has run in $build" >&2; exit 2; }
while read -r unit; do
	gcov -b -n "$unit" 2>/dev/null
done <"$work/units" >"$work/said"

# A file that two objects were made of counts once, by the better of the two.
awk '
	/^File / {
		path = $0
		sub(/^File .*(^|[^a-z])fcgi\//, "fcgi/", path) || sub(/^File .*handlers\//, "handlers/", path)
		gsub(/\047/, "", path)
		ours = path ~ /^(fcgi|handlers)\/.*\.c$/
		next
	}
	!ours { next }
	/^Lines executed:/	{ split($2, a, ":"); keep("lines", a[2] + 0, $4) }
	/^Taken at least once:/	{ split($4, a, ":"); keep("ways", a[2] + 0, $6) }
	function keep(what, percent, of,	n) {
		n = int(percent * of / 100 + 0.5)
		total[what, path] = of
		if (n > done[what, path] + 0)
			done[what, path] = n
		seen[path] = 1
	}
	function module(path,	m, part) {
		m = split(path, part, "/")
		return part[1] == "fcgi" && m == 2 ? "fcgi" : part[1] "/" part[2]
	}
	END {
		for (path in seen) {
			m = module(path)
			files[m]++
			l[m] += total["lines", path]; ld[m] += done["lines", path]
			w[m] += total["ways", path]; wd[m] += done["ways", path]
		}
		for (m in files)
			printf "%s %d %d %d %d %d\n", m, files[m], ld[m], l[m], wd[m], w[m]
	}' "$work/said" | sort >"$work/modules"

awk '
	function share(n, of) { return of > 0 ? sprintf("%5.1f %%", 100 * n / of) : "      -" }
	BEGIN { printf "%-24s %5s  %15s  %7s  %15s  %7s\n", "module", "files", "lines", "", "branches", "" }
	{
		printf "%-24s %5d  %7d/%7d  %7s  %7d/%7d  %7s\n", $1, $2, $3, $4, share($3, $4), $5, $6, share($5, $6)
		f += $2; a += $3; b += $4; c += $5; d += $6
	}
	END { printf "%-24s %5d  %7d/%7d  %7s  %7d/%7d  %7s\n", "all", f, a, b, share(a, b), c, d, share(c, d) }' "$work/modules"

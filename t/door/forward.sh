#!/bin/sh
# Logs reach a collector as systemd/rsyslog-telerx.conf promises (P-OPS-08): an rsyslog of its own reads files like a tree's and sends to a collector of
# its own. Needs rsyslogd; run by ./telerx check --long.
. "${0%/*}/claims.sh"
src=${TELERX_SOURCE:-$(cd "${0%/*}/../.." && pwd)}
here=$claims_work
mkdir "$here/log" "$here/spool"
port=$((21000 + $$ % 10000))
sed -e '/# journal$/d; s/^#files //' -e "s|@LOG@|$here/log|g; s|@SPOOL@|$here/spool|g; s|@COLLECTOR@|127.0.0.1|g; s|@COLLECTOR_PORT@|$port|g" \
	-e 's/ResumeInterval="5"/ResumeInterval="1"/' "$src/systemd/rsyslog-telerx.conf" >"$here/rsyslog.conf"
printf 'global(workDirectory="%s")\n' "$here/spool" >>"$here/rsyslog.conf"
touch "$here/got"
collector=
sender=
stop_all() {
	[ -z "$sender" ] || kill "$sender" 2>/dev/null
	[ -z "$collector" ] || kill "$collector" 2>/dev/null
	rm -rf "$claims_work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM
listen() {
	node "$src/t/door/collector.mjs" "$port" "$here/got" &
	collector=$!
}
line() {	# line LEVEL EVENT RID
	printf '{"ts":"2026-01-15T09:30:00.123456Z","level":"%s","service":"intake","pid":4711,"rid":"%s","event":"%s","status":"201"}\n' "$1" "$3" "$2" >>"$here/log/intake.log"
}
came() {	# came WORD: once at least; what was on its way when a connection ended may come twice
	grep -q -- "$1" "$here/got"
}

listen
within 10 grep -q "$(printf ':%04X 00000000:0000 0A' "$port")" /proc/net/tcp
rsyslogd -n -i "$here/pid" -f "$here/rsyslog.conf" >"$here/said" 2>&1 &
sender=$!

the_configuration_is_one() {
	rsyslogd -N1 -f "$here/rsyslog.conf"
}

a_line_s_head_is_made_of_the_line_and_the_line_follows_whole() {
	line INFO request r-1
	within 20 came r-1
	grep -m 1 r-1 "$here/got" >"$here/one"
	read -r head at host app pid event data rest <"$here/one"
	same head '<134>1' "$head"
	same time 2026-01-15T09:30:00.123456Z "$at"
	[ -n "$host" ]
	same service intake "$app"
	same pid 4711 "$pid"
	same event request "$event"
	same 'structured data' - "$data"
	same line "$(tail -n 1 "$here/log/intake.log")" "$rest"
}

severities_are_the_levels() {
	line ERROR die r-error
	line WARN job.retry r-warn
	line DEBUG timer.fired r-debug
	within 20 came r-debug
	holds "$(grep r-error "$here/got")" '<131>1 '
	holds "$(grep r-warn "$here/got")" '<132>1 '
	holds "$(grep r-debug "$here/got")" '<135>1 '
}

what_is_no_line_of_ours_goes_along() {
	echo 'LOG:  checkpoint starting: time' >>"$here/log/postgres.log"
	within 20 came 'checkpoint starting'
	holds "$(grep checkpoint "$here/got")" '<134>1 '
}

claim the_configuration_is_one
claim a_line_s_head_is_made_of_the_line_and_the_line_follows_whole
claim severities_are_the_levels
claim what_is_no_line_of_ours_goes_along

# The collector goes away and comes back; not in a claim, whose shell would keep the new one.
kill "$collector"
wait "$collector" 2>/dev/null
sleep 1
i=0
while [ "$i" -lt 200 ]; do
	i=$((i + 1))
	line INFO request "r-away-$i-"
done
sleep 2
listen
nothing_is_lost_while_the_collector_is_away() {
	within 60 came r-away-200-
	grep -o 'r-away-[0-9]*-' "$here/got" | sort -u | wc -l >"$here/count"
	read -r n <"$here/count"
	[ "$n" = 200 ] || { echo "$n of 200"; exit 1; }
}
claim nothing_is_lost_while_the_collector_is_away
claims_end

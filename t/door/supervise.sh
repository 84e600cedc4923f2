#!/bin/sh
# telerx-supervise alone, with small programs in the place of services.
. "${0%/*}/claims.sh"
supervise=${TELERX_BUILD:-$(pwd)}/fcgi/supervise/telerx-supervise

begin() {	# each argument is a line of the table; DIR is the tree
	dir=$(mktemp -d "$claims_work/tree.XXXX")
	mkdir "$dir/run" "$dir/log"
	printf '%s\n' "$@" | sed "s|DIR|$dir|g" >"$dir/table"
	"$supervise" "$dir/table" "$dir/run" "$dir/log"
	trap 'kill "$(cat "$dir/run/supervise.pid")" 2>/dev/null || true' EXIT
	within 3 test -s "$dir/run/status"
}

pid_of() {
	awk -v name="$1" '$1 == name && $2 == "running" { print $3 }' "$dir/run/status"
}

runs() {
	[ -n "$(pid_of "$1")" ]
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

another() {
	new=$(pid_of "$1")
	[ -n "$new" ] && [ "$new" != "$2" ]
}

reload() {
	kill -HUP "$(cat "$dir/run/supervise.pid")"
}

what_dies_is_started_again() {
	begin 'one 0 TERM 2 restart sleep 1000'
	old=$(pid_of one)
	kill -9 "$old"
	within 1 another one "$old"
	holds "$(cat "$dir/run/status")" " 1 "
	holds "$(cat "$dir/run/status")" "signal:9"
}

what_cannot_run_is_tried_with_growing_pauses() {
	begin 'one 0 TERM 2 restart false'
	sleep 2
	tries=$(awk '{ print $4 }' "$dir/run/status")
	[ "$tries" -ge 3 ] && [ "$tries" -le 6 ]
}

stages_stop_in_reverse_order() {
	cat >"$claims_work/say" <<-'EOT'
		trap 'sleep 0.2; echo "$1" >>"$2/order"; exit 0' TERM
		while :; do sleep 0.05; done
	EOT
	begin "low 0 TERM 5 restart sh $claims_work/say low DIR" "high 2 TERM 5 restart sh $claims_work/say high DIR" \
		"middle 1 TERM 5 restart sh $claims_work/say middle DIR"
	sleep 0.3
	pid=$(cat "$dir/run/supervise.pid")
	kill "$pid"
	within 5 gone "$pid"
	same order "high middle low " "$(tr '\n' ' ' <"$dir/order")"
}

what_does_not_stop_is_killed() {
	echo "trap '' TERM; while :; do sleep 0.05; done" >"$claims_work/deaf"
	begin "deaf 0 TERM 1 restart sh $claims_work/deaf"
	sleep 0.2
	child=$(pid_of deaf)
	pid=$(cat "$dir/run/supervise.pid")
	kill "$pid"
	within 3 gone "$pid"
	gone "$child"
}

children_die_with_a_killed_supervisor() {
	begin 'one 0 TERM 2 restart sleep 1000'
	child=$(pid_of one)
	kill -9 "$(cat "$dir/run/supervise.pid")"
	within 2 gone "$child"
}

there_is_one_supervisor_of_a_tree() {
	begin 'one 0 TERM 2 restart sleep 1000'
	refused "$supervise" "$dir/table" "$dir/run" "$dir/log"
}

a_new_table_starts_stops_and_changes_what_differs() {
	begin 'stays 0 TERM 2 keep sleep 1000' 'goes 0 TERM 2 keep sleep 1001' 'changes 0 TERM 2 keep sleep 1002'
	stays=$(pid_of stays)
	goes=$(pid_of goes)
	changes=$(pid_of changes)
	printf '%s\n' 'stays 0 TERM 2 keep sleep 1000' 'changes 0 TERM 2 keep sleep 1003' 'comes 0 TERM 2 keep sleep 1004' >"$dir/table"
	reload
	within 3 runs comes
	within 3 another changes "$changes"
	within 3 gone "$goes"
	same stays "$stays" "$(pid_of stays)"
}

a_table_that_does_not_parse_changes_nothing() {
	begin 'one 0 TERM 2 restart sleep 1000'
	old=$(pid_of one)
	echo 'one 0 NONSENSE 2 restart sleep 1000' >"$dir/table"
	reload
	within 2 grep -q 'table:1 ' "$dir/log/supervise.log"
	same pid "$old" "$(pid_of one)"
}

hup_reaches_masters_and_restarts_the_others() {
	echo 'trap "echo heard >>$1/heard" HUP; while :; do sleep 0.05; done' >"$claims_work/master"
	begin "master 0 TERM 2 HUP sh $claims_work/master DIR" 'other 1 TERM 2 restart sleep 1000'
	sleep 0.2
	master=$(pid_of master)
	other=$(pid_of other)
	reload
	within 3 test -s "$dir/heard"
	within 3 another other "$other"
	same master "$master" "$(pid_of master)"
}

claim what_dies_is_started_again
claim what_cannot_run_is_tried_with_growing_pauses
claim stages_stop_in_reverse_order
claim what_does_not_stop_is_killed
claim children_die_with_a_killed_supervisor
claim there_is_one_supervisor_of_a_tree
claim a_new_table_starts_stops_and_changes_what_differs
claim a_table_that_does_not_parse_changes_nothing
claim hup_reaches_masters_and_restarts_the_others
claims_end

#!/bin/sh
# What the front door and its supervisor promise: what is killed comes back, what is replaced loses no request, a second up is quick and changes
# nothing, and what is wrong is said in one sentence. Runs against a whole tree (./telerx check).
. "${0%/*}/claims.sh"
status=$TELERX_DATABASE_SOCKET/status

pid_of() {
	awk -v name="$1" '$1 == name && $2 == "running" { print $3 }' "$status"
}

ready() {
	curl -s -f -o /dev/null -m 5 --cacert "$TELERX_CA" "$TELERX_URL/health/$1/ready"
}

# another PROCESS OLD-PID: a successor runs
another() {
	new=$(pid_of "$1")
	[ -n "$new" ] && [ "$new" != "$2" ]
}

killed_comes_back() {	# killed_comes_back PROCESS SECONDS
	old=$(pid_of "$1")
	kill -9 "$old"
	within "$2" another "$1" "$old"
}

a_killed_pool_master_is_back_within_a_second() {
	killed_comes_back registry 1
	within 3 ready registry
}

a_killed_worker_is_back_within_a_second() {
	killed_comes_back notify-work 1
}

a_killed_nginx_is_back() {
	killed_comes_back nginx 2
	within 5 ready portal
}

a_killed_postgres_is_back_and_services_find_it() {
	killed_comes_back postgres 3
	within 20 ready registry
	within 20 ready intake
}

a_second_up_is_quick_and_restarts_nothing() {
	cut -d' ' -f1,3 "$status" >"$claims_work/before"
	began=$(date +%s)
	"$TELERX_TOP/telerx" up --no-journey
	[ $(($(date +%s) - began)) -lt 20 ]
	cut -d' ' -f1,3 "$status" | diff "$claims_work/before" -
}

replacing_everything_loses_no_request() {
	: >"$claims_work/codes"
	(while [ ! -f "$claims_work/enough" ]; do
		curl -s -o /dev/null -m 10 --cacert "$TELERX_CA" -w '%{http_code}\n' "$TELERX_URL/health/registry/ready" >>"$claims_work/codes" || echo lost >>"$claims_work/codes"
	done) &
	asking=$!
	old=$(pid_of notify-work)
	touch "$TELERX_BUILD/handlers/registry/telerx-registry"
	"$TELERX_TOP/telerx" up --no-journey
	touch "$claims_work/enough"
	wait "$asking"
	another notify-work "$old"
	same answers "" "$(grep -v '^200$' "$claims_work/codes" || true)"
}

a_taken_port_is_said_in_one_sentence() {
	refused env TELERX_VAR="$claims_work/second" TELERX_PORT="${TELERX_URL##*:}" "$TELERX_TOP/telerx" up --no-journey
	answer=$(TELERX_VAR=$claims_work/second TELERX_PORT=${TELERX_URL##*:} "$TELERX_TOP/telerx" up --no-journey 2>&1 || true)
	holds "$answer" "port ${TELERX_URL##*:} is taken"
}

a_path_too_long_for_sockets_moves_the_state() {
	long=$claims_work/a-directory-whose-name-is-so-long/that-no-unix-socket-in-it/can-be-named-in-107-bytes
	answer=$(TELERX_VAR=$long "$TELERX_TOP/telerx" status || true)
	lacks "$answer" "$claims_work"
	holds "$answer" "telerx-"
}

an_unknown_command_and_service_are_named() {
	holds "$("$TELERX_TOP/telerx" nonsense 2>&1 || true)" "no command 'nonsense'"
	holds "$("$TELERX_TOP/telerx" psql nonsense 2>&1 || true)" "no service 'nonsense'"
}

claim a_killed_pool_master_is_back_within_a_second
claim a_killed_worker_is_back_within_a_second
claim a_killed_nginx_is_back
claim a_killed_postgres_is_back_and_services_find_it
claim a_second_up_is_quick_and_restarts_nothing
claim replacing_everything_loses_no_request
claim a_taken_port_is_said_in_one_sentence
claim a_path_too_long_for_sockets_moves_the_state
claim an_unknown_command_and_service_are_named
claims_end

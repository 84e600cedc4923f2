#!/bin/sh
# What a tree logs can be changed while it runs (P-OPS-08), and one question finds all lines of a request (A-ARCH-03). Runs against a whole tree.
. "${0%/*}/claims.sh"
status=$TELERX_DATABASE_SOCKET/status

request() {	# request ID SERVICE
	curl -s -f -o /dev/null -m 5 --cacert "$TELERX_CA" -H "X-Request-Id: $1" "$TELERX_URL/health/$2/live"
}

logged() {
	grep -q "$1" "$TELERX_LOGS/$2.log"
}

a_level_is_changed_without_a_restart() {
	before=$(cut -d' ' -f1,3 "$status")
	holds "$("$TELERX_TOP/telerx" log-level registry)" 'as configured'
	request 11110000000000000000000000000001 registry
	within 3 logged 11110000000000000000000000000001 registry
	same level ERROR "$("$TELERX_TOP/telerx" log-level registry error)"
	sleep 2
	request 11110000000000000000000000000002 registry
	request 11110000000000000000000000000003 intake
	within 3 logged 11110000000000000000000000000003 intake
	sleep 1
	refused logged 11110000000000000000000000000002 registry
	holds "$("$TELERX_TOP/telerx" log-level registry default)" 'as configured'
	sleep 2
	request 11110000000000000000000000000004 registry
	within 3 logged 11110000000000000000000000000004 registry
	logged '"log.level","from":"ERROR","to":"INFO"' registry
	same processes "$before" "$(cut -d' ' -f1,3 "$status")"
}

debug_shows_whom_a_worker_calls() {
	"$TELERX_TOP/telerx" log-level intake debug
	"$TELERX_TOP/telerx" journey a-gmp >/dev/null
	"$TELERX_TOP/telerx" log-level intake default
	logged '"event":"http.call","method":"POST","host":"telerx.internal"' intake-work
	logged '"event":"job.begin"' intake-work
}

what_is_no_level_is_refused() {
	refused "$TELERX_TOP/telerx" log-level registry loud
	refused "$TELERX_TOP/telerx" log-level nobody debug
}

all_lines_of_a_request_are_found_by_one_question() {
	request 11110000000000000000000000000005 portal
	within 5 logged 11110000000000000000000000000005 nginx-access
	found=$("$TELERX_TOP/telerx" logs --request 11110000000000000000000000000005)
	holds "$found" '"service":"portal"'
	holds "$found" '"listener":"telerx.public"'
}

claim a_level_is_changed_without_a_restart
claim debug_shows_whom_a_worker_calls
claim what_is_no_level_is_refused
claim all_lines_of_a_request_are_found_by_one_question
claims_end

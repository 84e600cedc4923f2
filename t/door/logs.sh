#!/bin/sh
# What a tree logs can be changed while it runs (P-OPS-08), and one question finds all lines of a request (A-ARCH-03). Runs against a whole tree.
. "${0%/*}/claims.sh"
status=$TELERX_DATABASE_SOCKET/status

request() {	# request PATH: prints the id that nginx gave it
	curl -s -f -o /dev/null -m 5 --cacert "$TELERX_CA" -D - "$TELERX_URL$1" | tr -d '\r' | sed -n 's/^[Xx]-[Rr]equest-[Ii]d: //p'
}

logged() {
	grep -q "$1" "$TELERX_LOGS/$2.log"
}

a_level_is_changed_without_a_restart() {
	before=$(cut -d' ' -f1,3 "$status")
	holds "$("$TELERX_TOP/telerx" log-level intake)" 'as configured'
	within 3 logged "$(request /intake/plans)" intake
	same level ERROR "$("$TELERX_TOP/telerx" log-level intake error)"
	sleep 2
	silent=$(request /intake/plans)
	within 3 logged "$(request /)" portal
	refused logged "$silent" intake
	holds "$("$TELERX_TOP/telerx" log-level intake default)" 'as configured'
	sleep 2
	within 3 logged "$(request /intake/plans)" intake
	logged '"event":"log.level","from":"ERROR","to":"INFO"' intake
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
	id=$(request /intake/plans)
	within 5 logged "$id" nginx-access
	found=$("$TELERX_TOP/telerx" logs --request "$id")
	holds "$found" '"service":"intake"'
	holds "$found" '"listener":"telerx.public"'
}

claim a_level_is_changed_without_a_restart
claim debug_shows_whom_a_worker_calls
claim what_is_no_level_is_refused
claim all_lines_of_a_request_are_found_by_one_question
claims_end

#!/bin/sh
# nginx before everything: what it refuses, in which shape, and what it writes down. Runs against a whole tree (./telerx check).
. "${0%/*}/claims.sh"
log=$TELERX_DATABASE_SOCKET/../log/nginx-access.log
errors=$TELERX_DATABASE_SOCKET/../log/nginx-error.log
plain=http${TELERX_URL#https}

ask() {
	curl -s --cacert "$TELERX_CA" -m 10 "$@"
}

inside() {
	curl -s --unix-socket "$TELERX_INTERNAL_SOCKET" -m 10 "$@"
}

a_body_above_256k_is_413_in_our_shape() {
	head -c 300000 /dev/zero >"$claims_work/big"
	answer=$(ask -i -X POST --data-binary "@$claims_work/big" "$TELERX_URL/intake/submit")
	holds "$answer" " 413"
	holds "$answer" "content-type: application/problem+json"
	holds "$answer" '"code":"body_too_large"'
}

plain_http_is_refused() {
	holds "$(curl -s -i -m 10 "$plain/")" "400 Bad Request"
}

tls_below_1_3_is_refused() {
	refused ask --tls-max 1.2 -o /dev/null "$TELERX_URL/docs"
}

answers_tell_browsers_to_stay_with_tls() {
	holds "$(ask -I "$TELERX_URL/docs")" "strict-transport-security: max-age=31536000"
}

a_request_id_from_outside_is_not_taken() {
	answer=$(ask -i -H 'X-Request-Id: from-outside-1' "$TELERX_URL/health/portal/live")
	holds "$answer" "x-request-id: "
	lacks "$answer" from-outside-1
}

a_request_id_from_inside_goes_on() {
	holds "$(inside -i -H 'X-Request-Id: from-inside-1' http://telerx.internal/health/portal/live)" "X-Request-Id: from-inside-1"
}

an_answer_has_one_request_id() {
	same headers 1 "$(ask -i "$TELERX_URL/health/portal/live" | grep -ci '^x-request-id:')"
}

metrics_are_not_for_the_outside() {
	same outside 404 "$(ask -o /dev/null -w '%{http_code}' "$TELERX_URL/metrics/portal")"
	same bare 404 "$(ask -o /dev/null -w '%{http_code}' "$TELERX_URL/metrics")"
	holds "$(inside http://telerx.internal/metrics/portal)" "telerx"
}

one_address_asking_too_often_gets_429_and_others_do_not() {
	seq 300 | xargs -P 2 -n 50 sh -c 'for i; do echo "url = $TELERX_URL/intake/plans"; echo "output = /dev/null"; done | curl -s --cacert "$TELERX_CA" \
		--interface 127.77.0.1 -w "%{http_code} %header{retry-after} %{content_type}\n" -K -' sh >"$claims_work/codes" || true
	grep -q '^429 1 application/problem+json' "$claims_work/codes"
	same other 200 "$(ask --interface 127.77.0.2 -o /dev/null -w '%{http_code}' "$TELERX_URL/intake/plans")"
}

an_unknown_path_reaches_the_default() {
	holds "$(ask "$TELERX_URL/no/such/path")" '"code":"not_found"'
}

vendors_reach_their_owner_at_the_addresses_they_were_given() {
	for path in /shipping/webhooks/boothwyn /api/webhooks/stripe /api/v1/webhooks/stripe; do
		code=$(ask -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' -d '{}' "$TELERX_URL$path")
		[ "$code" = 400 ] || [ "$code" = 401 ]
	done
	within 3 grep -q '"uri":"/shipping/webhooks/boothwyn".*router.sock' "$log"
	within 3 grep -q '"uri":"/api/webhooks/stripe".*billing.sock' "$log"
	within 3 grep -q '"uri":"/api/v1/webhooks/stripe".*billing.sock' "$log"
}

no_log_of_nginx_holds_a_query() {
	ask -o /dev/null "$TELERX_URL/intake/plans?intakeType=glp1&secret=0451-never-logged"
	ask -o /dev/null "$TELERX_URL/docs?secret=0451-never-logged"
	within 3 grep -q '"uri":"/docs"' "$log"
	refused grep -q 0451-never-logged "$log" "$errors"
}

the_reference_is_served() {
	holds "$(ask "$TELERX_URL/docs")" "Every endpoint"
	holds "$(ask "$TELERX_URL/docs/openapi.json")" '"/route/claim"'
}

sockets_are_for_the_group_only() {
	for socket in "$TELERX_DATABASE_SOCKET"/*.sock; do
		case $socket in
		*/internal.sock) ;;	# nginx makes it; the directory keeps others out
		*) same "$socket" 660 "$(stat -c %a "$socket")" ;;
		esac
	done
	same directory 750 "$(stat -c %a "$TELERX_DATABASE_SOCKET")"
	same dev.env 600 "$(stat -c %a "$TELERX_DATABASE_SOCKET/../dev.env")"
}

claim a_body_above_256k_is_413_in_our_shape
claim plain_http_is_refused
claim tls_below_1_3_is_refused
claim answers_tell_browsers_to_stay_with_tls
claim a_request_id_from_outside_is_not_taken
claim a_request_id_from_inside_goes_on
claim an_answer_has_one_request_id
claim metrics_are_not_for_the_outside
claim one_address_asking_too_often_gets_429_and_others_do_not
claim an_unknown_path_reaches_the_default
claim vendors_reach_their_owner_at_the_addresses_they_were_given
claim no_log_of_nginx_holds_a_query
claim the_reference_is_served
claim sockets_are_for_the_group_only
claims_end

#!/bin/sh
# The five sample patients in a tree of EVENTS=kafka: every event went to the broker and came back, and none went from service to service.
. "$TELERX_TOP/t/door/claims.sh"

ask() {	# ask DATABASE SQL
	psql -X -q -At -v ON_ERROR_STOP=1 -d "$(echo "$TELERX_INSPECT_URL" | sed "s|/postgres?|/$1?|")" -c "$2"
}

databases() {
	awk '/^[a-z]/ { print $3 }' "$TELERX_TOP/door/services"
}

journeys_end_right_through_kafka() {
	"$TELERX_TOP/telerx" journey --quiet
}

every_event_went_through_the_broker_and_none_past_it() {
	sent=0
	for database in $(databases); do
		same "deliveries of $database past the broker" 0 "$(ask "$database" "SELECT count(*) FROM outbox_delivery WHERE subscriber <> '@kafka'")"
		same "events of $database that wait" 0 "$(ask "$database" "SELECT count(*) FROM outbox_delivery WHERE state <> 'sent' AND created_at < now() - interval '5 s'")"
		same "events that $database parked" 0 "$(ask "$database" "SELECT count(*) FROM event_parked")"
		sent=$((sent + $(ask "$database" "SELECT count(*) FROM outbox_delivery")))
	done
	[ "$sent" -gt 50 ]
}

published() {
	sum=0
	for database in $(databases); do
		sum=$((sum + $(ask "$database" "SELECT count(*) FROM outbox")))
	done
	echo "$sum"
}

portal_has_all() {
	[ "$(ask portal "SELECT count(*) FROM inbox")" -ge "$(published)" ]
}

# The portal listens to every topic, by a pattern.
every_event_is_taken_once_by_who_listens_to_all() {
	within 60 portal_has_all
	same "messages that the portal took" "$(published)" "$(ask portal "SELECT count(*) FROM inbox")"
}

claim journeys_end_right_through_kafka
claim every_event_went_through_the_broker_and_none_past_it
claim every_event_is_taken_once_by_who_listens_to_all
claims_end

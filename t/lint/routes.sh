#!/bin/sh
# Each route of each service reaches that service through nginx/routes.conf, and each exact row of it reaches a service that has a route there
# (or is an alias on the list below). Matching is nginx's: an exact row first, then the first pattern, then the longest prefix.
. "${0%/*}/lint.sh"

awk '$1 == "location" && /fastcgi_pass/ {
	kind = $2 == "=" ? "exact" : $2 == "~" ? "pattern" : "prefix"
	path = kind == "prefix" ? $2 : $3
	pool = $0
	sub(/.*fastcgi_pass[[:space:]]+/, "", pool)
	sub(/;.*/, "", pool)
	print kind, path, pool, FNR
}' nginx/routes.conf >"$work/rows"

for service in $(services); do
	telerx "$service" routes | awk -v service="$service" '{ print service, $1, $2 }'
done >"$work/routes"
[ -s "$work/routes" ] || echo "nginx/routes.conf:1: no service printed a route" | faults

awk '
	NR == FNR {
		kind[NR] = $1; path[NR] = $2; pool[NR] = $3; rows = NR
		next
	}
	{
		asked = $3
		# What every service answers on its own socket.
		if (asked == "/health/live" || asked == "/health/ready" || asked == "/metrics")
			next
		gsub(/:[A-Za-z]+/, "x", asked)
		sub(/\*$/, "x", asked)
		found = ""; longest = 0
		for (i = 1; i <= rows; i++) {
			if (kind[i] == "exact" && path[i] == asked) {
				found = pool[i]
				break
			}
			if (kind[i] == "pattern" && longest < 9999 && asked ~ path[i]) {
				longest = 9999; found = pool[i]
			}
			if (kind[i] == "prefix" && index(asked, path[i]) == 1 && length(path[i]) > longest) {
				longest = length(path[i]); found = pool[i]
			}
		}
		if (found != $1)
			print "handlers/" $1 "/" $1 ".c:1: " $2 " " $3 " reaches " found " by nginx/routes.conf"
	}' "$work/rows" "$work/routes" | faults

# The sample URLs of the routing table's contract (Y-ALB): path and service.
while read -r url service; do
	awk -v asked="$url" -v service="$service" '
		$1 == "exact" && $2 == asked { found = $3; longest = 99999 }
		$1 == "pattern" && longest < 9999 && asked ~ $2 { found = $3; longest = 9999 }
		$1 == "prefix" && index(asked, $2) == 1 && length($2) > longest { found = $3; longest = length($2) }
		END { if (found != service) print "nginx/routes.conf:1: " asked " reaches " found ", not " service }' "$work/rows" | faults
done <<'EOT'
/rx/route router
/rx/webhooks/boothwyn router
/shipping/webhooks/boothwyn router
/api/v1/pharmacies router
/api/v1/pharmacies/1/capacity router
/api/v1/prescriptions/1/select-pharmacy router
/api/v1/prescriptions/1/recommendations/explain router
/physicians registry
/physicians/1 registry
/route registry
/route/claim registry
/orchestrator/approve orchestrator
/notify/send notify
/shipping/shipments shipping
/api/v1/shipments shipping
/api/v1/shipments/1/label shipping
/intake intake
/intake/submit intake
/cases case
/cases/1 case
/cases/assign-provider registry
/providers/1 registry
/eligibility/check eligibility
/vouchers voucher
/vouchers/1/invalidate voucher
/api/work-items case
/api/work-items/1/take case
/billing/payments/1 billing
/prescriptions/1 prescription
/api/v1/prescriptions prescription
/api/v1/prescriptions/intake prescription
/api/webhooks/stripe billing
/api/v1/webhooks/stripe billing
/api/task-action integration
/api/v1/prescriptions/1/re-adjudicate adjudication
/api/v1/anything integration
/ portal
/console/timeline portal
/sandbox/stripe/v1/customers sandbox
/health/router/live router
/anything/else integration
EOT
finish

#!/bin/sh
# Lists that must agree: folders in handlers/, door/services, and the rows of nginx's pools, health and metrics.
. "${0%/*}/lint.sh"

for folder in handlers/*/; do
	service=${folder#handlers/}
	service=${service%/}
	grep -q "^$service " door/services || echo "door/services:1: $service is missing" | faults
	grep -q "^include handlers/$service/local.mk$" Makefile.am || echo "Makefile.am:1: handlers/$service/local.mk is not included" | faults
	[ -s "handlers/$service/README.md" ] || echo "handlers/$service/README.md:1: is missing" | faults
done
services | while read -r service; do
	grep -q "^upstream $service .*unix:@RUN@/$service.sock " nginx/pools.conf || echo "nginx/pools.conf:1: $service is missing"
	grep -q "^location /health/$service/ .*fastcgi_pass $service;" nginx/routes.conf || echo "nginx/routes.conf:1: /health/$service/ is missing"
	grep -q "^location = /metrics/$service .*fastcgi_pass $service;" nginx/metrics.conf || echo "nginx/metrics.conf:1: /metrics/$service is missing"
	[ -d "handlers/$service" ] || echo "door/services:1: handlers/$service is missing"
done | faults
finish

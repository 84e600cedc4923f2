# The front door, its supervisor and nginx.
unit_tests += t/door/supervise.sh
flow_tests += t/door/edge.sh t/door/logs.sh
fault_tests += t/door/restart.sh
# forward.sh wants rsyslog and is run by check --long alone.
# Builds a copy of the tree, so it stands with what needs no running one.
contract_tests += t/door/new_service.sh
EXTRA_DIST += t/door/forward.sh t/door/collector.mjs t/door/logs.sh t/door/claims.sh t/door/supervise.sh t/door/edge.sh t/door/restart.sh t/door/new_service.sh

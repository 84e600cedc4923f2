# The tests mirror the tree. unit_tests need nothing; service_tests, contract_tests and flow programs are started by ./telerx check.
include t/fcgi/local.mk
include t/door/local.mk
include t/lint/local.mk
include t/harness/local.mk
include t/ncpdp/local.mk
include t/fcgi/keyholder/local.mk
include t/fcgi/data/local.mk
include t/fcgi/net/local.mk
include t/fcgi/work/local.mk
include t/fcgi/web/local.mk
include t/flows/local.mk
include t/contract/local.mk
include t/faults/local.mk
include t/faults/proxy/local.mk
include t/prove/local.mk
include t/bench/local.mk
include t/analyze/local.mk

# ./telerx prove NAME: what must hold while something fails on purpose, in a tree built with failpoints. ./telerx check runs a sample of each.
# A proof is a script that closes with `N passed, N failed`; frame/prove.mjs is what they share.
prove_tests += t/prove/failpoints.mjs
prove_tests += t/prove/commit-loss.mjs
prove_tests += t/prove/idempotency.mjs
prove_tests += t/prove/db-crash.mjs
prove_tests += t/prove/audit-tamper.mjs
EXTRA_DIST += $(prove_tests) t/prove/frame

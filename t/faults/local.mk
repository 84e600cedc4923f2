# What must still end right when processes die; run against a whole tree by ./telerx check.
fault_tests += t/faults/restart.test.mjs t/faults/kill.test.mjs
EXTRA_DIST += t/faults/restart.test.mjs t/faults/kill.test.mjs

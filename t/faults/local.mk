# What must still end right when processes die; run against a whole tree by ./telerx check.
fault_tests += t/faults/kill.test.mjs
EXTRA_DIST += t/faults/kill.test.mjs

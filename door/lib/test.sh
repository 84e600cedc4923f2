# test.sh: runs test programs and counts single tests. Needs say.sh.
#
# A program's tests are counted from what it prints: cmocka's summary, node's or TAP's `# pass N`, or a line `N passed, N failed`; one that
# prints none of these is one test. A program that ends badly without a failed test (a crash, a leak report) is a failed one.
# shellcheck shell=sh
passed=0
failed=0

count_tests() {
	awk '
		/^\[  PASSED  \] [0-9]+ test/		{ p += $4; seen = 1 }
		/^\[  FAILED  \] [0-9]+ test/		{ f += $4; seen = 1 }
		/^# pass [0-9]+/			{ p += $3; seen = 1 }
		/^# fail [0-9]+/			{ f += $3; seen = 1 }
		/^[0-9]+ passed, [0-9]+ failed$/	{ p += $1; f += $3; seen = 1 }
		END { print p + 0, f + 0, seen + 0 }' "$1"
}

# run_test NAME COMMAND ...
run_test() {
	name=$1
	shift
	out=$work/output
	status=0
	case $(command -v "$1") in
	/*) timeout -k 10 "${TELERX_TEST_TIMEOUT:-900}" "$@" >"$out" 2>&1 </dev/null || status=$? ;;
	*) "$@" >"$out" 2>&1 </dev/null || status=$? ;;
	esac
	counts=$(count_tests "$out")
	p=${counts%% *}
	f=${counts#* }
	f=${f%% *}
	if [ "$status" != 0 ] && [ "$f" = 0 ]; then
		f=1
	elif [ "$status" = 0 ] && [ "$p" = 0 ] && [ "${counts##* }" = 0 ]; then
		p=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	if [ "$f" != 0 ]; then
		cat "$out"
		step "FAILED $name: $p passed, $f failed (exit status $status)"
	else
		step "ok     $name: $p"
	fi
}

# A test of a list is a program of the build or a script of the sources.
test_program() {
	if [ -x "${2:-$build}/$1" ]; then
		printf %s "${2:-$build}/$1"
	else
		printf %s "$TELERX_TOP/$1"
	fi
}

# tests_of KIND: names from the build's lists
tests_of() {
	make -s -C "$build" print-tests | sed -n "s/^$1 //p"
}

# run_tests KIND [BUILD DIRECTORY]
run_tests() {
	for test in $(tests_of "$1"); do
		program=$(test_program "$test" "${2:-}")
		case $test in
		*.js | *.mjs) run_test "$test" node --test-reporter=tap "$program" ;;
		*) run_test "$test" "$program" ;;
		esac
	done
}

free_port() {
	candidate=$((20000 + $$ % 10000))
	while port_taken "$candidate"; do
		candidate=$((candidate + 1))
	done
	echo "$candidate"
}

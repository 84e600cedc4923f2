# long.sh: what `check --long` does beyond `check`. Needs test.sh, tree.sh and what door/check defines: $work, $build, test_cluster, whole_tree, tree_end.
# shellcheck shell=sh

long_packages() {
	missing=$(needs valgrind have valgrind; needs clang-tidy have clang-tidy; needs cppcheck have cppcheck; needs rsyslog have rsyslogd)
	# shellcheck disable=SC2086 # a list of words
	[ -z "$missing" ] || packages_install $missing
}

# Everything once more by programs with AddressSanitizer and UndefinedBehaviorSanitizer: units, services, then a whole tree with its journeys and
# faults. A program ends at its first report, and the report stands in a file, so that none goes by because something else went on.
sanitized() {
	step "building with sanitizers"
	usual=$build
	build=$work/sanitize
	TELERX_BUILD=$build
	configure_with=--enable-sanitize
	build_all all
	build_all check TESTS=
	mkdir "$work/reports"
	chmod 1777 "$work/reports"
	ASAN_OPTIONS=log_path=$work/reports/asan
	UBSAN_OPTIONS=log_path=$work/reports/ubsan:print_stacktrace=1
	export ASAN_OPTIONS UBSAN_OPTIONS
	run_tests unit
	run_tests service
	contract_tools
	# Sanitized programs take longer to be back.
	TELERX_KILL_MS=4000
	export TELERX_KILL_MS
	whole_tree
	tree_end
	unset ASAN_OPTIONS UBSAN_OPTIONS TELERX_KILL_MS
	run_test "sanitizers' reports" no_reports
	build=$usual
	TELERX_BUILD=$build
	configure_with=
}

# The journeys once more with all events going through Kafka: a build that can, and librdkafka's mock cluster for a broker.
through_kafka() {
	step "building with Kafka"
	usual=$build
	build=$work/kafka
	TELERX_BUILD=$build
	configure_with=--with-kafka
	build_all all t/flows/kafka/telerx-broker
	"$build/t/flows/kafka/telerx-broker" >"$work/broker" &
	broker=$!
	tries=0
	until grep -qs '^ready ' "$work/broker"; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || die "the broker of the tests does not start."
		sleep 0.1
	done
	TELERX_KAFKA=$(sed -n 's/^ready //p' "$work/broker")
	export TELERX_KAFKA
	! tree_start || run_test t/flows/kafka/journeys.sh "$TELERX_TOP/t/flows/kafka/journeys.sh"
	tree_end
	kill "$broker"
	unset TELERX_KAFKA
	build=$usual
	TELERX_BUILD=$build
	configure_with=
}

no_reports() {
	! cat "$work"/reports/* 2>/dev/null
}

# Units and services in a build that counts, then the table of what they ran in $work/coverage.
coverage() {
	step "building with counters"
	usual=$build
	build=$work/counted
	TELERX_BUILD=$build
	configure_with=--enable-coverage
	build_all all
	build_all check TESTS=
	run_tests unit
	run_tests service
	run_test coverage make -s -C "$build" coverage
	cp "$work/output" "$work/coverage"
	build=$usual
	TELERX_BUILD=$build
	configure_with=
}

long_checks() {
	run_test analyze make -s -C "$build" analyze
	run_test t/door/forward.sh "$TELERX_TOP/t/door/forward.sh"
	run_test check-valgrind make -s -C "$build" check-valgrind
	run_test distcheck make -s -C "$build" distcheck
	coverage
	sed 's/^/  /' "$work/coverage"
	through_kafka
	sanitized
}

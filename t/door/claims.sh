# claims.sh: tests as shell functions whose names are claims: `claim FUNCTION` runs one in a shell of its own, `claims_end` prints the count.
# shellcheck shell=sh
claims_passed=0
claims_failed=0
claims_work=$(mktemp -d)
trap 'rm -rf "$claims_work"' EXIT

claim() {
	# Not as a condition: in one, the shell would not stop at the first command that fails.
	(set -eu; "$1") >"$claims_work/out" 2>&1
	claim_status=$?
	if [ "$claim_status" = 0 ]; then
		claims_passed=$((claims_passed + 1))
	else
		claims_failed=$((claims_failed + 1))
		echo "FAILED: $1"
		cat "$claims_work/out"
	fi
}

claims_end() {
	echo "$claims_passed passed, $claims_failed failed"
	[ "$claims_failed" = 0 ]
	exit
}

# same WHAT WANTED GOT
same() {
	[ "$2" = "$3" ] || { echo "$1: wanted '$2', got '$3'"; exit 1; }
}

# holds TEXT WORD
holds() {
	case $1 in
	*"$2"*) ;;
	*) echo "'$2' is not in: $1"; exit 1 ;;
	esac
}

lacks() {
	case $1 in
	*"$2"*) echo "'$2' is in: $1"; exit 1 ;;
	esac
}

# refused COMMAND ...: must fail (the shell's own ! stops nothing)
refused() {
	if "$@"; then
		echo "should have failed: $*"
		exit 1
	fi
}

# within SECONDS COMMAND ...: until it succeeds
within() {
	end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -le "$end" ] || { echo "not in time: $*"; exit 1; }
		sleep 0.05
	done
}

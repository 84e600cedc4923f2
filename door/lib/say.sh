# say.sh: how the front door talks. A step is one line: with the time since the start on a terminal, plain otherwise.
# shellcheck shell=sh
telerx_began=$(date +%s)

step() {
	if [ -t 1 ]; then
		printf '%4ds  %s\n' "$(($(date +%s) - telerx_began))" "$*"
	else
		printf '%s\n' "$*"
	fi
}

# One sentence on what is wrong, and the end.
die() {
	printf 'telerx: %s\n' "$*" >&2
	exit 1
}

# Runs a command whose output nobody wants unless it fails: quietly WHAT COMMAND ... ; the output also goes to the log of `up`.
quietly() {
	what=$1
	shift
	out=$(mktemp)
	if "$@" >"$out" 2>&1; then
		[ -n "${TELERX_LOG:-}" ] && cat "$out" >>"$TELERX_LOG"
		rm -f "$out"
		return 0
	fi
	tail -n 40 "$out" >&2
	[ -n "${TELERX_LOG:-}" ] && cat "$out" >>"$TELERX_LOG"
	rm -f "$out"
	die "$what failed; its last lines stand above."
}

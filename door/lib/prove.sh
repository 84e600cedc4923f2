# prove.sh: a build with failpoints beside the usual one, a tree of it, and proofs that run in that tree. Needs say.sh, place.sh, build.sh,
# tree.sh; the caller has $work, a directory of its own that it removes at the end.
# shellcheck shell=sh

prove_build() {
	build=$build-prove
	TELERX_BUILD=$build
	export TELERX_BUILD
	mkdir -p "$build"
	if [ -f "$build/Makefile" ] && ! failpoints_built; then
		die "$build is a build without failpoints: TELERX_BUILD chooses another place."
	fi
	configure_with=--enable-failpoints
	build_all all $(prove_programs)
}

# What the proofs need besides the services' programs.
prove_programs() {
	sed -n 's/^prove_programs *+= *//p' "$TELERX_TOP"/t/*/local.mk "$TELERX_TOP"/t/*/*/local.mk
}

# Starts the tree and gives the proofs their environment. 1: it does not come up, and $work/up says why.
prove_tree() {
	TELERX_VAR=$work/prove
	TELERX_PORT=$(free_port)
	export TELERX_VAR TELERX_PORT
	prove_up=yes
	"$TELERX_TOP/door/up" --no-journey >"$work/up" 2>&1 || return 1
	place
	set -a
	. "$var/dev.env"
	TELERX_PATIENTS=$TELERX_TOP/t/flows/patients
	TELERX_LOGS=$var/log
	TELERX_FAULTS=$var/faults
	TELERX_USER=$user
	TELERX_POSTGRES=$(postgres_programs)
	TELERX_SOURCE=$TELERX_TOP
	TELERX_WORK=$work
	set +a
}

prove_down() {
	[ -z "${prove_up:-}" ] || "$TELERX_TOP/door/down" --erase >/dev/null 2>&1 || true
	prove_up=
}

# prove_script NAME: its file
prove_script() {
	for file in "$TELERX_TOP/t/prove/$1.mjs" "$TELERX_TOP/t/prove/$1.sh"; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# prove_list: NAME and what it proves, from the first comment of each script
prove_list() {
	for file in "$TELERX_TOP"/t/prove/*.mjs "$TELERX_TOP"/t/prove/*.sh; do
		[ -f "$file" ] || continue
		name=${file##*/}
		printf '  %-14s %s\n' "${name%.*}" "$(sed -n -e '/^#!/d' -e 's/^\(\/\/\|#\) [a-z_-]*: //p' "$file" | head -n 1)"
	done
}

# prove_with SCRIPT: what runs it
prove_with() {
	case $1 in
	*.mjs) echo node ;;
	*) echo sh ;;
	esac
}

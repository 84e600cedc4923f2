# build.sh: configure and make, out of the tree's sources, only what changed. Needs say.sh and place.sh.
# shellcheck shell=sh

# Whether the build in $build has failpoints compiled in (rule F1).
failpoints_built() {
	grep -qs '^S\["FAILPOINTS_TRUE"\]=""' "$build/config.status"
}

# build_all [make argument ...]; configure_with holds arguments of configure.
build_all() {
	if [ ! -x "$TELERX_TOP/configure" ] || [ ! -f "$TELERX_TOP/Makefile.in" ]; then
		step "preparing the build"
		(cd "$TELERX_TOP" && quietly autoreconf autoreconf -fi) || exit 1
	fi
	mkdir -p "$build"
	if [ ! -f "$build/Makefile" ]; then
		step "configuring"
		(cd "$build" && quietly configure "$TELERX_TOP/configure" -q ${configure_with:-}) || exit 1
		step "building, which takes some minutes the first time"
	else
		step "building what changed"
	fi
	quietly "the build" make -s -C "$build" -j"$(nproc 2>/dev/null || echo 2)" "$@"
}

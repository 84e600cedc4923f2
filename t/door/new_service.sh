#!/bin/sh
# ./telerx new-service, tried in a copy of the tree: what it writes builds, passes its tests and the lists that must agree, and goes without a trace.
. "${0%/*}/claims.sh"
source=${TELERX_SOURCE:-$(cd "${0%/*}/../.." && pwd)}
built=${TELERX_BUILD:-$(pwd)}
copy=$claims_work/copy
new=$claims_work/build
name=parcels
TELERX_VAR=$claims_work/var
TELERX_SOURCE=$copy
TELERX_BUILD=$new
export TELERX_VAR TELERX_SOURCE TELERX_BUILD
mkdir "$copy" "$new"
(cd "$source" && tar -cf - --exclude=./var --exclude=./.git --exclude=./build --exclude=./autom4te.cache --exclude=node_modules .) | (cd "$copy" && tar -xf -)

# Every file with its mode and content, without what autotools make of them.
snapshot() {
	(cd "$copy" && find . -type f ! -path './autom4te.cache/*' ! -path './build-aux/*' ! -path './m4/*.m4' ! -name Makefile.in ! -name aclocal.m4 \
		! -name 'config*' -printf '%m %p ' -exec sha256sum {} \; | sort -k 2)
	(cd "$copy" && find handlers sql t door nginx -type d | sort)
}

in_copy() {
	(cd "$copy" && ./telerx "$@")
}

a_name_that_means_something_already_is_refused() {
	snapshot >"$claims_work/before"
	for bad in '' Parcels p rx route data billing -x parcels/x thirteenchars; do
		refused in_copy new-service "$bad"
	done
	snapshot >"$claims_work/after"
	cmp "$claims_work/before" "$claims_work/after"
}

it_is_written() {
	snapshot >"$claims_work/before"
	in_copy new-service $name
	for file in handlers/$name/$name.c handlers/$name/README.md handlers/$name/local.mk sql/$name/001_$name.sql t/handlers/${name}_test.c; do
		test -s "$copy/$file"
	done
	for list in Makefile.am README.md door/services nginx/pools.conf nginx/routes.conf nginx/metrics.conf; do
		grep -q "$name" "$copy/$list"
	done
	refused grep -rn '@name@\|@NAME@' "$copy/handlers/$name" "$copy/sql/$name" "$copy/t/handlers/${name}_test.c"
	refused in_copy new-service $name
}

# Only it, the core and the harness are built: the others are as in the build whose test this is.
it_builds_without_a_warning_and_passes_its_tests() {
	cd "$new"
	[ -x "$copy/configure" ] || (cd "$copy" && autoreconf -fi)
	"$copy/configure" -q CFLAGS=-O1
	make -s -j"$(nproc)" SERVICE_LIBS=handlers/$name/lib$name.a CPPFLAGS=-DHARNESS_PARTIAL handlers/$name/telerx-$name t/handlers/${name}_test fcgi/keyholder/telerx-keyholder >made 2>&1 || { cat made; exit 1; }
	lacks "$(cat made)" "handlers/$name/item.c"
	lacks "$(cat made)" warning:
	"t/handlers/${name}_test"
}

it_describes_itself() {
	document=$("$new/handlers/$name/telerx-$name" openapi)
	holds "$document" "\"/$name/items/{id}\""
	holds "$document" "\"/health/$name/ready\""
	holds "$document" '"/metrics"'
	holds "$("$new/handlers/$name/telerx-$name" routes)" "POST	/$name/items	ADMIN"
}

the_lists_that_must_agree_agree() {
	for folder in "$built"/handlers/*; do
		service=${folder##*/}
		program=$folder/telerx-$service # others beside it are no services
		[ -x "$program" ] || continue
		mkdir -p "$new/handlers/$service"
		[ -e "$new/handlers/$service/telerx-$service" ] || ln -s "$program" "$new/handlers/$service/telerx-$service"
	done
	for lint in services routes config migrations layering headers sizes banned; do
		"$copy/t/lint/$lint.sh"
	done
}

work_done_since_is_not_lost() {
	echo '/* more */' >>"$copy/handlers/$name/item.c"
	refused in_copy new-service --remove $name
	sed -i '$d' "$copy/handlers/$name/item.c"
	touch "$copy/handlers/$name/more.c"
	refused in_copy new-service --remove $name
	rm "$copy/handlers/$name/more.c"
	refused in_copy new-service --remove billing
	test -f "$copy/handlers/billing/billing.c"
}

removed_it_leaves_no_trace() {
	in_copy new-service --remove $name
	snapshot >"$claims_work/after"
	diff "$claims_work/before" "$claims_work/after"
	[ ! -e "$new/handlers/$name" ]
	refused in_copy new-service --remove $name
	# The build goes on without it.
	make -s -C "$new" fcgi/libtelerx.a
}

claim a_name_that_means_something_already_is_refused
claim it_is_written
claim it_builds_without_a_warning_and_passes_its_tests
claim it_describes_itself
claim the_lists_that_must_agree_agree
claim work_done_since_is_not_lost
claim removed_it_leaves_no_trace
claims_end

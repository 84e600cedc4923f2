# tables.sh: the services' own descriptions of themselves, as they print them without a configuration. Needs say.sh and place.sh.
# shellcheck shell=sh

service_document() {
	[ -x "$(program_of "$1")" ] || die "telerx-$1 is not built yet: ./telerx up builds."
	env -i "$(program_of "$1")" openapi || die "telerx-$1 does not print its table."
}

# joined SANDBOX PROGRAM [ARGUMENT ...]: the documents of all services, with or without the sandbox's, into a program that joins them.
joined() {
	with_sandbox=$1
	shift
	documents=$(mktemp)
	trap 'rm -f "$documents"' EXIT
	for service in $(services); do
		[ "$service" != sandbox ] || [ "$with_sandbox" = yes ] || continue
		service_document "$service" >>"$documents"
	done
	"$@" <"$documents"
}

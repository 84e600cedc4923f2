#!/bin/sh
# Arrows go down only: handlers -> service -> web | work -> net -> data -> crypto -> base. web and work do not know each other (both know the
# table that they serve, service.h); the sealer of the audit trails stands on net and knows no service; the keyholder knows base and crypto, the master of a pool base alone; a service knows the core
# and itself; the core knows no service; the supervisor knows nobody.
. "${0%/*}/lint.sh"

below() {	# what a floor may include besides itself
	case $1 in
	base | supervise) echo core.h ;;
	crypto | pool) echo core.h base ;;
	keyholder) echo core.h base crypto ;;
	data) echo core.h base crypto ;;
	net) echo core.h base crypto data ;;
	sealer) echo core.h base crypto data net ;;
	web | work) echo core.h service.h base crypto data net ;;
	service) echo core.h service.h base crypto data net web work ;;
	esac
}

# include_faults ALLOWED OWN-FOLDER-OF-PLAIN-NAMES FILE ...
include_faults() {
	allowed=$1
	shift
	awk -v allowed="$allowed" '
		BEGIN { n = split(allowed, a, " "); for (i = 1; i <= n; i++) ok[a[i]] = 1 }
		/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/ {
			split($0, part, "\"")
			first = part[2]
			plain = index(first, "/") == 0
			sub(/\/.*/, "", first)
			folder = FILENAME
			sub(/\/[^\/]*$/, "", folder)
			if (first in ok || (plain && (getline line < (folder "/" part[2])) >= 0))
				next
			print FILENAME ":" FNR ": may not include \"" part[2] "\" (allowed: " allowed ")"
		}' "$@"
}

for floor in base crypto data net web work sealer supervise keyholder pool; do
	include_faults "$floor $(below "$floor")" $(sources "fcgi/$floor") | faults
done
include_faults "$(below service)" fcgi/service*.[ch] | faults
for folder in handlers/*/; do
	service=${folder#handlers/}
	service=${service%/}
	include_faults "$service $(below service)" $(sources "handlers/$service") | faults
done
finish

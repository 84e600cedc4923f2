# database.sh: the tree's private PostgreSQL: a cluster that listens on a unix socket only, and what is in it. Needs place.sh, secrets.sh.
# shellcheck shell=sh

# cluster_make DIRECTORY SOCKETS [ALL-LOCAL-AUTHENTICATION]: initdb as the tree's user. fsync stays on: a tree keeps its promises through
# a power cut as production does. Ten databases are thousands of files: after a crash one syncfs takes their place, so that the start
# takes a second or two and not twenty. The superuser is postgres, and only the tree's own user may be it.
cluster_make() {
	rm -rf "$1"
	mkdir -m 0700 "$1"
	[ "$(id -u)" != 0 ] || chown "$user:" "$1"
	(cd / && quietly initdb as_user "$(postgres_programs)/initdb" -D "$1" -U postgres -A "${3:-peer}" --encoding=UTF8 --locale=C.UTF-8 --data-checksums) || exit 1
	printf 'local all postgres %s\nlocal all all %s\n' "${3:-peer map=owner}" "${3:-scram-sha-256}" | put "$1/pg_hba.conf" 0600
	printf 'owner %s postgres\n' "$user" | put "$1/pg_ident.conf" 0600
	# Statements carry sealed values and ids; still none of them goes to the log with its parameters.
	cat <<-EOT | put "$1/telerx.conf" 0600
		listen_addresses = ''
		unix_socket_directories = '$2'
		max_connections = 400
		fsync = on
		recovery_init_sync_method = syncfs
		shared_buffers = 128MB
		max_wal_size = 1GB
		log_destination = stderr
		log_line_prefix = '%m [%p] %d '
		log_min_error_statement = panic
		log_parameter_max_length_on_error = 0
		idle_in_transaction_session_timeout = 60s
		timezone = 'UTC'
	EOT
	echo "include = 'telerx.conf'" | as_user tee -a "$1/postgresql.conf" >/dev/null
}

# The whole machine's superuser on the tree's cluster, with psql's arguments.
superuser_psql() {
	(cd / && as_user psql -X -q -v ON_ERROR_STOP=1 -h "$var/run" -U postgres "$@")
}

database_await() {
	tries=0
	until (cd / && as_user "$(postgres_programs)/pg_isready" -q -h "$var/run" -U postgres); do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || die "PostgreSQL does not start; $var/log/postgres.log says why."
		sleep 0.1
	done
}

# Roles and database of a service. Passwords travel on standard input: arguments can be read by everybody.
provision() {
	{
		printf '\\set service %s\n\\set database %s\n' "$1" "$(database_of "$1")"
		printf '\\set app_password %s\n' "$(secret "$(upper "$1_app")_PASSWORD")"
		printf '\\set owner_password %s\n' "$(secret "$(upper "$1_owner")_PASSWORD")"
		printf '\\set inspect_password %s\n' "$(secret INSPECT_PASSWORD)"
		printf '\\set sealer_password %s\n' "$(secret SEALER_PASSWORD)"
		printf '\\set verifier_password %s\n' "$(secret VERIFIER_PASSWORD)"
		cat "$TELERX_TOP/sql/cluster/provision.sql"
	} | superuser_psql -d postgres -f -
}

migrate() {
	(cd / && as_user env -i PATH="$PATH" TELERX_CONFIG="$var/etc/$1.env:$var/etc/$1.owner.env" "$(program_of "$1")" migrate --sample)
}

# Who may call this service with which key, itself with its own events among them; the routes say what each of them may call.
register_callers() {
	for caller in $callers; do
		name=$(upper "$caller")
		secret "SECRET_$name" | (cd / && as_user env -i PATH="$PATH" TELERX_CONFIG="$var/etc/$1.env" \
			"$(program_of "$1")" key add "$caller" "$(secret "KEY_$name" "${caller}_" 8)") || return 1
	done
}

# Brings a service's database up to its SQL files, if they, its passwords or its callers changed.
database_make() {
	state=$({
		cat "$TELERX_TOP/sql/cluster/provision.sql"
		find "$TELERX_TOP/sql/common" "$TELERX_TOP/sql/$(database_of "$1")" -type f | LC_ALL=C sort | xargs cat
		cat "$var/etc/$1.env" "$var/etc/$1.owner.env"
		grep '^KEY_\|^SECRET_' "$var/dev.env"
	} | sha256sum | cut -d' ' -f1)
	if ! stamped "database-$1" "$state"; then
		quietly "provisioning $1" provision "$1"
		quietly "migrating $1" migrate "$1"
		quietly "registering the callers of $1" register_callers "$1"
		stamp "database-$1" "$state"
	fi
}

# tree.sh: nginx's files, the table of processes, and their start and stop. Needs place.sh.
# shellcheck shell=sh

nginx_make() {
	protocols=TLSv1.3
	[ "${TLS_MIN:-1.3}" = 1.3 ] || protocols='TLSv1.2 TLSv1.3'
	for file in "$TELERX_TOP"/nginx/*.conf; do
		sed -e "s|@RUN@|$var/run|g; s|@LOG@|$var/log|g; s|@TLS@|$var/tls|g; s|@TMP@|$var/tmp|g; s|@DOCS@|$var/nginx/docs|g; s|@SEAL@|$var/run|g" \
			-e "s|@LISTEN@|127.0.0.1:$port|g; s|@TLS_PROTOCOLS@|$protocols|g" \
			-e "s|@RATE_GENERAL@|200|g; s|@RATE_INTAKE@|20|g; s|@RATE_WEBHOOK@|200|g" \
			-e "s|@BURST_GENERAL@|400|g; s|@BURST_INTAKE@|100|g; s|@BURST_WEBHOOK@|400|g" \
			"$file" | put "$var/nginx/${file##*/}" 0644
	done
	# A killed nginx leaves its unix socket behind, and the next one refuses to listen on it.
	printf "#!/bin/sh\nrm -f %s/run/internal.sock\nexec nginx -p %s/nginx -c %s/nginx/telerx.conf\n" "$var" "$var" "$var" | put "$var/nginx/start" 0755
	(cd / && quietly "nginx -t" as_user nginx -q -t -p "$var/nginx" -c "$var/nginx/telerx.conf") || exit 1
}

# TELERX_SYSLOG=host:port sends what is logged to a collector, by the file that hosts use, too.
syslog_row() {
	[ -n "${TELERX_SYSLOG:-}" ] || return 0
	have rsyslogd || packages_install rsyslog
	mkdir -p "$var/tmp/syslog"
	[ "$(id -u)" != 0 ] || chown "$user:" "$var/tmp/syslog"
	{
		echo "global(workDirectory=\"$var/tmp/syslog\")"
		sed -e '/# journal$/d; s/^#files //' -e "s|@LOG@|$var/log|g; s|@SPOOL@|$var/tmp/syslog|g" \
			-e "s|@COLLECTOR@|${TELERX_SYSLOG%:*}|g; s|@COLLECTOR_PORT@|${TELERX_SYSLOG##*:}|g" "$TELERX_TOP/systemd/rsyslog-telerx.conf"
	} | put "$var/etc/rsyslog.conf" 0640
	echo "rsyslog 3 TERM 10 restart rsyslogd -n -i $var/run/rsyslog.pid -f $var/etc/rsyslog.conf"
}

digest() {
	cat "$@" | sha256sum | cut -c1-16
}

# The table of telerx-supervise: ground_rows first, the rest once databases are ready. SETTINGS is a digest, so that a process whose
# settings changed has another row and is started afresh.
ground_rows() {
	echo "postgres 0 INT 30 keep $(postgres_programs)/postgres -D $var/pg"
	echo "keyholder 0 TERM 5 restart env SETTINGS=$(digest "$var/etc/keyholder.env") TELERX_CONFIG=$var/etc/keyholder.env$(failpoints_of keyholder) $(keyholder_program) serve"
}

# In a build with failpoints a process looks into faults/<process>.fail, and counts in faults/passed (fcgi/base/failpoint.h).
failpoints_of() {
	! failpoints_built || echo " TELERX_FAIL_FILE=$var/faults/$1.fail TELERX_FAIL_DIR=$var/faults/passed"
}

# What a service signs its calls with is not among them: a new key takes processes that are replaced, and none that is stopped.
service_digest() {
	grep -v '^SERVICE_KEY=\|^SERVICE_SECRET=' "$var/etc/$1.env" | sha256sum | cut -c1-16
}

service_rows() {
	for service in $(services); do
		setting="env SETTINGS=$(service_digest "$service") TELERX_CONFIG=$var/etc/$service.env"
		echo "$service 1 TERM 20 HUP $setting$(failpoints_of "$service") spawn-fcgi -n -s $var/run/$service.sock -M 0660 -b 1024 -- $build/fcgi/pool/telerx-pool $(program_of "$service")"
		echo "$service-work 2 TERM 20 restart $setting$(failpoints_of "$service-work") $(program_of "$service") work"
	done
}

sealer_row() {
	echo "sealer 2 TERM 10 restart env SETTINGS=$(digest "$var/etc/sealer.env" "$var/keys/seal.pem") TELERX_CONFIG=$var/etc/sealer.env $build/fcgi/sealer/telerx-sealer"
}

nginx_row() {
	echo "nginx 3 QUIT 10 HUP $var/nginx/start"
}

supervisor() {
	[ -s "$var/run/supervise.pid" ] || return 1
	pid=$(cat "$var/run/supervise.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && grep -q telerx-supervise "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

# Waits until the supervisor has read the table and everything on it runs.
settled() {
	tries=0
	until [ -n "$(find "$var/run/status" -newer "$var/run/table.sent" 2>/dev/null)" ] && ! grep -qv ' running ' "$var/run/status"; do
		tries=$((tries + 1))
		if [ "$tries" -ge 600 ]; then
			grep -v ' running ' "$var/run/status" >&2
			die "not everything runs; $var/log says why."
		fi
		sleep 0.1
	done
}

# life PID: when it began, in ticks since the machine's start. On a busy machine another process soon has the number of one that ended.
life() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# lives PID ...: each as PID:LIFE
lives() {
	for pid; do
		echo "$pid:$(life "$pid")"
	done
}

# Who serves now, as PID:LIFE: the processes of each pool, nginx's workers. Masters stay.
serving() {
	for pid in $(awk '$1 != "postgres" { print $3 }' "$var/run/status" 2>/dev/null); do
		# shellcheck disable=SC2046 # numbers
		lives $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
	done
}

# replaced PID:LIFE ...: waits until none of them serves any more, so that whoever asks next is answered by what was just put in place.
replaced() {
	tries=0
	for process; do
		pid=${process%:*}
		while began=$(life "$pid") && [ -n "$began" ] && [ "$pid:$began" = "$process" ]; do
			tries=$((tries + 1))
			[ "$tries" -lt 450 ] || die "the process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline")) does not give way to a new one; $var/log says why."
			sleep 0.1
		done
	done
}

# Standard input becomes the table; the supervisor reads it now.
supervise_table() {
	before=$(cat "$var/run/table" 2>/dev/null || true)
	put "$var/run/table" 0640
	if pid=$(supervisor); then
		if [ "$before" != "$(cat "$var/run/table")" ] || [ "${1:-}" = replace ]; then
			old=$(serving)
			touch "$var/run/table.sent"
			kill -HUP "$pid"
			settled
			# shellcheck disable=SC2086
			replaced $old
		fi
	else
		(cd / && as_user env -i PATH="$PATH" LANG=C.UTF-8 TZ=UTC ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} \
			${UBSAN_OPTIONS:+"UBSAN_OPTIONS=$UBSAN_OPTIONS"} "$build/fcgi/supervise/telerx-supervise" \
			"$var/run/table" "$var/run" "$var/log") || die "telerx-supervise does not start."
	fi
}

# Whether somebody listens on the port: looked up where the kernel says it, so no tool is needed.
port_taken() {
	hex=$(printf %04X "$1")
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

ready() {
	curl -s -o /dev/null -f -m 5 --unix-socket "$var/run/internal.sock" "http://telerx.internal/health/$1/ready"
}

await_ready() {
	for service in $(services); do
		tries=0
		until ready "$service"; do
			tries=$((tries + 1))
			if [ "$tries" -ge 300 ]; then
				tail -n 5 "$var/log/$service.log" >&2 || true
				die "$service does not get ready; $var/log/$service.log says why."
			fi
			sleep 0.2
		done
	done
}

# Stops everything, last stage first; the supervisor ends when nothing is left.
tree_stop() {
	pid=$(supervisor) || return 0
	kill -TERM "$pid"
	tries=0
	while [ -d "/proc/$pid" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 900 ] || die "telerx-supervise ($pid) does not end; $var/run/status says what it waits for."
		sleep 0.1
	done
}

# nginx.sh: the nginx of ./telerx bench: the tree's own files on another port, without the rate limits that one address would run into, and with
# the two locations it is compared with. Needs place.sh; sourced by door/bench.
# shellcheck shell=sh

# bench_nginx DIRECTORY PORT: writes the configuration
bench_nginx() {
	mkdir -p "$1/tmp"
	for file in "$var"/nginx/*.conf; do
		sed -e "s|listen       127\.0\.0\.1:[0-9]*|listen       127.0.0.1:$2|; s|unix:$var/run/internal\.sock|unix:$1/internal.sock|" \
			-e "s|$var/run/nginx\.pid|$1/nginx.pid|; s|$var/log/|$1/|g; s|$var/tmp/|$1/tmp/|g; s|rate=[0-9]*r/s|rate=1000000r/s|" \
			"$file" >"$1/${file##*/}"
	done
	echo "upstream peer { server unix:$1/peer.sock max_fails=0; keepalive 16; keepalive_time 1s; }" >>"$1/pools.conf"
	cat >>"$1/routes.conf" <<-EOT
		location = /bench/return { default_type application/json; return 200 '{"status":"ok","service":"nginx"}\n'; }
		location /peer/ {
			proxy_pass http://peer;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host \$host;
			proxy_set_header X-Real-IP \$remote_addr;
			proxy_set_header X-Request-Id \$trace;
			proxy_hide_header X-Request-Id;
		}
	EOT
	[ "$(id -u)" != 0 ] || chown -R "$user:" "$1"
	(cd / && quietly "nginx -t" as_user nginx -q -t -p "$1" -c "$1/telerx.conf") || exit 1
}

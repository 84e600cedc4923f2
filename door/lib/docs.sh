# docs.sh: what a tree shows at /docs: the services' tables as they are now, and a reader for them. Needs say.sh, place.sh, packages.sh and node.sh.
# shellcheck shell=sh

reader_files='swagger-ui.css swagger-ui-bundle.js favicon-32x32.png LICENSE NOTICE'

# npm is wanted here, not needed: on a machine that has none, one attempt is made to install it, and a tree comes up without it.
npm_wanted() {
	have npm || [ -f "$var/stamps/npm" ] || ! have apt-get || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; } || {
		touch "$var/stamps/npm"
		(packages_install npm) || true
	}
	have npm
}

# The reader's files, or a page that says why they are not there.
reader_make() {
	if npm_wanted && node_packages "$TELERX_TOP/door/reader" "$build/door/reader"; then
		for file in $reader_files; do
			put "$1/$file" 0644 <"$build/door/reader/node_modules/swagger-ui-dist/$file"
		done
		put "$1/reader.js" 0644 <"$TELERX_TOP/door/reader/reader.js"
		put "$1/index.html" 0644 <"$TELERX_TOP/door/reader/index.html"
	else
		step "without npm, /docs shows where the document is, and no reader for it"
		put "$1/index.html" 0644 <"$TELERX_TOP/door/reader/missing.html"
	fi
}

docs_make() {
	mkdir -p "$var/nginx/docs"
	chmod 0750 "$var/nginx/docs"
	[ "$(id -u)" != 0 ] || chown "$user:" "$var/nginx/docs"
	"$TELERX_TOP/door/openapi" >"$var/nginx/docs/openapi.made" || die "the services' tables make no document."
	put "$var/nginx/docs/openapi.json" 0644 <"$var/nginx/docs/openapi.made"
	rm -f "$var/nginx/docs/openapi.made"
	reader_make "$var/nginx/docs"
}

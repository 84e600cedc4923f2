# node.sh: packages from npm, as a lock file of the sources pins them, installed outside of the sources. Needs say.sh and packages.sh.
# shellcheck shell=sh

# node_packages FOLDER DIRECTORY: DIRECTORY/node_modules is what FOLDER's package-lock.json says; done once per lock file. Their install scripts are not run.
# 1 when npm is not there or cannot get them; what npm said is in DIRECTORY/npm.log.
node_packages() {
	have npm || return 1
	mkdir -p "$2"
	! cmp -s "$1/package-lock.json" "$2/installed" || return 0
	rm -rf "$2/installed" "$2/node_modules"
	cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2/"
	(cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000) >"$2/npm.log" 2>&1 </dev/null || return 1
	chmod -R a+rX "$2"
	cp "$1/package-lock.json" "$2/installed"
}

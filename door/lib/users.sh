# users.sh: the sample users of a tree, one of each role: <role>@telerx.example. Needs say.sh, place.sh, secrets.sh; auth must be ready.
# shellcheck shell=sh

# user_make ROLE NAME [MEMBERS]: one who is on file already stays as is.
user_make() {
	status=$(printf 'header = "Authorization: Bearer %s"\n' "$(secret ADMIN_SECRET)" |
		curl -sS -K - -o /dev/null -w '%{http_code}' -m 10 --unix-socket "$var/run/internal.sock" -H 'Content-Type: application/json' \
			-d "{\"email\":\"$1@telerx.example\",\"name\":\"$2\",\"role\":\"$1\"${3:-}}" http://telerx.internal/auth/users)
	case $status in
	201 | 409) ;;
	*) die "the sample user $1 could not be made ($status): ./telerx logs auth." ;;
	esac
}

# The provider is a sample physician of the registry.
users_make() {
	[ ! -f "$var/stamps/users" ] || return 0
	user_make admin 'Sample Administrator'
	user_make ops_manager 'Sample Manager'
	user_make ops_agent 'Sample Agent'
	user_make provider 'Avery Sample' ',"person_id":"00000000-0000-7000-8000-0000000000a1"'
	user_make patient 'Sample Patient'
	touch "$var/stamps/users"
}

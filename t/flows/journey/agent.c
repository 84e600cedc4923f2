/*
 * agent.c: the staff of the two other journeys: a user that the administrator adds for this run, who logs in like anybody by a code from the mail.
 * And how anybody finds a link in a mail.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "journey.h"
#include "net/form.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char token[4096]; /* one agent serves all who are played at once */

bool
mailed(struct patient *p, const char *email, const char *prefix, const char **rest)
{
	struct buf to = buf_in(p->arena, 512);
	const json_t *mails;
	struct reply r;

	percent_encode(&to, email);
	if (client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/sandbox/outbox?to=%s", to.data) }, 200, &r) < 0)
		return false;
	mails = json_object_get(r.body, "messages");
	for (size_t i = json_array_size(mails); i-- > 0;) {
		const char *text = json_text_at(json_array_get(mails, i), "text"), *at = text == NULL ? NULL : strstr(text, prefix);

		if (at != NULL) {
			*rest = arena_ndup(p->arena, at + strlen(prefix), strcspn(at + strlen(prefix), " \r\n\t<\"."));
			return true;
		}
	}
	return false;
}

static const char *
await_code(struct patient *p, const char *email)
{
	int64_t until = clock_mono_us() + PATIENCE_US;
	const char *code;

	while (clock_mono_us() < until && p->failure[0] == '\0') {
		if (mailed(p, email, "code is ", &code))
			return code;
		client_pause(200);
	}
	(void)fail(p, "the agent waited in vain for a code");
	return NULL;
}

static int
login(struct patient *p)
{
	char id[UUID_TEXT];
	const char *email = arena_printf(p->arena, "agent.%s@staff.example", uuid_text(uuid_new(), id) + 24), *attempt, *code, *granted;
	struct reply r;

	if (client_expect(p, &(struct ask){ .method = "POST", .path = "/auth/users", .as = AS_ADMIN,
	    .body = arena_printf(p->arena, "{\"email\":\"%s\",\"name\":\"Journey Agent\",\"role\":\"ops_manager\"}", email) }, 201, &r) < 0 ||
	    client_expect(p, &(struct ask){ .method = "POST", .path = "/auth/login", .body = arena_printf(p->arena, "{\"email\":\"%s\"}", email) },
	    202, &r) < 0 || (attempt = json_text_at(r.body, "login_id")) == NULL || (code = await_code(p, email)) == NULL ||
	    client_expect(p, &(struct ask){ .method = "POST", .path = "/auth/login/check",
	    .body = arena_printf(p->arena, "{\"login_id\":\"%s\",\"code\":\"%.6s\"}", attempt, code) }, 200, &r) < 0)
		return -1;
	granted = json_text_at(r.body, "token");
	if (granted == NULL || strlen(granted) >= sizeof(token))
		return fail(p, "the login gave no token");
	(void)snprintf(token, sizeof(token), "%s", granted);
	return 0;
}

int
agent_login(struct patient *p)
{
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (token[0] == '\0')
		rc = login(p);
	pthread_mutex_unlock(&lock);
	p->agent_token = token;
	if (rc == 0)
		say(p, "staff", "logged in by a code");
	return rc;
}

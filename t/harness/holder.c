/*
 * holder.c: a keyholder of its own for a scratch database: the real program, in the scratch's folder. It dies with this process.
 */
#include "core.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "crypto/envelope_keys.h"
#include "crypto/key_file.h"
#include "crypto/key_wire.h"
#include "harness/harness_private.h"

static void
broken(const char *what, const struct problem *err)
{
	(void)fprintf(stderr, "harness: %s: %s\n", what, err->code[0] != '\0' ? err->detail : strerror(errno));
	exit(99);
}

static const char *
program(void)
{
	return HARNESS_BUILD "/fcgi/keyholder/telerx-keyholder";
}

void
holder_keys(const struct holder_place *p, const char *service)
{
	struct problem err = { 0 };
	struct key_file *f;
	json_t *envelopes = NULL;
	char path[KEY_FILE_PATH];

	(void)mkdir(p->keys, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s.kek", p->keys, service);
	if (access(path, F_OK) == 0)
		return;
	f = key_file_new(path, &err);
	key_file_free(f);
	(void)snprintf(path, sizeof(path), "%s/%s.jwks", p->keys, service);
	if (f == NULL || envelope_keys_add(path, &envelopes, 0, &err) < 0)
		broken("keys", &err);
	json_decref(envelopes);
}

static void
become(const struct holder_place *p, pid_t parent)
{
	char socket[160], keys[160], trail[160];
	char *const argv[] = { (char *)(uintptr_t)program(), (char *)(uintptr_t) "serve", NULL };
	char *const env[] = { socket, keys, trail, (char *)(uintptr_t) "LOG_LEVEL=WARN", (char *)(uintptr_t)p->setting, NULL };

	(void)snprintf(socket, sizeof(socket), "KEYHOLDER_SOCKET=%s", p->socket);
	(void)snprintf(keys, sizeof(keys), "KEYHOLDER_KEYS=%s", p->keys);
	(void)snprintf(trail, sizeof(trail), "KEYHOLDER_AUDIT=%s", p->trail);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(71);
	execve(program(), argv, env);
	_exit(72);
}

void
holder_start(struct holder_place *p)
{
	struct problem none = { 0 };
	pid_t parent = getpid();

	p->pid = fork();
	if (p->pid == 0)
		become(p, parent);
	for (int i = 0; i < 1000 && p->pid > 0; i++) {
		int fd = key_connect(p->socket);

		if (fd >= 0) {
			(void)close(fd);
			return;
		}
		if (waitpid(p->pid, NULL, WNOHANG) == p->pid)
			break;
		(void)poll(NULL, 0, 10);
	}
	broken(program(), &none);
}

void
holder_stop(struct holder_place *p, int signal)
{
	if (p->pid > 0 && kill(p->pid, signal) == 0)
		(void)waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

void
holder_at(struct holder_place *p, const char *folder)
{
	*p = (struct holder_place){ .setting = "KEYHOLDER_RATE=10000" };
	(void)snprintf(p->socket, sizeof(p->socket), "%s/keyholder.sock", folder);
	(void)snprintf(p->keys, sizeof(p->keys), "%s/keys", folder);
	(void)snprintf(p->trail, sizeof(p->trail), "%s/keyholder.audit", folder);
}

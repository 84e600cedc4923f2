/* serve.c: see keyholder.h. The socket, its clients, one question after the other. */
#include "core.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "crypto/secret.h"
#include "keyholder/keyholder.h"

#define BACKLOG	   256
#define EVENTS	   64
#define HANDOVER_S 10 /* for a predecessor to end */

struct server {
	const struct conf *conf;
	int epoll, listening, signals;
	bool ending;
	struct client *clients;
	struct key_message *m; /* in pages of secret.h */
};

static char listening, signals; /* marks in epoll's data */

static int
watch(const struct server *s, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = what } };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* ---- clients */

static void
client_free(struct client *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	(void)close(c->fd);
	free(c);
}

static void
client_new(struct server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	struct ucred who;
	socklen_t n = sizeof(who);

	if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0) {
		free(c);
		(void)close(fd);
		return;
	}
	*c = (struct client){ .fd = fd, .pid = who.pid, .uid = who.uid, .next = s->clients, .link = &s->clients };
	if (c->next != NULL)
		c->next->link = &c->next;
	s->clients = c;
	if (watch(s, fd, c) < 0)
		client_free(c);
}

static void
accept_all(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		client_new(s, fd);
}

/* Who uses the service's index and mac keys greets again and learns the new ones. The turn of each comes when its end is seen. */
static void
tell_others(const struct server *s, const struct client *who, const struct key_message *m)
{
	if ((m->op != KEY_ADD && m->op != KEY_DROP) || m->status != 0 || m->id == KEY_LIST_KEK)
		return;
	for (const struct client *c = s->clients; c != NULL; c = c->next)
		if (c != who && strcmp(c->service, who->service) == 0)
			(void)shutdown(c->fd, SHUT_RDWR);
}

/* One question a turn, so that nobody starves. A client that cannot take its answer is gone. */
static void
client_turn(struct server *s, struct client *c)
{
	struct key_message *m = s->m;
	ssize_t n = recv(c->fd, m, sizeof(*m), MSG_TRUNC);
	bool stays = n < 0 && (errno == EAGAIN || errno == EINTR);

	if (n >= (ssize_t)KEY_HEAD && n <= (ssize_t)sizeof(*m) && m->wire == KEY_WIRE && (size_t)n == KEY_HEAD + m->n) {
		answer(s->conf, c, m);
		tell_others(s, c, m);
		stays = send(c->fd, m, KEY_HEAD + m->n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(KEY_HEAD + m->n);
		OPENSSL_cleanse(m, KEY_HEAD + m->n);
	}
	if (!stays)
		client_free(c);
}

/* ---- the process */

static void
obey(struct server *s)
{
	struct signalfd_siginfo info;
	struct problem err = { 0 };

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			s->ending = true;
			continue;
		}
		rings_forget();
		if (trail_open(conf_str(s->conf, "KEYHOLDER_AUDIT"), &err) < 0)
			log_line(LOG_ERROR, "keyholder.trail", "code", err.code, "detail", err.detail, NULL);
		log_line(LOG_INFO, "keyholder.reopened", NULL);
	}
}

/* One keyholder a folder of keys. The descriptor stays open as long as we live. */
static int
take_folder(const char *folder, struct problem *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), tries = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return problem(err, 500, "bad_config", "KEYHOLDER_KEYS %s: %s", folder, strerror(errno));
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return problem(err, 500, "bad_config", "KEYHOLDER_KEYS %s is open to others", folder);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (++tries > HANDOVER_S * 100)
			return problem(err, 500, "bad_config", "another keyholder serves %s", folder);
		(void)usleep(10 * 1000);
	}
	return 0;
}

static int
bind_socket(struct server *s, const char *path, struct problem *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	mode_t before;
	int rc;

	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return problem(err, 500, "bad_config", "KEYHOLDER_SOCKET is too long");
	s->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlink(path);
	before = umask(0117);
	rc = s->listening < 0 ? -1 : bind(s->listening, (const struct sockaddr *)&a, sizeof(a));
	(void)umask(before);
	if (rc < 0 || listen(s->listening, BACKLOG) < 0)
		return problem(err, 500, "bad_config", "KEYHOLDER_SOCKET %s: %s", path, strerror(errno));
	return 0;
}

static int
server_open(struct server *s, struct problem *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->m = secret_alloc(sizeof(*s->m));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->m == NULL || s->epoll < 0 || s->signals < 0)
		return problem(err, 500, "no_start", "%s", strerror(errno));
	if (clients_read(s->conf, err) < 0 || take_folder(conf_str(s->conf, "KEYHOLDER_KEYS"), err) < 0 ||
	    trail_open(conf_str(s->conf, "KEYHOLDER_AUDIT"), err) < 0 || bind_socket(s, conf_str(s->conf, "KEYHOLDER_SOCKET"), err) < 0)
		return -1;
	if (watch(s, s->listening, &listening) < 0 || watch(s, s->signals, &signals) < 0)
		return problem(err, 500, "no_start", "epoll: %s", strerror(errno));
	return 0;
}

int
serve(const struct conf *conf)
{
	struct server s = { .conf = conf };
	struct epoll_event ev[EVENTS];
	struct problem err = { 0 };

	secret_process();
	if (server_open(&s, &err) < 0) {
		log_line(LOG_ERROR, "start.refused", "code", err.code, "detail", err.detail, NULL);
		return 78;
	}
	log_line(LOG_INFO, "keyholder.start", NULL);
	while (!s.ending) {
		int n = epoll_wait(s.epoll, ev, EVENTS, -1);

		for (int i = 0; i < n && !s.ending; i++) {
			if (ev[i].data.ptr == &listening)
				accept_all(&s);
			else if (ev[i].data.ptr == &signals)
				obey(&s);
			else
				client_turn(&s, ev[i].data.ptr);
		}
	}
	rings_forget();
	for (struct client *c = s.clients, *next; c != NULL; c = next) {
		next = c->next;
		(void)close(c->fd);
		free(c);
	}
	secret_free(s.m, sizeof(*s.m));
	log_line(LOG_INFO, "keyholder.stop", NULL);
	return 0;
}

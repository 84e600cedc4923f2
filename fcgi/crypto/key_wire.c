/* key_wire.c: see key_wire.h. */
#include "core.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "crypto/key_wire.h"

#define ANSWER_SECONDS 2

int
key_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd, n = snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int
key_ask(int fd, struct key_message *m)
{
	uint8_t op = m->op;
	ssize_t n;

	m->wire = KEY_WIRE;
	m->status = 0;
	if (send(fd, m, KEY_HEAD + m->n, MSG_NOSIGNAL) != (ssize_t)(KEY_HEAD + m->n))
		return -1;
	do
		n = recv(fd, m, sizeof(*m), 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)KEY_HEAD || m->wire != KEY_WIRE || m->op != op || (size_t)n != KEY_HEAD + m->n)
		return -1;
	return 0;
}

int
key_refusal(const struct key_message *m, struct problem *err)
{
	const char *code = (const char *)m->data, *end;

	if (m->status == 0)
		return 0;
	end = memchr(m->data, '\0', m->n);
	if (end == NULL || m->data[m->n - 1] != '\0')
		return problem(err, 503, "keyholder_unavailable", "the keyholder cannot be understood");
	problem(err, m->status, code, "%s", end + 1);
	err->audit = m->audit != 0;
	if (m->fatal != 0)
		err->fault = FAULT_PERMANENT;
	return -1;
}

bool
key_put(struct key_message *m, const void *p, size_t n)
{
	if (n > sizeof(m->data))
		return false;
	memcpy(m->data, p, n);
	m->n = (uint32_t)n;
	return true;
}

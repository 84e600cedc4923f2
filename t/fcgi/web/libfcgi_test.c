/*
 * libfcgi_test.c: pins what the loop takes for granted of libfcgi's request (2.4.2): it may be given a connection by ipcFd,
 * keeps it when keepConnection was set before the first FCGX_Accept_r, and after FCGX_Detach and FCGX_Finish_r says by ipcFd
 * whether it is still open.
 */
#include "fcgi/unit.h"

#include <sys/socket.h>

#include <fastcgi.h>
#include <fcgiapp.h>

static void
record(int fd, unsigned char type, const void *content, unsigned char n)
{
	const unsigned char header[FCGI_HEADER_LEN] = { FCGI_VERSION_1, type, 0, 1, 0, n, 0, 0 };

	assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
	if (n > 0)
		assert_int_equal(write(fd, content, n), n);
}

/* A POST of "ab" as nginx sends it. */
static void
send_request(int fd, unsigned char flags)
{
	const unsigned char begin[8] = { 0, FCGI_RESPONDER, flags };
	const char params[] = "\016\004REQUEST_METHODPOST";

	record(fd, FCGI_BEGIN_REQUEST, begin, sizeof(begin));
	record(fd, FCGI_PARAMS, params, sizeof(params) - 1);
	record(fd, FCGI_PARAMS, NULL, 0);
	record(fd, FCGI_STDIN, "ab", 2);
	record(fd, FCGI_STDIN, NULL, 0);
}

static void
serve_one(FCGX_Request *fx)
{
	char body[8];

	assert_int_equal(FCGX_Accept_r(fx), 0);
	assert_string_equal(FCGX_GetParam("REQUEST_METHOD", fx->envp), "POST");
	assert_int_equal(FCGX_GetStr(body, sizeof(body), fx->in), 2);
	assert_memory_equal(body, "ab", 2);
	assert_int_equal(FCGX_GetError(fx->in), 0);
	assert_true(FCGX_PutS("Status: 204\r\n\r\n", fx->out) >= 0);
	FCGX_Detach(fx);
	FCGX_Finish_r(fx);
}

static void
drain(int fd)
{
	char buf[512];

	assert_true(read(fd, buf, sizeof(buf)) > 0);
}

static void
pair(FCGX_Request *fx, int *other)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(FCGX_InitRequest(fx, -1, 0), 0);
	fx->ipcFd = fds[0];
	fx->keepConnection = 1;
	*other = fds[1];
}

static void
a_kept_connection_serves_again(void **state)
{
	FCGX_Request fx;
	int other, fd;

	(void)state;
	pair(&fx, &other);
	fd = fx.ipcFd;
	for (int i = 0; i < 3; i++) {
		send_request(other, FCGI_KEEP_CONN);
		serve_one(&fx);
		assert_int_equal(fx.ipcFd, fd);
		fx.detached = 0;
		drain(other);
	}
	/* The other side leaves: Accept_r fails instead of waiting on a listening socket, and has closed ours. */
	(void)close(other);
	assert_true(FCGX_Accept_r(&fx) < 0);
	assert_int_equal(fx.ipcFd, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
a_connection_that_nginx_does_not_keep_is_closed(void **state)
{
	FCGX_Request fx;
	int other, fd;

	(void)state;
	pair(&fx, &other);
	fd = fx.ipcFd;
	send_request(other, 0);
	serve_one(&fx);
	assert_int_equal(fx.ipcFd, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	(void)close(other);
}

static void
bytes_that_are_no_fastcgi_end_the_connection(void **state)
{
	FCGX_Request fx;
	int other;

	(void)state;
	pair(&fx, &other);
	assert_int_equal(write(other, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	(void)shutdown(other, SHUT_WR);
	assert_true(FCGX_Accept_r(&fx) < 0);
	assert_int_equal(fx.ipcFd, -1);
	(void)close(other);
}

static int
setup(void **state)
{
	(void)state;
	return FCGX_Init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kept_connection_serves_again),
		cmocka_unit_test(a_connection_that_nginx_does_not_keep_is_closed),
		cmocka_unit_test(bytes_that_are_no_fastcgi_end_the_connection),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

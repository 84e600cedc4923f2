/*
 * load.c: telerx-load, the load generator of ./telerx bench: one thread, many kept TLS connections, requests from a file.
 *
 *	telerx-load [options] FILE		a line of FILE is one request: METHOD TARGET [BODY]
 *	  --port P --ca FILE			where; the name in the certificate is localhost
 *	  --connections N --seconds S
 *	  --key ID (secret in LOAD_SECRET)	signs each request by the v2 scheme as a calling service does
 *	  --bearer (token in LOAD_TOKEN)
 *	  --from N				starts at that line
 *	  --once				no line twice; ends early when the lines are used up
 *	  --fresh				a new connection with a full handshake for each request
 *	  --rate N				so many a second instead of as many as go; latency counts from when a request was due
 *	  --sources N				connections come from so many addresses, 127.9.0.1 onwards: nginx limits by address
 *	  --again				a GET whose kept connection ends before a byte of an answer is sent once more on another one, as
 *						RFC 9112 9.3.1 has it for safe methods; counted as `again`
 *
 * SIGTERM ends it early: what is out is waited for, nothing more is sent. Prints one JSON object: requests by outcome, lines taken, seconds, latency
 * percentiles and the slowest in microseconds, own CPU seconds; and on standard error the first answers that are neither 2xx nor 409. It is the same
 * program for every side of a comparison, so what it costs is the same, too.
 */
#include "core.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/signature.h"

#define MAX_CONNECTIONS 256
#define REPLY_BYTES     (64 * 1024)
#define REQUEST_BYTES   (32 * 1024)
#define SAMPLES         (1 << 20)

struct line {
	const char *method, *target, *body;
};

struct link {
	SSL *ssl;
	int fd;
	bool idle; /* may take a request that is due */
	bool busy; /* a request is out */
	bool again; /* it was sent once before */
	unsigned answered; /* on this connection */
	const struct line *line; /* what is out, or waits for a new connection */
	size_t have;
	int64_t sent_at;
	char reply[REPLY_BYTES];
};

static struct {
	const char *ca, *key, *secret, *token, *file;
	int port, connections, sources;
	double seconds, rate;
	bool once, fresh, repeat;
	struct line *lines;
	size_t nlines, next, taken;
	SSL_CTX *tls;
	int epoll, open;
	int64_t began, until;
	uint64_t nonce;
	uint64_t ok, conflict, refused, failed, again;
	uint32_t slowest;
	char timestamp[CLOCK_TEXT];
	int64_t timestamp_at;
	uint32_t *samples;
	size_t nsamples;
	struct link links[MAX_CONNECTIONS];
} load = { .port = 8443, .connections = 16, .seconds = 2 };

static volatile sig_atomic_t told_to_end;

static void
end_early(int signal UNUSED)
{
	told_to_end = 1;
}

static bool
over(void)
{
	return told_to_end != 0 || clock_mono_us() >= load.until;
}

/* ---- the requests */

static void
read_lines(void)
{
	FILE *f = fopen(load.file, "re");
	char *text = NULL;
	size_t cap = 0, room = 0;

	if (f == NULL)
		die("%s: %s", load.file, strerror(errno));
	while (getline(&text, &cap, f) > 0) {
		char *target, *body;

		text[strcspn(text, "\n")] = '\0';
		if (load.nlines == room)
			load.lines = realloc(load.lines, (room = room == 0 ? 1024 : room * 2) * sizeof(*load.lines));
		if (load.lines == NULL || (target = strchr(text, ' ')) == NULL)
			die("%s: a line is no request", load.file);
		*target++ = '\0';
		body = strchr(target, ' ');
		if (body != NULL)
			*body++ = '\0';
		load.lines[load.nlines++] = (struct line){ text, target, body };
		text = NULL;	/* the list keeps it */
		cap = 0;
	}
	free(text);
	(void)fclose(f);
	if (load.nlines == 0)
		die("%s: no request", load.file);
}

static const struct line *
next_line(void)
{
	if (load.next >= load.nlines && load.once)
		return NULL;
	load.taken++;
	return &load.lines[load.next++ % load.nlines];
}

/* The credential's headers. A timestamp serves for a second, as a caller's clock would. */
static size_t
credential(char *at, size_t room, const struct line *l)
{
	char nonce[32], signature[68];
	int64_t now = clock_us();
	int n;

	if (load.token != NULL) {
		n = snprintf(at, room, "Authorization: Bearer %s\r\n", load.token);
	} else if (load.key != NULL) {
		if (now - load.timestamp_at > US_PER_S) {
			(void)clock_text(now, load.timestamp);
			load.timestamp_at = now;
		}
		(void)snprintf(nonce, sizeof(nonce), "%016" PRIx64 "%08x", load.nonce++, (unsigned)getpid());
		service_sign_v2(load.secret,
		    &(struct signed_call){ load.timestamp, nonce, l->method, l->target, BYTES_OF(l->body != NULL ? l->body : "") },
		    signature);
		n = snprintf(at, room, "X-API-Key: %s\r\nX-Timestamp: %s\r\nX-Nonce: %s\r\nX-Signature: %s\r\n", load.key,
		    load.timestamp, nonce, signature);
	} else {
		return 0;
	}
	if (n < 0 || (size_t)n >= room)
		die("a credential is too long");
	return (size_t)n;
}

static size_t
compose(char *out, const struct line *l)
{
	int n = snprintf(out, REQUEST_BYTES, "%s %s HTTP/1.1\r\nHost: localhost\r\n", l->method, l->target);
	size_t at = (size_t)n;

	at += credential(out + at, REQUEST_BYTES - at, l);
	if (l->body != NULL)
		n = snprintf(out + at, REQUEST_BYTES - at, "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
		    strlen(l->body), load.fresh ? "Connection: close\r\n" : "", l->body);
	else
		n = snprintf(out + at, REQUEST_BYTES - at, "%s\r\n", load.fresh ? "Connection: close\r\n" : "");
	if (n < 0 || (size_t)n >= REQUEST_BYTES - at)
		die("a request is too long");
	return at + (size_t)n;
}

/* ---- a connection */

static void
link_close(struct link *k)
{
	if (k->fd < 0)
		return;
	SSL_free(k->ssl);
	(void)close(k->fd);
	k->ssl = NULL;
	k->fd = -1;
	k->busy = false;
	k->idle = false;
	load.open--;
}

static void
link_open(struct link *k)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)load.port) }, from = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data = { .ptr = k } };
	const int on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl((127u << 24) + (9u << 16) + 1 + (uint32_t)(load.sources > 0 ? (k - load.links) % load.sources : 0));
	k->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0 || (load.sources > 0 && bind(k->fd, (struct sockaddr *)&from, sizeof(from)) < 0) || connect(k->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("port %d: %s", load.port, strerror(errno));
	(void)setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)fcntl(k->fd, F_SETFL, O_NONBLOCK);
	k->ssl = SSL_new(load.tls);
	if (k->ssl == NULL || SSL_set_fd(k->ssl, k->fd) != 1 || SSL_set1_host(k->ssl, "localhost") != 1)
		die("no TLS connection can be made");
	(void)SSL_set_tlsext_host_name(k->ssl, "localhost");
	SSL_set_connect_state(k->ssl);
	k->have = 0;
	k->answered = 0;
	load.open++;
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, k->fd, &ev) < 0)
		die("epoll: %s", strerror(errno));
}

/* Sends the next request, if there is one and time is left. due: when it should have gone, 0 = now. False: the connection took nothing. */
static bool
link_send(struct link *k, int64_t due)
{
	char out[REQUEST_BYTES];
	size_t n;

	if (k->line == NULL && (over() || (k->line = next_line()) == NULL)) {
		link_close(k);
		return true;
	}
	n = compose(out, k->line);
	if (!k->again && (!load.fresh || k->sent_at == 0))
		k->sent_at = due > 0 ? due : clock_mono_us();
	k->busy = true;
	k->idle = false;
	k->have = 0;
	/* A request is far below the socket's buffer, so it leaves whole or not at all. */
	return SSL_write(k->ssl, out, (int)n) == (int)n;
}

static void
count_reply(struct link *k, int status)
{
	int64_t us = clock_mono_us() - k->sent_at;

	if (status >= 200 && status < 300)
		load.ok++;
	else if (status == 409)
		load.conflict++;
	else if (load.refused++ < 5)
		(void)fprintf(stderr, "%s: %.600s\n", k->line->target, k->reply);
	us = us > UINT32_MAX ? UINT32_MAX : us;
	if (us > load.slowest)
		load.slowest = (uint32_t)us;
	if (load.nsamples < SAMPLES)
		load.samples[load.nsamples++] = (uint32_t)us;
	k->busy = false;
	k->again = false;
	k->line = NULL;
	k->answered++;
	k->sent_at = 0;
}

/* 1: a whole reply is there, 0: not yet. */
static int
reply_complete(struct link *k, int *ret_status, bool *ret_close)
{
	char *end, *length;

	k->reply[k->have] = '\0';
	end = strstr(k->reply, "\r\n\r\n");
	if (end == NULL)
		return 0;
	end += 4;
	length = strcasestr(k->reply, "\r\ncontent-length:");
	if (length == NULL || length > end)
		die("a reply without Content-Length: %.200s", k->reply);
	if (k->have < (size_t)(end - k->reply) + strtoul(length + 17, NULL, 10))
		return 0;
	*ret_status = (int)strtol(k->reply + 9, NULL, 10);
	length = strcasestr(k->reply, "\r\nconnection: close");
	*ret_close = length != NULL && length < end;
	return 1;
}

static void
link_reopen(struct link *k)
{
	link_close(k);
	if (k->line == NULL && (over() || (load.once && load.next >= load.nlines)))
		return;
	if (k->line == NULL)
		k->sent_at = load.fresh ? clock_mono_us() : 0;
	link_open(k);
}

/* The connection is of no more use. Whose request was out on it, and may have been seen by nobody, is told by --again. */
static void
link_lost(struct link *k)
{
	bool repeat = load.repeat && k->busy && k->have == 0 && k->answered > 0 && !k->again && strcmp(k->line->method, "GET") == 0;

	if (repeat) {
		load.again++;
		k->again = true;
	} else {
		load.failed += k->busy || !SSL_is_init_finished(k->ssl);
		k->line = NULL;
		k->again = false;
	}
	link_reopen(k);
}

/* The connection ended, or only has nothing more for now. */
static void
link_stopped(struct link *k, int n)
{
	int why = SSL_get_error(k->ssl, n);

	ERR_clear_error();
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		link_lost(k);
}

/* Nothing is out on it: the next request goes at once, or when one is due. */
static void
link_ready(struct link *k)
{
	if (load.rate > 0 && k->line == NULL)
		k->idle = true;
	else if (!link_send(k, 0))
		link_lost(k);
}

/* Reads what is there; a kept connection goes on with its next request. */
static void
link_event(struct link *k)
{
	bool last = false;
	int n, status = 0;

	if (!SSL_is_init_finished(k->ssl)) {
		n = SSL_do_handshake(k->ssl);
		if (n != 1) {
			link_stopped(k, n);
			return;
		}
		link_ready(k);
	}
	while (k->fd >= 0 && SSL_is_init_finished(k->ssl)) {
		n = SSL_read(k->ssl, k->reply + k->have, (int)(REPLY_BYTES - 1 - k->have));
		if (n <= 0) {
			link_stopped(k, n);
			return;
		}
		k->have += (size_t)n;
		if (reply_complete(k, &status, &last) == 0)
			continue;
		count_reply(k, status);
		if (last || load.fresh) {
			link_reopen(k);
			return;
		}
		link_ready(k);
	}
}

/* With a rate: what is due goes out on connections that have nothing to do. Returns when to come again. */
static int64_t
pace(void)
{
	static size_t issued, at;
	int64_t due = INT64_MAX;

	for (int looked = 0; looked < load.connections && !over(); at++) {
		struct link *k = &load.links[at % (size_t)load.connections];

		due = load.began + (int64_t)((double)issued * (double)US_PER_S / load.rate);
		if (due > clock_mono_us())
			return due;
		looked++;
		if (k->fd < 0 || !k->idle)
			continue;
		looked = 0;
		issued++;
		if (!link_send(k, due))
			link_lost(k);
	}
	for (int i = 0; over() && i < load.connections; i++)
		if (load.links[i].idle)
			link_close(&load.links[i]);
	return clock_mono_us() + US_PER_S;
}

/* ---- the run */

static void
tls_open(void)
{
	load.tls = SSL_CTX_new(TLS_client_method());
	if (load.tls == NULL || SSL_CTX_load_verify_file(load.tls, load.ca) != 1)
		die("%s: no authority", load.ca);
	SSL_CTX_set_verify(load.tls, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(load.tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(load.tls, SSL_OP_NO_TICKET);
}

static void
run(void)
{
	struct epoll_event evs[64];
	struct link *k;

	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < load.connections; i++) {
		load.links[i].fd = -1;
		link_open(&load.links[i]);
	}
	load.began = clock_mono_us();
	load.until = load.began + (int64_t)(load.seconds * (double)US_PER_S);
	while (load.open > 0) {
		int64_t wait = load.rate > 0 ? pace() - clock_mono_us() : US_PER_S;
		struct timespec t = { .tv_sec = wait / US_PER_S, .tv_nsec = wait % US_PER_S * 1000 };
		int n = load.open == 0 ? 0 : epoll_pwait2(load.epoll, evs, COUNT(evs), wait > 0 ? &t : &(struct timespec){ 0 }, NULL);

		if (n == 0 && clock_mono_us() > load.until + 10 * US_PER_S)
			break;
		for (int i = 0; i < n; i++)
			if ((k = evs[i].data.ptr)->fd >= 0)
				link_event(k);
	}
	for (int i = 0; i < load.connections; i++)
		load.failed += load.links[i].fd >= 0 && load.links[i].busy;
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint32_t
percentile(unsigned p)
{
	return load.nsamples == 0 ? 0 : load.samples[(load.nsamples - 1) * p / 100];
}

static void
print_result(double seconds)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	qsort(load.samples, load.nsamples, sizeof(*load.samples), by_size);
	printf("{\"ok\":%" PRIu64 ",\"conflict\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64
	       ",\"again\":%" PRIu64 ",\"taken\":%zu,\"seconds\":%.4f,\"p50\":%u,\"p99\":%u,\"slowest\":%u,\"cpu\":%.4f}\n",
	    load.ok, load.conflict, load.refused, load.failed, load.again, load.taken, seconds, percentile(50), percentile(99), load.slowest,
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

static int
options(int argc, char **argv)
{
	static const struct option known[] = { { "port", required_argument, NULL, 'p' }, { "ca", required_argument, NULL, 'a' },
		{ "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 's' },
		{ "key", required_argument, NULL, 'k' }, { "bearer", no_argument, NULL, 'b' }, { "from", required_argument, NULL, 'f' },
		{ "once", no_argument, NULL, 'o' }, { "fresh", no_argument, NULL, 'n' }, { "rate", required_argument, NULL, 'r' },
		{ "sources", required_argument, NULL, 'S' }, { "again", no_argument, NULL, 'g' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'p': load.port = (int)strtol(optarg, NULL, 10); break;
		case 'a': load.ca = optarg; break;
		case 'c': load.connections = (int)strtol(optarg, NULL, 10); break;
		case 's': load.seconds = strtod(optarg, NULL); break;
		case 'k': load.key = optarg; break;
		case 'b': load.token = getenv("LOAD_TOKEN"); break;
		case 'f': load.next = strtoul(optarg, NULL, 10); break;
		case 'o': load.once = true; break;
		case 'n': load.fresh = true; break;
		case 'r': load.rate = strtod(optarg, NULL); break;
		case 'S': load.sources = (int)strtol(optarg, NULL, 10); break;
		case 'g': load.repeat = true; break;
		default: return -1;
		}
	}
	load.secret = getenv("LOAD_SECRET");
	if (optind + 1 != argc || load.ca == NULL || load.connections < 1 || load.connections > MAX_CONNECTIONS ||
	    (load.key != NULL && load.secret == NULL))
		return -1;
	load.file = argv[optind];
	return 0;
}

int
main(int argc, char **argv)
{
	int64_t began;

	log_open("load", LOG_INFO);
	load.samples = calloc(SAMPLES, sizeof(*load.samples));
	if (load.samples == NULL || options(argc, argv) < 0) {
		(void)fprintf(stderr, "usage: telerx-load --port P --ca FILE [--connections N] [--seconds S] [--key ID | --bearer] [--from N]"
				" [--once] [--fresh] [--rate N] [--sources N] [--again] FILE\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, end_early);
	load.nonce = (uint64_t)clock_us() << 8;
	read_lines();
	tls_open();
	began = clock_mono_us();
	run();
	print_result((double)(clock_mono_us() - began) / (double)US_PER_S);
	return load.failed + load.refused == 0 ? 0 : 1;
}

/*
 * cluster.c: a PostgreSQL to test on and scratch databases in it.
 *
 * A cluster of our own runs as an unprivileged user (the server refuses root) and dies with this process, even when it is killed.
 * Role and database names carry the process id and a random part, so tests may run side by side in one cluster.
 */
#include "core.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "data/migrate.h"
#include "harness/harness.h"

#define PATH_MOST 200

struct scratch {
	char name[48]; /* database; roles telerx_<name>[_owner|_reader] */
	char app[512], owner[512], super[512];
	char folder[PATH_MOST];
	struct holder_place holder;
};

static char cluster[PATH_MOST]; /* socket directory */
static char superuser[64] = "postgres";
static char programs[PATH_MOST];
static char own_folder[PATH_MOST];
static pid_t server = -1;
static pid_t starter = -1;
static pid_t watcher = -1;
static int alive = -1; /* the pipe that says so */

static void
broken(const char *what)
{
	(void)fprintf(stderr, "harness: %s: %m\n", what);
	exit(99);
}

static void
put_text(char *out, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(out, n, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= n)
		broken("a name is too long");
}

static const char *
source_root(void)
{
	const char *root = getenv("TELERX_SOURCE");

	return root != NULL && root[0] != '\0' ? root : HARNESS_SOURCE;
}

/* ---- programs */

static int
is_version(const struct dirent *d)
{
	return d->d_name[0] >= '1' && d->d_name[0] <= '9';
}

/* Debian keeps the server's programs outside of PATH, one folder per version. */
static void
find_programs(void)
{
	const char *said = getenv("TELERX_PG_BIN");
	struct dirent **names;
	int n;

	if (said != NULL && said[0] != '\0') {
		put_text(programs, sizeof(programs), "%s", said);
		return;
	}
	n = scandir("/usr/lib/postgresql", &names, is_version, versionsort);
	if (n <= 0) {
		(void)fprintf(stderr, "harness: no PostgreSQL server under /usr/lib/postgresql (TELERX_PG_BIN says where it is)\n");
		exit(99);
	}
	put_text(programs, sizeof(programs), "/usr/lib/postgresql/%s/bin", names[n - 1]->d_name);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static void
become_unprivileged(void)
{
	const struct passwd *pw = getpwnam("nobody");

	if (geteuid() != 0)
		return;
	if (pw == NULL || setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		_exit(127);
}

/* Starts a program; its output goes to a file in our folder. */
static pid_t
start(const char *name, const char *const *args, bool unprivileged, const char *log)
{
	pid_t parent = getpid(), pid = fork();
	char path[PATH_MOST + 64];
	int fd;

	if (pid != 0)
		return pid;
	put_text(path, sizeof(path), "%s/%s", programs, name);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0 && (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0))
		_exit(127);
	if (unprivileged)
		become_unprivileged();
	/* After the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (getppid() != parent)
		_exit(127);
	execv(path, (char *const *)(uintptr_t)args);
	_exit(127);
}

static int
run(const char *name, const char *const *args, bool unprivileged, const char *log)
{
	pid_t pid = start(name, args, unprivileged, log);
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		broken(name);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
show(const char *log)
{
	FILE *f = fopen(log, "re");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)fputs(line, stderr);
	if (f != NULL)
		(void)fclose(f);
}

/* ---- a cluster of our own */

static int
remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static void
remove_tree(const char *path)
{
	if (path[0] != '\0')
		(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The server's process by its own note; 0 when none runs. */
static pid_t
running_server(void)
{
	char path[PATH_MOST + 32], line[32] = "";
	FILE *f;

	put_text(path, sizeof(path), "%s/data/postmaster.pid", own_folder);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	(void)fclose(f);
	return (pid_t)strtol(line, NULL, 10);
}

/*
 * However this process ends, its cluster ends and its folder goes: a watcher holds the reading end of a pipe whose writing end only we
 * have. At the end of file the test is over, or dead.
 */
static NORETURN void
watch(int pipe_end)
{
	pid_t pid;
	char c;

	while (read(pipe_end, &c, 1) > 0)
		;
	for (int i = 0; i < 100 && (pid = running_server()) > 0 && kill(pid, SIGINT) == 0; i++)
		(void)poll(NULL, 0, 50);
	for (int i = 0; i < 20 && access(own_folder, F_OK) == 0; i++) {
		remove_tree(own_folder); /* initdb may have been cut off in the middle, and something of it still writes */
		(void)poll(NULL, 0, 20);
	}
	_exit(0);
}

static void
start_watcher(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || (watcher = fork()) < 0)
		broken("watcher");
	if (watcher == 0) {
		(void)setsid(); /* an interrupt at the terminal is for the test */
		close(ends[1]);
		watch(ends[0]);
	}
	close(ends[0]);
	alive = ends[1];
}

static void
stop_cluster(void)
{
	if (getpid() != starter)
		return; /* a child of the test program leaves */
	if (server > 0 && kill(server, SIGINT) == 0)
		(void)waitpid(server, NULL, 0);
	close(alive);
	(void)waitpid(watcher, NULL, 0);
}

static void
make_folder(char *out, size_t n, const char *what)
{
	const char *tmp = getenv("TMPDIR");

	if (own_folder[0] != '\0')
		tmp = own_folder; /* goes with it */
	put_text(out, n, "%s/telerx-%s-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp", what);
	if (mkdtemp(out) == NULL)
		broken(out);
}

static void
wait_for_server(const char *log)
{
	char info[PATH_MOST + 128];

	put_text(info, sizeof(info), "host=%s user=%s dbname=postgres", cluster, superuser);
	for (int i = 0; i < 600; i++) {
		if (PQping(info) == PQPING_OK)
			return;
		if (waitpid(server, NULL, WNOHANG) == server)
			break;
		(void)poll(NULL, 0, 50);
	}
	show(log);
	(void)fprintf(stderr, "harness: the PostgreSQL server does not start\n");
	exit(99);
}

static void
start_cluster(void)
{
	char folder[PATH_MOST], data[PATH_MOST + 8], log[PATH_MOST + 8];
	const struct passwd *pw = getpwnam("nobody");

	make_folder(folder, sizeof(folder), "pg");
	put_text(own_folder, sizeof(own_folder), "%s", folder);
	start_watcher();
	starter = getpid();
	(void)atexit(stop_cluster);
	if (geteuid() == 0 && (pw == NULL || chown(own_folder, pw->pw_uid, pw->pw_gid) < 0))
		broken(own_folder);
	put_text(cluster, sizeof(cluster), "%s", own_folder);
	put_text(data, sizeof(data), "%s/data", own_folder);
	put_text(log, sizeof(log), "%s/log", own_folder);
	const char *const init[] = { "initdb", "-D", data, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N",
		NULL };
	const char *const serve[] = { "postgres", "-D", data, "-k", own_folder, "-c", "listen_addresses=", "-c",
		"max_connections=100", "-c", "shared_buffers=32MB", "-c", "logging_collector=off", NULL };

	if (run("initdb", init, true, log) != 0) {
		show(log);
		broken("initdb");
	}
	server = start("postgres", serve, true, log);
	wait_for_server(log);
}

static void
need_cluster(void)
{
	const char *said = getenv("TELERX_TEST_PG");
	const char *space;

	if (cluster[0] != '\0')
		return;
	find_programs();
	if (said == NULL || said[0] == '\0') {
		start_cluster();
		return;
	}
	space = strchr(said, ' ');
	put_text(cluster, sizeof(cluster), "%.*s", space != NULL ? (int)(space - said) : (int)strlen(said), said);
	if (space != NULL)
		put_text(superuser, sizeof(superuser), "%s", space + 1);
}

/* ---- scratch databases */

static void
provision(struct scratch *s)
{
	char service[80], database[80], file[PATH_MOST + 64], log[PATH_MOST + 16];

	put_text(service, sizeof(service), "service=%s", s->name);
	put_text(database, sizeof(database), "database=%s", s->name);
	put_text(file, sizeof(file), "%s/sql/cluster/provision.sql", source_root());
	put_text(log, sizeof(log), "%s/provision.log", s->folder);
	const char *const args[] = { "psql", "-X", "-q", "-h", cluster, "-U", superuser, "-d", "postgres", "-v", service, "-v",
		database, "-v", "app_password=test", "-v", "owner_password=test", "-f", file, NULL };

	if (run("psql", args, false, log) != 0) {
		show(log);
		broken("provision.sql");
	}
}

struct scratch *
scratch_new(const char *dir, bool sample)
{
	static unsigned count;
	struct scratch *s = calloc(1, sizeof(*s));
	char sql[PATH_MOST + 8];
	struct problem err = { 0 };
	unsigned applied;
	uint16_t random;

	need_cluster();
	if (s == NULL || random_bytes(&random, sizeof(random)) < 0)
		broken("scratch");
	put_text(s->name, sizeof(s->name), "test_%d_%04x_%u", (int)getpid(), random, ++count);
	put_text(s->app, sizeof(s->app), "host=%s dbname=%s user=telerx_%s password=test", cluster, s->name, s->name);
	put_text(s->owner, sizeof(s->owner), "host=%s dbname=%s user=telerx_%s_owner password=test", cluster, s->name, s->name);
	put_text(s->super, sizeof(s->super), "host=%s dbname=%s user=%s", cluster, s->name, superuser);
	make_folder(s->folder, sizeof(s->folder), "test");
	holder_at(&s->holder, s->folder);
	provision(s);
	put_text(sql, sizeof(sql), "%s/sql", source_root());
	if (migrate_up(s->owner, sql, dir != NULL ? dir : "none", sample, &applied, &err) < 0) {
		(void)fprintf(stderr, "harness: %s: %s\n", err.code, err.detail);
		exit(99);
	}
	return s;
}

static void
drop(PGconn *conn, const char *fmt, const char *name)
{
	char text[256];

	put_text(text, sizeof(text), fmt, name);
	PQclear(PQexec(conn, text));
}

void
scratch_free(struct scratch *s)
{
	char info[PATH_MOST + 128];
	PGconn *conn;

	if (s == NULL)
		return;
	put_text(info, sizeof(info), "host=%s user=%s dbname=postgres", cluster, superuser);
	conn = PQconnectdb(info);
	drop(conn, "DROP DATABASE IF EXISTS %s WITH (FORCE)", s->name);
	drop(conn, "DROP ROLE IF EXISTS telerx_%s", s->name);
	drop(conn, "DROP ROLE IF EXISTS telerx_%s_reader", s->name);
	drop(conn, "DROP ROLE IF EXISTS telerx_%s_sealer", s->name);
	drop(conn, "DROP ROLE IF EXISTS telerx_%s_verifier", s->name);
	drop(conn, "DROP ROLE IF EXISTS telerx_%s_owner", s->name);
	PQfinish(conn);
	holder_stop(&s->holder, SIGTERM);
	remove_tree(s->folder);
	free(s);
}

const char *
scratch_url(const struct scratch *s)
{
	return s->app;
}

const char *
scratch_owner_url(const struct scratch *s)
{
	return s->owner;
}

const char *
scratch_super_url(const struct scratch *s)
{
	return s->super;
}

const char *
scratch_folder(const struct scratch *s)
{
	return s->folder;
}

const char *
scratch_keyholder(struct scratch *s, const char *service)
{
	holder_keys(&s->holder, service);
	if (s->holder.pid == 0)
		holder_start(&s->holder);
	return s->holder.socket;
}

struct holder_place *
scratch_holder(struct scratch *s)
{
	return &s->holder;
}

const char *
scratch_source(void)
{
	return source_root();
}

/*
 * file_local.c: files in a directory. An object appears whole or not at all: it is written beside its name, synced, renamed, and the
 * folder is synced; what a crash leaves of the first step looks like no object and goes with the sweep.
 */
#include "core.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/file_store_private.h"

#define PART	".part"
#define MOST	((size_t)64 * 1024 * 1024)
#define PRIVATE 0700

static int
unavailable(struct problem *err, const char *doing)
{
	int why = errno;

	log_line(LOG_ERROR, "files.unavailable", "doing", doing, "why", strerror(why), NULL);
	return problem(err, 503, "files_unavailable", "files cannot be kept or read now");
}

static const char *
path_of(const struct file_place *p, const char *object)
{
	return arena_printf(p->arena, "%s/%s", conf_str(p->conf, "FILES_DIR"), object);
}

static void
closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define AUTO_FD __attribute__((cleanup(closep))) int

static int
sync_folder(const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : -1;
}

/* Each folder on the way, and its entry in the one above, is on the disk before what it holds. */
static int
make_folders(const struct file_place *p, const char *path)
{
	size_t root = strlen(conf_str(p->conf, "FILES_DIR"));

	for (const char *slash = path + root; slash != NULL; slash = strchr(slash + 1, '/')) {
		const char *folder = arena_ndup(p->arena, path, (size_t)(slash - path));
		const char *above = strrchr(folder, '/');

		if (mkdir(folder, PRIVATE) == 0) {
			if (sync_folder(above == NULL ? "." : above == folder ? "/" : arena_ndup(p->arena, folder, (size_t)(above - folder))) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return -1;
		}
	}
	return 0;
}

static int
write_whole(const char *path, struct bytes b)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	while (b.n > 0) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			b = BYTES(b.p + n, b.n - (size_t)n);
	}
	return fsync(fd);
}

static int
local_put(const struct file_place *p, const char *object, struct bytes sealed, struct problem *err)
{
	const char *path = path_of(p, object), *part = arena_printf(p->arena, "%s" PART, path);
	const char *folder = arena_ndup(p->arena, path, (size_t)(strrchr(path, '/') - path));

	if (make_folders(p, path) < 0)
		return unavailable(err, "folder");
	if (write_whole(part, sealed) < 0 || rename(part, path) < 0) {
		int rc = unavailable(err, "write");

		(void)unlink(part);
		return rc;
	}
	return sync_folder(folder) < 0 ? unavailable(err, "sync") : 0;
}

static int
local_get(const struct file_place *p, const char *object, struct bytes *ret, struct problem *err)
{
	AUTO_FD fd = open(path_of(p, object), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	uint8_t *out;
	size_t have = 0;

	if (fd < 0 && errno == ENOENT)
		return problem(err, 404, "file_not_found", "no such file");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > MOST)
		return unavailable(err, "open");
	out = arena_alloc(p->arena, (size_t)st.st_size + 1);
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, out + have, (size_t)st.st_size - have);

		if (n == 0 || (n < 0 && errno != EINTR))
			return unavailable(err, "read");
		have += n > 0 ? (size_t)n : 0;
	}
	*ret = BYTES(out, have);
	return 0;
}

static int
local_drop(const struct file_place *p, const char *object, struct problem *err)
{
	return unlink(path_of(p, object)) < 0 && errno != ENOENT ? unavailable(err, "unlink") : 0;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static int
local_list(const struct file_place *p, const char *folder, int64_t age_s, struct file_names *ret, struct problem *err)
{
	const char *path = path_of(p, folder);
	__attribute__((cleanup(closedirp))) DIR *d = opendir(path);
	int64_t before = clock_us() / US_PER_S - age_s;
	const struct dirent *e;
	struct stat st;

	if (d == NULL)
		return errno == ENOENT ? 0 : unavailable(err, "list");
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    (int64_t)st.st_mtime < before)
			file_names_add(p->arena, ret, arena_printf(p->arena, "%s/%s", folder, e->d_name));
	return 0;
}

const struct file_backend file_local = { local_put, local_get, local_drop, local_list };

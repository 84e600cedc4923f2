/* trail.c: see keyholder.h. One write a line, at the end of the file: lines of a killed keyholder are whole and stay. */
#include "core.h"

#include <fcntl.h>

#include "base/clock.h"
#include "keyholder/keyholder.h"

static int trail = -1;

int
trail_open(const char *path, struct problem *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return problem(err, 500, "no_trail", "%s: %s", path, strerror(errno));
	if (trail >= 0)
		(void)close(trail);
	trail = fd;
	return 0;
}

int
trail_add(const struct client *c, const char *op, int64_t id, int number, const char *outcome)
{
	char line[384], at[CLOCK_TEXT];
	int n = snprintf(line, sizeof(line),
	    "{\"at\":\"%s\",\"op\":\"%s\",\"service\":\"%s\",\"uid\":%u,\"pid\":%d,\"dek\":%" PRId64 ",\"kek\":%d,\"outcome\":\"%s\"}\n",
	    clock_text(clock_us(), at), op, c->service, (unsigned)c->uid, (int)c->pid, id, number, outcome);

	if (n < 0 || (size_t)n >= sizeof(line) || trail < 0)
		return -1;
	return write(trail, line, (size_t)n) == n ? 0 : -1;
}

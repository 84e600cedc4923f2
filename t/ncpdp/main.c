/*
 * main.c: telerx-ncpdp-generate N SEED [--broken KIND] [DIRECTORY]: writes N NewRx messages, as DIRECTORY/0001.xml … or one after the other to standard output.
 * KIND `list` prints the kinds.
 */
#include "core.h"

#include "base/log.h"
#include "ncpdp/generate.h"

#define MOST ((size_t)64 * 1024)

static enum broken
kind_of(const char *name)
{
	for (int k = 0; k < BROKEN__MAX; k++)
		if (strcmp(broken_names[k], name) == 0)
			return (enum broken)k;
	die("there is no broken kind %s; --broken list prints them", name);
}

static void
write_out(const struct buf *message, const char *directory, unsigned i)
{
	char path[4096];
	FILE *f = stdout;

	if (directory != NULL) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%04u.xml", directory, i) >= sizeof(path) || (f = fopen(path, "we")) == NULL)
			die("%s/%04u.xml cannot be written", directory, i);
	}
	if (message->failed || fwrite(message->data, 1, message->len, f) != message->len || fflush(f) != 0 || (directory != NULL && fclose(f) != 0))
		die("message %u cannot be written", i);
}

int
main(int argc, char **argv)
{
	const char *place[3] = { NULL };
	enum broken how = BROKEN_NOT;
	size_t n = 0;

	for (int k = 1; k < argc; k++) {
		if (strcmp(argv[k], "--broken") == 0 && k + 1 < argc && strcmp(argv[k + 1], "list") == 0) {
			for (int b = 1; b < BROKEN__MAX; b++)
				puts(broken_names[b]);
			return 0;
		}
		if (strcmp(argv[k], "--broken") == 0 && k + 1 < argc)
			how = kind_of(argv[++k]);
		else if (n < COUNT(place))
			place[n++] = argv[k];
	}
	if (n < 2)
		die("usage: telerx-ncpdp-generate N SEED [--broken KIND] [DIRECTORY]");
	for (unsigned long i = 1, most = strtoul(place[0], NULL, 10); i <= most; i++) {
		struct buf message = BUF_INIT(MOST);

		ncpdp_message(&message, strtoull(place[1], NULL, 10), (unsigned)i, how);
		write_out(&message, place[2], (unsigned)i);
		buf_release(&message);
	}
	return 0;
}

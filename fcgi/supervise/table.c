#include "supervise/table.h"

#include <signal.h>

static const struct { const char *name; int signal; } signals[] = {
	{ "TERM", SIGTERM },
	{ "INT", SIGINT },
	{ "QUIT", SIGQUIT },
};

static const char *const reloads[] = {
	[RELOAD_KEEP] = "keep",
	[RELOAD_HUP] = "HUP",
	[RELOAD_RESTART] = "restart",
};

static int
signal_of(const char *name)
{
	for (size_t i = 0; i < COUNT(signals); i++)
		if (strcmp(signals[i].name, name) == 0)
			return signals[i].signal;
	return -1;
}

static int
reload_of(const char *name)
{
	for (size_t i = 0; i < COUNT(reloads); i++)
		if (strcmp(reloads[i], name) == 0)
			return (int)i;
	return -1;
}

/* A small count; -1 when it is none. */
static int
count_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end == text || *end != '\0' || n < 0 || n > 3600 ? -1 : (int)n;
}

void
table_row_release(struct table_row *row)
{
	free(row->line);
	free(row->words);
	*row = (struct table_row){ 0 };
}

void
table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		table_row_release(&t->rows[i]);
	t->n = 0;
}

/* Splits the row's words in place; NULL, or what is wrong with the line. */
static const char *
row_split(struct table_row *row)
{
	char *words[5 + TABLE_WORDS];
	char *rest = row->words, *word;
	size_t n = 0;
	int signal, reload;

	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (n == COUNT(words))
			return "too many words";
		words[n++] = word;
	}
	if (n < 6)
		return "needs name, stage, stop signal, seconds, reload and a program";
	row->name = words[0];
	row->stage = count_of(words[1]);
	signal = signal_of(words[2]);
	row->stop_seconds = count_of(words[3]);
	reload = reload_of(words[4]);
	if (row->stage < 0 || signal < 0 || row->stop_seconds < 0 || reload < 0)
		return "has a stage, signal, time or reload word that is none";
	if (strchr(row->name, '/') != NULL)
		return "has a slash in its name, which is also the name of its log";
	row->stop_signal = signal;
	row->reload = (enum reload)reload;
	memcpy(row->argv, words + 5, (n - 5) * sizeof(char *));
	return NULL;
}

static const char *
table_add(struct table *t, const char *line)
{
	struct table_row *row = &t->rows[t->n];
	const char *fault;

	if (t->n == COUNT(t->rows))
		return "is one process too many";
	row->line = strdup(line);
	row->words = strdup(line);
	t->n++;	/* from here on the table's release frees the row */
	if (row->line == NULL || row->words == NULL)
		return "does not fit into memory";
	fault = row_split(row);
	for (size_t i = 0; fault == NULL && i + 1 < t->n; i++)
		if (strcmp(t->rows[i].name, row->name) == 0)
			fault = "repeats a name";
	return fault;
}

int
table_read(struct table *t, const char *path)
{
	FILE *f = fopen(path, "re");
	const char *fault = NULL;
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;

	*t = (struct table){ 0 };
	if (f == NULL) {
		(void)fprintf(stderr, "telerx-supervise: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (fault == NULL && getline(&line, &size, f) >= 0) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t")] != '\0' && *line != '#')
			fault = table_add(t, line);
	}
	free(line);
	(void)fclose(f);
	if (fault == NULL)
		return 0;
	(void)fprintf(stderr, "telerx-supervise: %s:%u %s\n", path, number, fault);
	table_release(t);
	return -1;
}

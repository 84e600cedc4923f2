/* documents.c: see documents.h */
#include "core.h"

#include "documents.h"

int
complain(const char *program, const char *what, const char *name)
{
	(void)fprintf(stderr, "%s: %s %s\n", program, what, name);
	return -1;
}

int
documents_read(const char *program, int (*take)(json_t *document, void *context), void *context)
{
	unsigned n = 0;
	int rc = 0;

	for (; rc == 0; n++) {
		json_error_t err;
		json_t *document = json_loadf(stdin, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &err);

		if (document == NULL && feof(stdin) && err.position <= 1)
			break;
		rc = document == NULL ? complain(program, "standard input:", err.text) : take(document, context);
		json_decref(document);
	}
	if (rc == 0 && n == 0)
		rc = complain(program, "standard input:", "no document");
	return rc;
}

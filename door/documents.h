/*
 * documents.h: reads the services' OpenAPI documents, one after the other on standard input, as `telerx-<service> openapi` prints them.
 */
#ifndef DOOR_DOCUMENTS_H
#define DOOR_DOCUMENTS_H

#include <jansson.h>

/* Calls take for each document, which it borrows; stops at the first that is not 0. -1 when a document is no JSON or there is none; what is
 * wrong goes to standard error, after the program's name. */
int documents_read(const char *program, int (*take)(json_t *document, void *context), void *context);
int complain(const char *program, const char *what, const char *name); /* returns -1 */

#endif

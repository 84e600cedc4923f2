/*
 * secret.h: memory for keys, and a process that holds some (rule E8).
 *
 * The pages are their own: neither swapped nor dumped, and wiped when they go.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "core.h"

void *secret_alloc(size_t n); /* zeroed; NULL when there is no memory */
void secret_free(void *p, size_t n);
/* From now on no core dump, no debugger of the same user, no /proc/<pid>/mem. */
void secret_process(void);

#endif

/* secret.c: see secret.h. */
#include "core.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "crypto/secret.h"

void *
secret_alloc(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Best effort: a small RLIMIT_MEMLOCK is no reason to stay down, swap on such hosts is encrypted or off. */
	(void)mlock(p, n);
	(void)madvise(p, n, MADV_DONTDUMP);
	return p;
}

void
secret_free(void *p, size_t n)
{
	if (p == NULL)
		return;
	OPENSSL_cleanse(p, n);
	(void)munmap(p, n);
}

void
secret_process(void)
{
	const struct rlimit none = { 0, 0 };

#ifndef __SANITIZE_ADDRESS__ /* whose look for leaks is a debugger's */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
	(void)setrlimit(RLIMIT_CORE, &none);
}

/*
 * unit.h: what a unit test of the core includes: cmocka with its prerequisites, core.h, and a way to watch a process die.
 */
#ifndef T_UNIT_H
#define T_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"

#include <fcntl.h>
#include <sys/wait.h>

#define DIED 70 /* exit status of die() */

/* Runs f(context) in a child whose standard error is silent; returns its exit status, 0 when f came back. */
static inline int
status_of(void (*f)(void *), void *context)
{
	pid_t child = fork();
	int status = -1, null;

	if (child == 0) {
		null = open("/dev/null", O_WRONLY);
		if (null < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(99);
		f(context);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#endif

/*
 * failpoint.h: places where a test build can be made to fail (rule F1).
 *
 * A point has a name, area.place in lower case, that stands in one place of the sources only (t/lint/failpoints.sh, which also prints
 * the list). Without ./configure --enable-failpoints the macros are nothing: an installed program holds neither a name nor the code.
 *
 * What is armed is a list of NAME=ACTION[@NTH[+]], separated by commas or line ends:
 *
 *	kill9		the process ends at once, as by kill -9		at every point
 *	exit		_exit(1): files are closed, nothing is said	at every point
 *	sleep:MS	the thread waits				at every point
 *	errno:E		the call behind the point fails with E, a name	FAIL_POINT_ERR, FAIL_POINT_FD
 *			such as ENOSPC or a number
 *	oom		errno:ENOMEM					FAIL_POINT_ERR, FAIL_POINT_FD
 *	cut		the connection at hand is shut down; where	FAIL_POINT_ERR, FAIL_POINT_FD
 *			there is no descriptor: errno:ECONNRESET
 *	says:TEXT	the point's own meaning (an SQLSTATE)		FAIL_POINT_SAYS
 *
 * NTH counts the passes over the point from 1 and is 1 when left out; with a + every later pass fails, too. An action that a point
 * cannot perform ends the process with status 70, so that no proof passes because nothing happened.
 *
 * The list is read from
 *	TELERX_FAIL		for the life of the process
 *	TELERX_FAIL_FILE	a file that is looked at on each pass: what is written there holds from the next pass on and counts anew;
 *				no file arms nothing
 * With TELERX_FAIL_DIR passes over armed points are counted over all processes together, a byte each in DIR/NAME, so that NTH means
 * one pass of one process of a tree; DIR/NAME.fired is written, a byte each time, before the action is taken. To arm a point again
 * both files are removed first.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#include "core.h"

#ifdef TELERX_FAILPOINTS
#define FAIL_POINT(name)        failpoint(name)
#define FAIL_POINT_ERR(name)    failpoint_err(name, -1) /* true: fail now; errno is set */
#define FAIL_POINT_FD(name, fd) failpoint_err(name, fd) /* the same, and cut shuts fd down */
#define FAIL_POINT_SAYS(name)   failpoint_says(name)    /* NULL, or what the list says; valid until this thread's next point */

void failpoint(const char *name);
bool failpoint_err(const char *name, int fd);
const char *failpoint_says(const char *name);
#else
#define FAIL_POINT(name)        ((void)0)
#define FAIL_POINT_ERR(name)    false
#define FAIL_POINT_FD(name, fd) ((void)(fd), false)
#define FAIL_POINT_SAYS(name)   ((const char *)NULL)
#endif

#endif

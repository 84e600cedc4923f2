/*
 * breaker.h: stop asking whom nobody answers (rule Q9, A-ARCH-06). Per process and target; five failures in a row open it, one
 * probe each ten seconds may close it. A call that may not go out is a 503 "circuit_open" with Retry-After.
 */
#ifndef NET_BREAKER_H
#define NET_BREAKER_H

#include "base/problem.h"

int breaker_enter(const char *target, struct problem *err) MUST_CHECK;
void breaker_leave(const char *target, bool worked);
const char *breaker_state(const char *target); /* closed, open, half-open */
/* Tests: forgets every target and reads time (monotonic microseconds) from clock; NULL = the real one. */
void breaker_reset(int64_t (*clock)(void));

#endif

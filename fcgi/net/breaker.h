/*
 * breaker.h: stop asking whom nobody answers (rule Q9, A-ARCH-06). Per process and target; five failures in a row open it, one
 * probe each ten seconds may close it. A call that may not go out is a 503 "circuit_open" with Retry-After.
 *
 * Besides, a target has a budget of retries: each first try pays in a tenth of one, at most RETRY_MOST are saved up, and one in ten
 * seconds is free. A retry that works gives back two, so what has piled up drains once the target is well, and not before. A retry
 * without budget is a 503 "retry_budget" with Retry-After. Whether this thread's calls are retries is said by breaker_retrying.
 */
#ifndef NET_BREAKER_H
#define NET_BREAKER_H

#include "base/problem.h"

#define RETRY_MOST 100

struct http_answer;

void breaker_retrying(bool again); /* of this thread, until it says otherwise */
int breaker_enter(const char *target, struct problem *err) MUST_CHECK;
void breaker_leave(const char *target, bool worked);
/* What a vendor's answer says about the vendor: 5xx, "too many" and silence are failures of its own. */
bool breaker_worked(const struct http_answer *answer);
const char *breaker_state(const char *target); /* closed, open, half-open */
/* Tests: forgets every target and reads time (monotonic microseconds) from clock; NULL = the real one. */
void breaker_reset(int64_t (*clock)(void));

#endif

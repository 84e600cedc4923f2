/*
 * problem.h: the one error type (RFC 9457 problem details).
 *
 * A function that can fail returns 0 or -1 and takes a struct problem as its last-but-variadic argument; failing is one line:
 *	return problem(err, 422, "under_age", "patient must be 18 or older");
 * It is the caller's memory, so reporting needs none. No patient data in detail, ever: it is logged and shown.
 *
 * fault tells a worker what to do with it (rule Q8); problem() derives it from the status (RETRY for 5xx, 429 and the 409
 * "request_in_progress", PERMANENT for other 4xx) and a caller that knows better sets it afterwards.
 */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include "core.h"

enum fault { FAULT_NONE, FAULT_RETRY, FAULT_PERMANENT, FAULT_UNKNOWN };

struct problem_field {
	char field[64]; /* dotted path of the member, e.g. patient.address.zip */
	char code[32];
	char detail[96];
};

struct problem {
	int status;    /* HTTP status, 0 = no problem */
	char code[48]; /* snake_case; also the last part of type /problems/<code> */
	char detail[256];
	enum fault fault;
	int retry_after; /* seconds, 0 = none */
	bool audit;      /* the core writes an audit row for it even where the status alone would not ask for one */
	unsigned nerrors;
	struct problem_field errors[16];
};

int problem(struct problem *err, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5); /* returns -1 */
/*
 * Adds one member's error; the first makes a 422 "invalid_members" of an empty problem, the first sixteen are kept. A later problem()
 * with 400 or 422 keeps them, with any other status drops them. Returns -1.
 */
int problem_member(struct problem *err, const char *field, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
void problem_clear(struct problem *err);

/* Analysers look at one file at a time; this tells them the rest of the sentence above. */
#ifdef ANALYSING
#define problem(...)        (problem(__VA_ARGS__), -1)
#define problem_member(...) (problem_member(__VA_ARGS__), -1)
#endif

#endif

/* problem.c: see problem.h. */
#include "core.h"

#include "base/problem.h"

#ifdef ANALYSING
#undef problem
#undef problem_member
#endif

static enum fault
fault_of(int status, const char *code)
{
	if (status >= 500 || status == 429)
		return FAULT_RETRY;
	if (status == 409 && (strcmp(code, "request_in_progress") == 0 || strcmp(code, "serialization") == 0))
		return FAULT_RETRY;
	return FAULT_PERMANENT;
}

static void
head(struct problem *err, int status, const char *code)
{
	err->status = status;
	(void)snprintf(err->code, sizeof(err->code), "%s", code);
	err->fault = fault_of(status, code);
	err->retry_after = 0;
	err->audit = false;
}

int
problem(struct problem *err, int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	if (status != 400 && status != 422)
		err->nerrors = 0;
	head(err, status, code);
	va_start(ap, fmt);
	(void)vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
	return -1;
}

int
problem_member(struct problem *err, const char *field, const char *code, const char *fmt, ...)
{
	struct problem_field *f;
	va_list ap;

	if (err == NULL)
		return -1;
	if (err->status == 0) {
		head(err, 422, "invalid_members");
		(void)snprintf(err->detail, sizeof(err->detail), "some members are not valid");
	}
	if (err->nerrors >= COUNT(err->errors))
		return -1;
	f = &err->errors[err->nerrors++];
	(void)snprintf(f->field, sizeof(f->field), "%s", field);
	(void)snprintf(f->code, sizeof(f->code), "%s", code);
	va_start(ap, fmt);
	(void)vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
	return -1;
}

void
problem_clear(struct problem *err)
{
	if (err != NULL)
		*err = (struct problem){ 0 };
}

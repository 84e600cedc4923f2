/*
 * clock.h: time. Inside it is microseconds since 1970 in UTC; outside it is RFC 3339 with a Z.
 * What must agree between processes (leases, expiry) uses the database's clock, never this one.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "core.h"

#define CLOCK_TEXT 32
#define US_PER_S   INT64_C(1000000)

int64_t clock_us(void);                                /* wall clock */
int64_t clock_mono_us(void);                           /* for durations */
char *clock_text(int64_t us, char out[CLOCK_TEXT]);    /* 2026-01-15T09:30:00.123456Z; returns out */
int clock_parse(const char *s, int64_t *ret);          /* RFC 3339 date-time or PostgreSQL timestamptz text; -1 when neither */
int date_parse(const char *s, int *y, int *m, int *d); /* YYYY-MM-DD that exists; -1 otherwise */
int age_on(const char *birth_date, int64_t us);        /* full years; -1 when the date is no date or lies ahead */

#endif

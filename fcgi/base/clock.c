/* clock.c: see clock.h. */
#include "core.h"

#include "base/clock.h"

#define YEAR_1        (INT64_C(-62135596800) * US_PER_S)
#define YEAR_9999_END (INT64_C(253402300800) * US_PER_S - 1)

static int64_t
read_clock(clockid_t which)
{
	struct timespec ts;

	(void)clock_gettime(which, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* v as n decimal digits with leading zeros; returns the place behind them. */
static char *
put_digits(char *out, int64_t v, int n)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + n;
}

char *
clock_text(int64_t us, char out[CLOCK_TEXT])
{
	int64_t fraction;
	struct tm tm;
	char *p = out;
	time_t s;

	/* The text has four digits for the year; what lies outside (PostgreSQL's infinity) is shown as the nearest such moment. */
	us = us < YEAR_1 ? YEAR_1 : us > YEAR_9999_END ? YEAR_9999_END : us;
	fraction = us % US_PER_S;
	if (fraction < 0)
		fraction += US_PER_S;
	s = (time_t)((us - fraction) / US_PER_S);
	(void)gmtime_r(&s, &tm);
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, fraction, 6);
	*p++ = 'Z';
	*p = '\0';
	return out;
}

/* Exactly n digits at *s, which moves behind them; -1 when there are fewer. */
static int
digits(const char **s, int n)
{
	int v = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool
leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int
days_in(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return m == 2 && leap(y) ? 29 : days[m - 1];
}

static int
date_at(const char **s, int *y, int *m, int *d)
{
	if ((*y = digits(s, 4)) < 1 || *(*s)++ != '-')
		return -1;
	if ((*m = digits(s, 2)) < 1 || *m > 12 || *(*s)++ != '-')
		return -1;
	if ((*d = digits(s, 2)) < 1 || *d > days_in(*y, *m))
		return -1;
	return 0;
}

int
date_parse(const char *s, int *y, int *m, int *d)
{
	int year, month, day;

	if (s == NULL || date_at(&s, &year, &month, &day) < 0 || *s != '\0')
		return -1;
	*y = year;
	*m = month;
	*d = day;
	return 0;
}

/* Days from 1970-01-01 to that date of the proleptic Gregorian calendar. */
static int64_t
days_since_1970(int y, int m, int d)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t years = y - 1;
	int64_t days = years * 365 + years / 4 - years / 100 + years / 400;

	days += before[m - 1] + (m > 2 && leap(y) ? 1 : 0) + d - 1;
	return days - 719162;
}

/* The fraction's digits behind the point, cut (not rounded) to microseconds. */
static int
fraction_at(const char **s, int64_t *us)
{
	int64_t unit = US_PER_S / 10;

	if (**s < '0' || **s > '9')
		return -1;
	for (*us = 0; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		*us += unit * (**s - '0');
	return 0;
}

/* "Z", "+hh", "+hh:mm" or "+hh:mm:ss" (PostgreSQL writes all but the first); seconds east of Greenwich. */
static int
offset_at(const char **s, int64_t *seconds)
{
	int sign, hours, minutes = 0, rest = 0;

	*seconds = 0;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -1;
	sign = *(*s)++ == '-' ? -1 : 1;
	if ((hours = digits(s, 2)) < 0 || hours > 23)
		return -1;
	if (**s == ':') {
		(*s)++;
		if ((minutes = digits(s, 2)) < 0 || minutes > 59)
			return -1;
		if (**s == ':') {
			(*s)++;
			if ((rest = digits(s, 2)) < 0 || rest > 59)
				return -1;
		}
	}
	*seconds = (int64_t)sign * (hours * 3600 + minutes * 60 + rest);
	return 0;
}

int
clock_parse(const char *s, int64_t *ret)
{
	int y, mo, d, h, mi, sec;
	int64_t us = 0, offset;

	if (s == NULL || date_at(&s, &y, &mo, &d) < 0)
		return -1;
	if (*s != 'T' && *s != 't' && *s != ' ')
		return -1;
	s++;
	if ((h = digits(&s, 2)) < 0 || h > 23 || *s++ != ':')
		return -1;
	if ((mi = digits(&s, 2)) < 0 || mi > 59 || *s++ != ':')
		return -1;
	if ((sec = digits(&s, 2)) < 0 || sec > 59)
		return -1;
	if (*s == '.') {
		s++;
		if (fraction_at(&s, &us) < 0)
			return -1;
	}
	if (offset_at(&s, &offset) < 0 || *s != '\0')
		return -1;
	*ret = ((days_since_1970(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) - offset) * US_PER_S + us;
	return 0;
}

int
age_on(const char *birth_date, int64_t us)
{
	int by, bm, bd, y, m, d, age;
	char now[CLOCK_TEXT];
	const char *s = clock_text(us, now);

	if (date_parse(birth_date, &by, &bm, &bd) < 0 || date_at(&s, &y, &m, &d) < 0)
		return -1;
	age = y - by - (m < bm || (m == bm && d < bd) ? 1 : 0);
	return age < 0 ? -1 : age;
}

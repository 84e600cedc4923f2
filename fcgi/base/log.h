/*
 * log.h: one JSON object a line on standard error: ts, level, service, pid, rid (the request id), event, then pairs.
 *
 * The core logs, helpers do not: they return a problem. Values are ids, counts and codes; never a name, an address, an answer, a
 * token or a body (X-SEC-03).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "core.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_open(const char *service, enum log_level least);
void log_level_set(enum log_level least);
/* For an operator to change it while the process runs: as long as the file exists, its first word is the level; without it, or with a word that is none,
 * what log_level_set said last. Whoever logs looks, once a second at most. "" or NULL: no file. Before there are threads. */
void log_level_file(const char *path);
bool log_wants(enum log_level level); /* for what costs something to put together */
int log_level_parse(const char *name, enum log_level *ret); /* DEBUG INFO WARN ERROR, any case */
void log_request_id(const char *rid);                       /* of this thread, NULL clears; the text must outlive its use */
const char *log_current_request_id(void);                   /* "" when none */

/* log_line(LOG_INFO, "job.done", "job", id, "kind", kind, NULL): names and values alternate; a NULL value is left out. */
void log_line(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* From now on lines below WARN wait for others, 50 ms at most; for a process that writes thousands a second. A process that is killed
 * takes those lines along, so it ends the gathering before it ends by itself. Not for two threads at once. */
void log_gather(void);
void log_flush(void);
void log_gather_end(void); /* what waits leaves, and the thread that gathers has ended: lines leave one by one again */
/* Says why and ends the process with status 70: the world is broken or the program is wrong. */
void die(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#endif

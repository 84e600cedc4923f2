/*
 * portal.h: what the portal shows to the rest, its table, and what its files share.
 */
#ifndef PORTAL_H
#define PORTAL_H

#include "service.h"
#include "web/stream.h"

extern const struct service portal_service;

/* ---- timeline.c */
int	 on_any_event(struct event *e, struct problem *err);
int	 timeline_forget(struct db *db, const char *source, const char *topic, int64_t from, struct problem *err);
extern const struct stream timeline_stream;
int	 timeline_show(struct req *r, struct problem *err);
int	 timelines_list(struct req *r, struct problem *err);
/* The last cases with their lines as a JSON tree for the page; caller owns. NULL with a problem. */
json_t	*timelines_view(struct db *db, int64_t limit, struct problem *err) MUST_CHECK;

/* ---- page.c */
int	 start_page(struct req *r, struct problem *err);
int	 work_page(struct req *r, struct problem *err);
int	 work_script(struct req *r, struct problem *err);
int	 work_style(struct req *r, struct problem *err);
int	 prescriptions_page(struct req *r, struct problem *err);
int	 prescriptions_script(struct req *r, struct problem *err);

#endif

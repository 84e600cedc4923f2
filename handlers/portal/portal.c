/*
 * portal.c: the table of the portal: the start page, the timelines behind it and the inbox of the staff. Called by browsers and administrators. Writes timeline_entries.
 * Consumes every topic; publishes nothing.
 */
#include "portal/portal.h"

static const struct field timeline_query[] = { { "submissionId", UUID, .required = true, .says = "the case: an intake's submission, a case, or a prescription from outside" }, { 0 } };
static const struct field timelines_query[] = { { "limit", INTEGER, .min = 1, .max = 100, .says = "how many cases, default 20" }, { 0 } };
static const struct field entry_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "service", STRING, .required = true, .says = "who said it" },
	{ "topic", STRING, .required = true, .says = "the event", .example = "intake.submitted" },
	{ "what", STRING, .required = true, .says = "in words" },
	{ 0 }
};
static const struct field timeline_reply[] = {
	{ "entries", ARRAY, .required = true, .max = 500, .of = entry_fields, .says = "oldest first" },
	{ 0 }
};
static const struct field case_fields[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "entries", ARRAY, .required = true, .max = 500, .of = entry_fields, .says = "oldest first" },
	{ 0 }
};
static const struct field timelines_reply[] = {
	{ "timelines", ARRAY, .required = true, .max = 100, .of = case_fields, .says = "newest case first" },
	{ 0 }
};

static const struct route routes[] = {
	{ "GET", "/", start_page, .access = PUBLIC, .db = READ, .media = "text/html", .says = "the start page" },
	{ "GET", "/console/work", work_page, .access = PUBLIC, .db = NONE, .media = "text/html",
	    .says = "the inbox of the staff: an empty page, whose script asks for the secret and for the items" },
	{ "GET", "/console/work.js", work_script, .access = PUBLIC, .db = NONE, .media = "text/javascript", .says = "its script" },
	{ "GET", "/console/work.css", work_style, .access = PUBLIC, .db = NONE, .media = "text/css", .says = "its looks" },
	{ "GET", "/console/prescriptions", prescriptions_page, .access = PUBLIC, .db = NONE, .media = "text/html",
	    .says = "the pharmacies recommended for a prescription, and the choice: an empty page, whose script signs a user in by a code" },
	{ "GET", "/console/prescriptions.js", prescriptions_script, .access = PUBLIC, .db = NONE, .media = "text/javascript", .says = "its script" },
	{ "GET", "/console/timeline", timeline_show, .access = ADMIN, .db = READ, .query = timeline_query, .reply = timeline_reply,
	    .says = "one case, line by line" },
	{ "GET", "/console/timelines", timelines_list, .access = ADMIN, .db = READ, .query = timelines_query, .reply = timelines_reply,
	    .says = "the last cases" },
	{ "GET", "/console/stream", stream_open, .access = ADMIN, .db = NONE, .stream = &timeline_stream, .media = "text/event-stream",
	    .problems = "400 bad_event_id", .says = "each line of any timeline, and each work item raised or cleared, as it comes: server-sent events; Last-Event-ID resumes" },
};
static const struct event_row events[] = { { "*", on_any_event } };
static const struct conf_key config[] = {
	{ "PORTAL_TIMELINES", CONF_BOOL, .dflt = "no", .says = "show the last cases' timelines on the start page to anybody: development trees only" },
	{ 0 }
};

const struct service portal_service = {
	.name = "portal", .prefix = "/console", .database = "portal", .says = "the start page and the timelines",
	TABLE(routes, nroutes, routes), TABLE(events, nevents, events), .config = config, .forget = timeline_forget,
};

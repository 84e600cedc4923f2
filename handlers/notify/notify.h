/*
 * notify.h: what the notify service shows to the rest, its table, and what its files share.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "service.h"

extern const struct service notify_service;

/* ---- type.c: the types and what their templates may say */
struct notice {
	const char *type;
	const char *const *variables;	/* NULL-terminated; every template may also use firstName, e-mails of types with a drug drugName */
	bool drug;			/* an e-mail may name the drug, to those who agreed */
};
extern const struct notice notices[];
const struct notice *notice_find(const char *type);	/* NULL: unknown */
extern const char *const channel_names[];		/* email, sms, hubspot, slack, push, in_app, NULL */

/* ---- template.c */
struct message_template {
	int64_t id;			/* 0: the one installed with the service */
	const char *subject;
	const char *body;
};
/* The newest version in the database, else the file templates/notify/<type>.<channel>.en.mustache. ret->body NULL: there is none. */
int	 message_template(struct db *db, const struct conf *conf, const char *type, const char *channel, struct message_template *ret, struct problem *err) MUST_CHECK;
int	 templates_list(struct req *r, struct problem *err);
int	 template_put(struct req *r, struct problem *err);

/* ---- link.c: short addresses */
/* The code of a delivery's link, for the address /l/<code>; the same each time. */
const char *short_link_code(struct db *db, struct uuid delivery);
/* expires: RFC 3339, NULL for a week. A repeat changes nothing. */
int	 short_link_keep(struct db *db, struct uuid delivery, struct uuid patient, const char *code, const char *target, const char *expires,
    struct problem *err) MUST_CHECK;
int	 short_link_follow(struct req *r, struct problem *err);		/* GET /l/:code */

/* ---- preference.c */
int	 preference_put(struct req *r, struct problem *err);
int	 preference_detailed(struct db *db, struct uuid patient, bool *ret, struct problem *err) MUST_CHECK;	/* may messages name the drug? */

/* ---- channel.c */
int	 channels_list(struct req *r, struct problem *err);
int	 channels_put(struct req *r, struct problem *err);

/* ---- message.c: taking a message */
int	 message_send(struct req *r, struct problem *err);
struct message {
	const char *type;
	const char *key;
	const char *caller;
	struct uuid patient_id;
	struct uuid submission_id;
	const char *recipient;		/* JSON */
	const char *variables;		/* JSON */
};
/* Writes the message and a delivery per channel, in the caller's transaction; a repeat of (type, key) finds the first. */
int	 message_take(struct db *db, const struct message *m, struct uuid *id, struct problem *err) MUST_CHECK;
int	 on_intake_submitted(struct event *e, struct problem *err);

/* ---- delivery.c: sending it */
int	 deliver_job(struct job *j, struct problem *err);	/* renders and intends one channel's effect */
/* Ends a delivery in the caller's transaction and publishes notification.sent. */
int	 delivery_end(struct db *db, struct uuid id, const char *status, const char *provider_id, const char *error_code, struct problem *err) MUST_CHECK;

/* ---- vendor_webhook.c: what became of it */
extern const struct webhook_source sendgrid_webhook_source;
extern const struct webhook_source twilio_webhook_source;

/* ---- the vendors */
extern const struct effect_kind sendgrid_effect;
extern const struct effect_kind twilio_effect;
extern const struct effect_kind slack_effect;
extern const struct effect_kind hubspot_effect;
struct bytes sendgrid_body(struct job *j, struct uuid delivery, const char *to, const char *subject, const char *text);
struct bytes twilio_body(struct job *j, const char *to, const char *text);
struct bytes slack_body(struct job *j, const char *text);
/* A contact to be found by its address or made; first_name and phone may be NULL. What happened to the patient stays out. */
struct bytes hubspot_body(struct job *j, const char *email, const char *first_name, const char *phone);

#endif

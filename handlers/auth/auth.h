/*
 * auth.h: what auth shows to the rest, its table, and what its files share.
 */
#ifndef AUTH_H
#define AUTH_H

#include "service.h"

extern const struct service auth_service;

#define EMAIL_INDEX "auth.email"
#define ROLES_ALL   "admin ops_manager ops_agent provider patient"

/* Ids as types: they do not fit where another one belongs. */
struct user_id { struct uuid v; };
struct login_id { struct uuid v; };

/* ---- key.c: the key pairs that tokens are signed with */
int	auth_start(const struct conf *conf, struct problem *err);	/* the service's .start: reads AUTH_KEYS_FILE */
int	key_sign(const struct conf *conf, const struct token *t, struct buf *compact, struct problem *err) MUST_CHECK;
int	key_list(struct req *r, struct problem *err);

/* ---- user.c: accounts */
struct account {
	struct user_id id;
	const char *role;
	struct uuid person;	/* nil for staff */
};
int	user_create(struct req *r, struct problem *err);
int	user_list(struct req *r, struct problem *err);
int	user_show(struct req *r, struct problem *err);
int	user_change(struct req *r, struct problem *err);
int	user_me(struct req *r, struct problem *err);
/* Whose address this is and who may log in; id nil: nobody. Transaction open. */
int	user_find(struct db *db, const char *email, struct user_id *ret, struct problem *err) MUST_CHECK;
/* The user's address. Transaction open. */
int	user_email(struct db *db, struct user_id id, const char **ret, struct problem *err) MUST_CHECK;

/* ---- login.c: a code by mail */
int	login_start(struct req *r, struct problem *err);
int	login_check(struct req *r, struct problem *err);
int	login_mail_job(struct job *j, struct problem *err);
int	login_buried(struct job *j, struct problem *err);

/* ---- session.c: tokens that were given out */
/* Opens one and writes the reply with its token; ends the transaction. */
int	session_open(struct req *r, struct login_id login, const struct account *a, struct problem *err) MUST_CHECK;
int	session_alive(struct req *r, const struct token *t, struct problem *err);	/* the service's .alive */
int	session_show(struct req *r, struct problem *err);
int	session_list(struct req *r, struct problem *err);
int	session_end(struct req *r, struct problem *err);
int	session_logout(struct req *r, struct problem *err);
int	user_revoke(struct req *r, struct problem *err);
/* All of a user; why is a word of sessions.revoked_by. */
int	sessions_revoke(struct db *db, struct user_id id, const char *why, struct problem *err) MUST_CHECK;
int	sweep_job(struct job *j, struct problem *err);

#endif

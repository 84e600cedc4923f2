/*
 * db_private.h: what the files of db.c share; nobody else includes it.
 *
 *	db.c		connect, the settings that must hold (rules D2, D3), reconnect with backoff, listen
 *	db_pipe.c	statements prepared once, the pipeline: push, sync, read
 *	db_error.c	from SQLSTATE to problem (rule D5)
 *	db_tx.c		begin, commit and its unknown outcome (rule D4), rollback, savepoint, db_final
 *	db_row.c	parameters, rows
 */
#ifndef DATA_DB_PRIVATE_H
#define DATA_DB_PRIVATE_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "data/audit.h"
#include "data/db.h"

#define PIPE_STEPS        24
#define STATEMENT_BUCKETS 256
#define AUDIT_PARAMS      14
#define XID_TEXT          24

/* A statement as one connection knows it. sql's address is its identity; audited is its form with the audit row around it. */
struct statement {
	const char *sql;
	const char *was; /* its text when it was first seen */
	bool audited;
	const char *text;
	char name[16];
	bool ready; /* prepared on this connection */
	struct statement *next;
};

enum step_what { STEP_PREPARE, STEP_RUN, STEP_COMMIT, STEP_SYNC };

/* Something sent whose answer has not been read. */
struct pipe_step {
	enum step_what what;
	struct statement *st;
	PGresult **keep; /* where the result goes; NULL = dropped */
};

enum tx_state { TX_NONE, TX_HELD, TX_OPEN, TX_FAILED };

struct vault_cache;

struct db {
	PGconn *conn;
	char *url;
	char *application;
	enum db_use use;
	char life_of_server[UUID_TEXT]; /* when this connection was made: see sql/common/130_server_life.sql */
	bool listening;
	int64_t next_try; /* monotonic; before it no connection is attempted */
	int backoff_ms;

	struct arena *life; /* statements */
	struct arena *own;  /* rows, while nobody gave an arena */
	struct arena *arena;
	struct statement *statements[STATEMENT_BUCKETS];
	unsigned nstatements;

	struct pipe_step steps[PIPE_STEPS];
	unsigned first, nsteps;
	bool binary; /* what is pushed now answers in PostgreSQL's binary form */
	bool late; /* answers of a finished transaction (its NOTIFY) are still unread */

	enum tx_state tx;
	enum db_mode mode;
	struct scope scope;
	PGresult *begun;    /* the first answer of a WRITE transaction, which has its id; NULL once that is kept */
	char xid[XID_TEXT]; /* of the open WRITE transaction, "" while unknown */
	bool hint;          /* a job or event row was written: NOTIFY after the commit */
	char hint_for[HINT_NAME]; /* the one queue it is for, "": for everybody */
	bool commit_lost;   /* the connection ended with COMMIT sent and unanswered */
	bool changed; /* a statement of this transaction wrote a row */
	bool audited; /* and one of them is an audit row, or will be */
	bool has_pending;
	struct audit_entry pending;

	const struct keyring *keyring;
	uint8_t audit_key[32];
	bool has_audit_key;
	int audit_version; /* of the mac key it is made from */
	struct vault_cache *vault;
};

/* ---- db.c */
int db_connected(struct db *db, struct problem *err) MUST_CHECK; /* connects when it must */
void db_lost(struct db *db);                                     /* the connection is of no use any more */
bool db_pulse(struct db *db);                                    /* cheap look whether the server hung up */

/* ---- db_pipe.c */
struct statement *db_statement(struct db *db, const char *sql, bool audited);
void db_forget_statements(struct db *db); /* a new connection knows none */
void db_push(struct db *db, enum step_what what, struct statement *st, const struct param *p, size_t n, PGresult **keep);
void db_push_flush(struct db *db); /* the server answers what it has so far at once */
void db_push_sync(struct db *db);
int db_read_sync(struct db *db, struct problem *err) MUST_CHECK; /* reads up to the next sync; the first error wins */
void db_settle(struct db *db);                                   /* reads what is still owed (the NOTIFY after a commit) */
/* A statement whose answer nobody waits for: it leaves with the next one, or with COMMIT, and if the server refuses it, that one
 * fails with its problem. */
int db_run_later(struct db *db, const char *sql, const struct param *p, size_t n, struct problem *err) MUST_CHECK;
/* One statement in the open transaction, with what was held back before it. */
int db_run(struct db *db, PGresult **ret, const char *sql, const struct param *p, size_t n, struct problem *err) MUST_CHECK;
/* The same with its columns in binary, for audit_log.c, whose hashes stand on them. Not a transaction's first statement. */
int db_run_binary(struct db *db, PGresult **ret, const char *sql, const struct param *p, size_t n, struct problem *err) MUST_CHECK;

/* ---- db_error.c */
int db_problem(const PGresult *res, struct problem *err); /* returns -1 */
bool db_state_problem(const char *state, const char *constraint, struct problem *err); /* false: the state has no row of its own */
int db_unavailable(struct problem *err, const char *why); /* returns -1 */
bool db_ends_connection(const PGresult *res);

/* ---- db_tx.c */
void db_hint(struct db *db, const char *queue); /* after the commit: a job of that queue, or ("") something, waits for a worker */
void db_push_held(struct db *db); /* BEGIN, tenant, actor: once */
void db_keep_xid(struct db *db);  /* after reading */

/* ---- db_row.c */
const char *param_text(const struct param *p);        /* what libpq gets; NULL for NULL */
struct rows *rows_from(struct db *db, PGresult *res); /* the arena owns res from now on */

/* ---- audit.c */
extern const char audit_sql[];
extern const char audit_columns[];
void audit_params(struct db *db, const struct audit_entry *e, struct param out[AUDIT_PARAMS], struct arena *a);
/* The key of the rows' mac, by its id, of the log of that database; -1 when the ring has none of this id. */
int audit_mac_key(const struct keyring *k, const char *key_id, const char *database, uint8_t out[32]) MUST_CHECK;

/* ---- vault.c */
void vault_cache_free(struct vault_cache *v);               /* cleanses */
void vault_transaction_over(struct db *db, bool committed); /* keys made in a transaction that rolled back never existed */

/* ---- for migrate.c: several statements as one text, in a transaction of its own with the tenant set. */
PGresult *db_script(PGconn *conn, const char *text);

#endif

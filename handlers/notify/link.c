/*
 * link.c: short addresses, /l/:code, for messages that have no room (P-PAY-06). A code is 95 bits of a mac over its delivery: whoever has neither the message nor
 * our key finds none, and rendering a message again gives the same. The database holds its digest and the sealed target; the target is in no log.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "notify/notify.h"

#define CODE_LETTERS 16
#define WITHOUT_END_S (7 * 86400)

static const char insert_sql[] =
	"INSERT INTO short_links (id, code_digest, target_enc, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
static const char find_sql[] = "SELECT id, target_enc, expires_at > now() AS open FROM short_links WHERE code_digest = $1";

const char *
short_link_code(struct db *db, struct uuid delivery)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char id[UUID_TEXT], *code = arena_alloc(db_current_arena(db), CODE_LETTERS + 1);
	struct bytes mac = vault_mac(db, "short_link", uuid_text(delivery, id));

	for (size_t i = 0; i < CODE_LETTERS; i++)
		code[i] = letters[(mac.p[2 * i] << 8 | mac.p[2 * i + 1]) % 62];
	code[CODE_LETTERS] = '\0';
	return code;
}

int
short_link_keep(struct db *db, struct uuid delivery, struct uuid patient, const char *code, const char *target, const char *expires, struct problem *err)
{
	struct bytes sealed;
	uint8_t digest[32];
	int64_t until;

	if (expires == NULL || clock_parse(expires, &until) < 0)
		until = clock_us() + (int64_t)WITHOUT_END_S * US_PER_S;
	sha256(BYTES_OF(code), digest);
	if (vault_seal(db, patient, "short_links", "target_enc", delivery, BYTES_OF(target), &sealed, err) < 0)
		return -1;
	return db_exec(db, insert_sql, err, P_UUID(delivery), P_BYTES(BYTES(digest, sizeof(digest))), P_BYTES(sealed), P_TIME(until)) < 0 ? -1 : 0;
}

static void
closed(struct req *r, int status, const char *says)
{
	const char *html = arena_printf(r->arena, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Telerx</title></head><body><p>%s</p></body></html>\n", says);

	reply_bytes(r, status, "text/html; charset=utf-8", BYTES_OF(html));
	reply_header(r, "Content-Security-Policy", "default-src 'none'");
}

int
short_link_follow(struct req *r, struct problem *err)
{
	uint8_t digest[32];
	struct bytes target;
	const struct row *w;

	sha256(BYTES_OF(req_str(r, "code")), digest);
	if (db_one(r->db, &w, find_sql, err, P_BYTES(BYTES(digest, sizeof(digest)))) < 0)
		return -1;
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "Referrer-Policy", "no-referrer");
	if (w == NULL) {
		closed(r, 404, "There is no such link.");
		return 0;
	}
	req_object(r, "short_links", row_uuid(w, "id"));
	if (!row_bool(w, "open")) {
		closed(r, 410, "This link has expired.");
		return 0;
	}
	if (vault_open(r->db, "short_links", "target_enc", row_uuid(w, "id"), row_bytes(w, "target_enc"), &target, err) < 0)
		return -1;
	reply_empty(r, 302);
	reply_header(r, "Location", (const char *)target.p);
	return 0;
}

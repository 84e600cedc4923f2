/*
 * oauth.h: client-credentials tokens of vendors (RFC 6749, 4.4), one per token URL and process, renewed 60 s before they end.
 *
 * Vendors block those who fetch a token per request (FedEx), and a token is never stored: a new process asks once. On a 401 of a call drop the
 * token and ask again, once.
 */
#ifndef NET_OAUTH_H
#define NET_OAUTH_H

#include "net/http.h"

struct oauth_client {
	const char *token_url;
	const char *client_id;
	const char *client_secret;
};

/* "Authorization: Bearer …" in the arena; NULL with a RETRY problem ("token_unavailable") or, when the client is refused, 502 "client_refused". */
const char *oauth_header(struct http *h, struct arena *a, const struct oauth_client *c, struct problem *err) MUST_CHECK;
void	 oauth_drop(const char *token_url);

#endif

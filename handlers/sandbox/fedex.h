/*
 * fedex.h: the parts of the FedEx stand-in, and the parcel that Boothwyn hands over.
 */
#ifndef SANDBOX_FEDEX_H
#define SANDBOX_FEDEX_H

#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

enum fedex_script { SCRIPT_PLAIN = 1, SCRIPT_EXCEPTION, SCRIPT_NOT_FOUND, SCRIPT_RETURN, SCRIPT_CANCELLED, SCRIPT_SHELF };

/* A fresh twelve-digit number whose last two digits are the script's, and its row. data becomes the label's; it gets
 * trackingNumber and script. */
int sb_fedex_label_add(
    struct db *db, json_t *data, const json_t *refs, enum fedex_script script, const char **number, struct problem *err) MUST_CHECK;
/* The label as bytes: PDF (one 4 x 6 inch page), ZPL or PNG. The same for the same parcel, so nothing need be kept. */
struct bytes sb_fedex_label_bytes(struct arena *a, const json_t *label);
int	 sb_fedex_refuse(struct call *c, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
json_t	*sb_fedex_envelope(struct call *c, json_t **output);
int	 sb_fedex_body(struct call *c, json_t **ret);
/* True once the carrier has the parcel: it can no longer be cancelled. */
bool	 sb_fedex_tendered(const struct conf *conf, const struct found *f);

operation_fn sb_fedex_track;

#endif

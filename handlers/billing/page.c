/*
 * page.c: where Stripe's page leads back to. It says nothing about a payment: that it came is Stripe's to tell us, not the browser's.
 */
#include "billing/billing.h"

static void
page(struct req *r, const char *title, const char *says)
{
	const char *html = arena_printf(r->arena, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>%s</title>"
	    "<style>body{font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:3em auto;padding:0 1em}</style></head>"
	    "<body><h1>%s</h1><p>%s</p></body></html>\n", title, title, says);

	reply_bytes(r, 200, "text/html; charset=utf-8", BYTES_OF(html));
	reply_header(r, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
}

int
page_done(struct req *r, struct problem *err UNUSED)
{
	page(r, "Thank you", "Your payment is being confirmed. You will get a receipt by e-mail, and we will tell you when your parcel is on its way.");
	return 0;
}

int
page_left(struct req *r, struct problem *err UNUSED)
{
	page(r, "Nothing was paid", "You can pay by the same link until it expires.");
	return 0;
}

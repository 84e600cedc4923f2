/*
 * fedex_label.c: tracking numbers and label files. Table: object (label), sequence tracking_number.
 */
#include "sandbox/fedex.h"
#include "sandbox/pdf.h"

static const char number_sql[] = "SELECT nextval('tracking_number')::text AS n";

int
sb_fedex_label_add(
    struct db *db, json_t *data, const json_t *refs, enum fedex_script script, const char **number, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const struct row *w;
	struct object o = { .vendor = "fedex", .type = "label", .data = data };
	json_t *all;

	if (db_one(db, &w, number_sql, err) < 0)
		return -1;
	*number = arena_printf(a, "79%s%02d", row_str(w, "n"), (int)script);
	json_object_set_new(data, "trackingNumber", json_string(*number));
	json_object_set_new(data, "script", json_integer(script));
	all = sb_refs(a, NULL, *number, NULL);
	json_array_extend(all, (json_t *)(uintptr_t)refs);
	o.id = *number;
	o.refs = all;
	return sb_add(db, &o, err);
}

/* ---- files */

static void
draw(struct arena *a, struct buf *b, const json_t *l)
{
	const char *number = sb_text(l, "trackingNumber", "");

	buf_add(b, "2 w 9 9 270 414 re S\n");
	sb_pdf_line(b, 14, 396, "FedEx  (sandbox, not for shipping)");
	sb_pdf_line(b, 10, 376, sb_text(l, "serviceType", ""));
	sb_pdf_line(b, 8, 348,
	    arena_printf(a, "FROM: %s", sb_text(l, "shipper.contact.companyName", sb_text(l, "shipper.contact.personName", ""))));
	sb_pdf_line(b, 8, 336, sb_text(l, "shipper.address.streetLines.0", ""));
	sb_pdf_line(b, 12, 300, arena_printf(a, "TO: %s", sb_text(l, "recipient.contact.personName", "")));
	sb_pdf_line(b, 12, 282, sb_text(l, "recipient.address.streetLines.0", ""));
	sb_pdf_line(b, 12, 264,
	    arena_printf(a, "%s %s %s", sb_text(l, "recipient.address.city", ""),
		sb_text(l, "recipient.address.stateOrProvinceCode", ""), sb_text(l, "recipient.address.postalCode", "")));
	sb_pdf_line(b, 18, 200, arena_printf(a, "TRK# %.4s %.4s %.4s", number, number + 4, number + 8));
	for (int i = 0; number[i] != '\0'; i++)	/* bars, for the eye */
		buf_addf(b, "%d w %d 100 m %d 180 l S\n", number[i] - '0' == 0 ? 1 : (number[i] - '0' + 1) / 2, 30 + i * 20,
		    30 + i * 20);
	sb_pdf_line(b, 8, 60, arena_printf(a, "REF: %s", sb_text(l, "reference", "")));
}

static struct bytes
page(struct arena *a, const json_t *label)
{
	struct buf b = buf_in(a, 16 * 1024);

	draw(a, &b, label);
	return sb_pdf(a, &b);
}

struct bytes
sb_fedex_label_bytes(struct arena *a, const json_t *label)
{
	/* One white pixel: a picture of a label would say no more to a test. */
	static const uint8_t png[] = {
		0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0,
		0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, 'I', 'D', 'A', 'T', 0x78, 0xda, 0x63, 0xf8, 0x0f, 0x00, 0x01, 0x01, 0x01, 0x00,
		0x1c, 0xb0, 0x8c, 0x99, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82,
	};
	const char *zpl;

	if (sb_is(label, "imageType", "PNG"))
		return BYTES(png, sizeof(png));
	if (!sb_is(label, "imageType", "ZPLII"))
		return page(a, label);
	zpl = arena_printf(a, "^XA^FO50,50^A0N,40,40^FDTRK# %s^FS^FO50,120^BCN,100,Y,N,N^FD%s^FS^XZ",
	    sb_text(label, "trackingNumber", ""), sb_text(label, "trackingNumber", ""));
	return BYTES_OF(zpl);
}

/*
 * pdf.c: a label's page, four by six inches, as the smallest PDF that readers take.
 */
#include "sandbox/pdf.h"

#include <string.h>

/* One line of the page; PDF text is Latin, so anything else becomes a question mark. */
void
sb_pdf_line(struct buf *b, int size, int y, const char *text)
{
	buf_addf(b, "BT /F1 %d Tf 18 %d Td (", size, y);
	for (; *text != '\0'; text++) {
		if (strchr("()\\", *text) != NULL)
			buf_addc(b, '\\');
		buf_addc(b, (unsigned char)*text < 32 || (unsigned char)*text > 126 ? '?' : *text);
	}
	buf_add(b, ") Tj ET\n");
}

struct bytes
sb_pdf(struct arena *a, const struct buf *page)
{
	struct buf b = buf_in(a, 64 * 1024);
	size_t at[6], xref;

	buf_add(&b, "%PDF-1.4\n");
	at[1] = b.len;
	buf_add(&b, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
	at[2] = b.len;
	buf_add(&b, "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n");
	at[3] = b.len;
	buf_add(&b, "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 288 432] /Contents 4 0 R"
	    " /Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n");
	at[4] = b.len;
	buf_addf(&b, "4 0 obj\n<< /Length %zu >>\nstream\n%sendstream\nendobj\n", page->len, buf_str(page));
	at[5] = b.len;
	buf_add(&b, "5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
	xref = b.len;
	buf_add(&b, "xref\n0 6\n0000000000 65535 f \n");
	for (int i = 1; i < 6; i++)
		buf_addf(&b, "%010zu 00000 n \n", at[i]);
	buf_addf(&b, "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", xref);
	return BYTES(b.data, b.len);
}

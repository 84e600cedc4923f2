/*
 * note.c: text as a PDF (libharu). Letter pages, Helvetica 11, wrapped at the margin.
 */
#include <hpdf.h>

#include "crypto/hash.h"
#include "integration/integration.h"

#define MARGIN 72.0f
#define LINE 14.0f
#define NOTE_MAX (256 * 1024)

struct page {
	HPDF_Doc doc;
	HPDF_Page page;
	HPDF_Font font;
	float y;
};

/* libharu keeps the error in the document; it is asked once, at the end. */
static void
keep_error(HPDF_STATUS error UNUSED, HPDF_STATUS detail UNUSED, void *user UNUSED)
{
}

static void
new_page(struct page *p)
{
	p->page = HPDF_AddPage(p->doc);
	HPDF_Page_SetSize(p->page, HPDF_PAGE_SIZE_LETTER, HPDF_PAGE_PORTRAIT);
	HPDF_Page_SetFontAndSize(p->page, p->font, 11);
	p->y = HPDF_Page_GetHeight(p->page) - MARGIN;
}

static void
put_line(struct page *p, const char *text)
{
	if (p->y < MARGIN)
		new_page(p);
	HPDF_Page_BeginText(p->page);
	HPDF_Page_TextOut(p->page, MARGIN, p->y, text);
	HPDF_Page_EndText(p->page);
	p->y -= LINE;
}

/* One paragraph: as many words a line as fit. */
static void
put_paragraph(struct page *p, const char *text)
{
	float width = HPDF_Page_GetWidth(p->page) - 2 * MARGIN;
	char chunk[512];

	while (*text != '\0') {
		HPDF_UINT n;

		(void)snprintf(chunk, sizeof(chunk), "%s", text);
		n = HPDF_Page_MeasureText(p->page, chunk, width, HPDF_TRUE, NULL);
		if (n == 0)
			n = (HPDF_UINT)strlen(chunk);
		chunk[n] = '\0';
		put_line(p, chunk);
		text += n;
	}
}

static void
put_text(struct page *p, const char *text)
{
	char paragraph[4096];

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		int kept = snprintf(paragraph, sizeof(paragraph), "%.*s", (int)n, text);

		if (kept > 0)
			put_paragraph(p, paragraph);
		else
			p->y -= LINE;
		text += n;
		if (*text == '\n')
			text++;
	}
}

int
note_pdf(const char *title, const char *text, struct buf *out, struct problem *err)
{
	struct page p = { .doc = HPDF_New(keep_error, NULL) };
	HPDF_UINT32 size;
	HPDF_BYTE *pdf;

	if (p.doc == NULL)
		return problem(err, 500, "note_failed", "no memory for a page");
	p.font = HPDF_GetFont(p.doc, "Helvetica", NULL);
	new_page(&p);
	put_paragraph(&p, title);
	p.y -= LINE;
	put_text(&p, text);
	HPDF_SaveToStream(p.doc);
	size = HPDF_GetStreamSize(p.doc);
	if (HPDF_GetError(p.doc) != HPDF_OK || size == 0 || size > NOTE_MAX || (pdf = malloc(size)) == NULL) {
		HPDF_Free(p.doc);
		return problem(err, 500, "note_failed", "the page could not be made");
	}
	HPDF_ReadFromStream(p.doc, pdf, &size);
	base64_encode(BYTES(pdf, size), out);
	free(pdf);
	HPDF_Free(p.doc);
	return 0;
}

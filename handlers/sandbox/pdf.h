/*
 * pdf.h: the page of a label, inside this service only.
 */
#ifndef SANDBOX_PDF_H
#define SANDBOX_PDF_H

#include "base/buf.h"

void	 sb_pdf_line(struct buf *page, int size, int y, const char *text);	/* y from the bottom, in points */
struct bytes sb_pdf(struct arena *a, const struct buf *page);

#endif

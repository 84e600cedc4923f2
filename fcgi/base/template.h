/*
 * template.h: Mustache (the mustache(5) language: variables, sections, inverted sections, comments, partials, set delimiters).
 *
 * The view is a JSON object; names are dotted, "." is the current item. {{x}} escapes by kind (& < > " for HTML, nothing for
 * plain text), {{{x}}} and {{&x}} never. A variable that the view does not have renders as nothing. Standalone tags take their
 * line with them, partials are indented like their tag. False for a section are: absent, null, false, "" and the empty list (0 is
 * true). Nesting of sections and partials ends at 16 with a problem.
 */
#ifndef BASE_TEMPLATE_H
#define BASE_TEMPLATE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"

enum template_kind { TEMPLATE_TEXT, TEMPLATE_HTML };

/* Gives the text of a partial, or NULL when there is none (it then renders as nothing). */
typedef const char *template_partial(const char *name, void *context);

int template_render(const char *text, enum template_kind kind, const json_t *view, template_partial *partial, void *context,
    struct buf *out, struct problem *err) MUST_CHECK;
/* The names of all variables and sections in text, as a JSON array of strings; NULL with a problem when it does not parse. */
json_t *template_names(const char *text, struct problem *err) MUST_CHECK;

#endif

#include "net/form.h"

void
percent_encode(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		char c = *text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-_.~", c) != NULL)
			buf_addc(b, c);
		else
			buf_addf(b, "%%%02X", (unsigned char)c);
	}
}

void
form_add(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s%s=", b->len > 0 ? "&" : "", name);
	percent_encode(b, value);
}

void
form_add_int(struct buf *b, const char *name, int64_t value)
{
	buf_addf(b, "%s%s=%lld", b->len > 0 ? "&" : "", name, (long long)value);
}

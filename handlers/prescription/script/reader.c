/*
 * reader.c: XML in, texts out. libxml2 with every door shut: the one declaration that can bring entities or files, a DOCTYPE, stops the
 * parser where it begins, whatever its spelling or encoding; memory and depth are bounded before anything is looked at.
 */
#include "core.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "prescription/script/script.h"

#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_COMPACT)

static const struct {
	const char *name;
	enum script_kind kind;
} kinds[] = {
	{ "NewRx", SCRIPT_NEWRX }, { "CancelRx", SCRIPT_CANCELRX }, { "Status", SCRIPT_STATUS }, { "Verify", SCRIPT_VERIFY },
	{ "Error", SCRIPT_ERROR },
};

/* The parser's own, one a thread at a time. */
struct reading {
	bool doctype;
	bool deep;
	int depth;
	startElementNsSAX2Func start;
	endElementNsSAX2Func end;
};

void
script_init(void)
{
	xmlInitParser();
}

static void
doc_free(void *p)
{
	xmlFreeDoc(p);
}

/* ---- the parser */

static void
refuse_doctype(void *ctx, const xmlChar *name UNUSED, const xmlChar *id UNUSED, const xmlChar *system UNUSED)
{
	struct reading *g = ((xmlParserCtxtPtr)ctx)->_private;

	g->doctype = true;
	xmlStopParser(ctx);
}

static void
count_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nns, const xmlChar **ns, int nattributes,
    int ndefaulted, const xmlChar **attributes)
{
	struct reading *g = ((xmlParserCtxtPtr)ctx)->_private;

	if (++g->depth > SCRIPT_DEPTH) {
		g->deep = true;
		xmlStopParser(ctx);
		return;
	}
	g->start(ctx, name, prefix, uri, nns, ns, nattributes, ndefaulted, attributes);
}

static void
count_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reading *g = ((xmlParserCtxtPtr)ctx)->_private;

	g->depth--;
	g->end(ctx, name, prefix, uri);
}

static int
parse_trouble(xmlParserCtxtPtr ctx, const struct reading *g, struct problem *err)
{
	const xmlError *why = xmlCtxtGetLastError(ctx);

	if (g->doctype)
		return problem(err, 400, "doctype_refused", "a DOCTYPE has no place in a message");
	if (g->deep)
		return problem(err, 400, "too_deep", "elements stand more than %d deep", SCRIPT_DEPTH);
	return problem(err, 400, "malformed_xml", "line %d is not well-formed XML in UTF-8 (%d)", why != NULL ? why->line : 1,
	    why != NULL ? why->code : 0);
}

static int
parse(struct arena *a, struct bytes xml, xmlDocPtr *ret, struct problem *err)
{
	xmlParserCtxtPtr ctx = xmlNewParserCtxt();
	struct reading g = { 0 };
	xmlDocPtr doc;
	int rc = 0;

	if (ctx == NULL)
		return problem(err, 500, "out_of_memory", "no memory for the parser");
	g.start = ctx->sax->startElementNs;
	g.end = ctx->sax->endElementNs;
	ctx->_private = &g;
	ctx->sax->internalSubset = refuse_doctype;
	ctx->sax->startElementNs = count_start;
	ctx->sax->endElementNs = count_end;
	doc = xmlCtxtReadMemory(ctx, (const char *)xml.p, (int)xml.n, NULL, "UTF-8", OPTIONS);
	if (doc == NULL || g.doctype || g.deep) {
		rc = parse_trouble(ctx, &g, err);
		xmlFreeDoc(doc);
	} else {
		arena_defer(a, doc_free, doc);
		*ret = doc;
	}
	xmlFreeParserCtxt(ctx);
	return rc;
}

/* ---- looking */

static bool
is_named(const xmlNode *n, const char *name, size_t length)
{
	const char *have = (const char *)n->name;

	return strncmp(have, name, length) == 0 && have[length] == '\0';
}

static const xmlNode *
child(const xmlNode *n, const char *name, size_t length)
{
	for (const xmlNode *c = n != NULL ? n->children : NULL; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE && is_named(c, name, length))
			return c;
	return NULL;
}

/* One alternative of a path: elements with / between, up to | or the end. */
static const xmlNode *
at_path(const xmlNode *n, const char *path)
{
	while (n != NULL && *path != '\0' && *path != '|') {
		size_t length = strcspn(path, "/|");

		n = child(n, path, length);
		path += length;
		path += *path == '/';
	}
	return n;
}

/* The text of an element without the blanks around it; NULL when there is none, or when it holds more elements. */
static const char *
text_of(struct arena *a, const xmlNode *n)
{
	const char *s, *last;

	if (n == NULL || n->children == NULL || n->children->type != XML_TEXT_NODE || n->children->next != NULL)
		return NULL;
	s = (const char *)n->children->content;
	s += strspn(s, " \t\r\n");
	last = s + strlen(s);
	while (last > s && strchr(" \t\r\n", last[-1]) != NULL)
		last--;
	return last > s ? arena_ndup(a, s, (size_t)(last - s)) : NULL;
}

static const char *
text_at(struct arena *a, const xmlNode *n, const char *path)
{
	for (;;) {
		const char *s = text_of(a, at_path(n, path));
		const char *next = strchr(path, '|');

		if (s != NULL || next == NULL)
			return s;
		path = next + 1;
	}
}

static const char *
attribute_of(struct arena *a, const xmlNode *n, const char *name)
{
	for (const xmlAttr *t = n != NULL ? n->properties : NULL; t != NULL; t = t->next)
		if (strcmp((const char *)t->name, name) == 0 && t->children != NULL && t->children->content != NULL)
			return arena_dup(a, (const char *)t->children->content);
	return NULL;
}

static bool
says_true(const char *s)
{
	return s != NULL && (strcmp(s, "true") == 0 || strcmp(s, "1") == 0 || strcmp(s, "Y") == 0);
}

/* ---- the message */

static const xmlNode *
first_element(const xmlNode *n)
{
	for (const xmlNode *c = n != NULL ? n->children : NULL; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE)
			return c;
	return NULL;
}

static void
read_header(struct arena *a, const xmlNode *header, struct script_message *m)
{
	m->to = text_at(a, header, "To");
	m->to_qualifier = attribute_of(a, child(header, "To", 2), "Qualifier");
	m->from = text_at(a, header, "From");
	m->from_qualifier = attribute_of(a, child(header, "From", 4), "Qualifier");
	m->message_id = text_at(a, header, "MessageID");
	m->relates_to = text_at(a, header, "RelatesToMessageID");
	m->sent_time = text_at(a, header, "SentTime");
	m->order_number = text_at(a, header, "PrescriberOrderNumber");
	m->test = says_true(text_at(a, header, "TestMessage"));
	m->is_signed = says_true(text_at(a, header, "DigitalSignature/DigitalSignatureIndicator"));
}

static void
read_body(struct arena *a, const xmlNode *body, struct script_message *m)
{
	m->kind = SCRIPT_OTHER;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].name, m->body) == 0)
			m->kind = kinds[i].kind;
	switch (m->kind) {
	case SCRIPT_NEWRX:
	case SCRIPT_CANCELRX:
		for (size_t i = 0; i < SCRIPT__MAX; i++)
			m->text[i] = text_at(a, body, script_fields[i].path);
		m->is_signed = m->is_signed || (m->text[SCRIPT_COVERAGE_STATUS] != NULL && strcmp(m->text[SCRIPT_COVERAGE_STATUS], "SI") == 0);
		return;
	case SCRIPT_STATUS:
	case SCRIPT_VERIFY:
	case SCRIPT_ERROR:
		m->code = text_at(a, body, "VerifyStatus/Code|Code");
		m->description = text_at(a, body, "Description|VerifyStatus/Description");
		return;
	case SCRIPT_OTHER:
		return;
	}
}

/* An identifier of the header: visible characters, no more than its field may have. */
static void
check_identifier(const char *name, const char *value, size_t most, struct problem *err)
{
	if (value == NULL)
		problem_member(err, name, "required", "the envelope has no %s", name);
	else if (strlen(value) > most)
		problem_member(err, name, "length", "at most %zu characters", most);
	else if (strpbrk(value, " \t\r\n") != NULL)
		problem_member(err, name, "format", "no blanks inside");
}

int
script_read(struct arena *a, struct bytes xml, struct script_message *ret, struct problem *err)
{
	const xmlNode *root, *body;
	xmlDocPtr doc;

	*ret = (struct script_message){ 0 };
	if (xml.n > SCRIPT_MAX)
		return problem(err, 413, "xml_too_large", "a message has at most %zu bytes", SCRIPT_MAX);
	if (parse(a, xml, &doc, err) < 0)
		return -1;
	root = xmlDocGetRootElement(doc);
	if (root == NULL || !is_named(root, "Message", 7))
		return problem(err, 422, "not_script", "the document is no SCRIPT message");
	read_header(a, child(root, "Header", 6), ret);
	body = first_element(child(root, "Body", 4));
	check_identifier("Header.From", ret->from, 80, err);
	check_identifier("Header.MessageID", ret->message_id, 35, err);
	if (body == NULL)
		problem_member(err, "Body", "required", "the message has no body");
	if (body == NULL || err->status != 0)
		return problem(err, 422, "not_script", "the envelope of the message is not complete");
	ret->body = arena_dup(a, (const char *)body->name);
	read_body(a, body, ret);
	return 0;
}

/* answer.c: the messages that are said back: Status, Error, Verify, CancelRxResponse. */
#include "core.h"

#include "prescription/script/script.h"

#define ANSWER_MAX 8192

/* Character data and attribute values: what XML gives a meaning is written as a reference. */
static void
add_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			buf_add(b, "&lt;");
			break;
		case '>':
			buf_add(b, "&gt;");
			break;
		case '&':
			buf_add(b, "&amp;");
			break;
		case '"':
			buf_add(b, "&quot;");
			break;
		default:
			buf_addc(b, *s);
		}
}

static void
add_element(struct buf *b, const char *name, const char *qualifier, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(b, "<%s", name);
	if (qualifier != NULL) {
		buf_add(b, " Qualifier=\"");
		add_text(b, qualifier);
		buf_addc(b, '"');
	}
	buf_addc(b, '>');
	add_text(b, value);
	buf_addf(b, "</%s>", name);
}

static void
add_header(struct buf *b, const struct script_answer *w)
{
	const struct script_message *m = w->to;

	buf_add(b, "<Header>");
	add_element(b, "To", m->from_qualifier != NULL ? m->from_qualifier : "ZZZ", m->from != NULL ? m->from : "unknown");
	add_element(b, "From", m->to_qualifier != NULL ? m->to_qualifier : "ZZZ", m->to != NULL ? m->to : "telerx");
	add_element(b, "MessageID", NULL, w->message_id);
	add_element(b, "RelatesToMessageID", NULL, m->message_id);
	add_element(b, "SentTime", NULL, w->at);
	buf_add(b, "<SenderSoftware><SenderSoftwareDeveloper>Telerx</SenderSoftwareDeveloper><SenderSoftwareProduct>Telerx</SenderSoftwareProduct>"
		   "<SenderSoftwareVersionRelease>1</SenderSoftwareVersionRelease></SenderSoftware>");
	if (m->test)
		buf_add(b, "<TestMessage>true</TestMessage>");
	add_element(b, "PrescriberOrderNumber", NULL, m->order_number);
	buf_add(b, "</Header>");
}

static void
add_body(struct buf *b, const struct script_answer *w)
{
	switch (w->kind) {
	case ANSWER_STATUS:
	case ANSWER_ERROR:
		buf_addf(b, "<%s>", w->kind == ANSWER_STATUS ? "Status" : "Error");
		add_element(b, "Code", NULL, w->code);
		add_element(b, "Description", NULL, w->description);
		buf_addf(b, "</%s>", w->kind == ANSWER_STATUS ? "Status" : "Error");
		return;
	case ANSWER_VERIFY:
		buf_add(b, "<Verify><VerifyStatus>");
		add_element(b, "Code", NULL, w->code);
		buf_add(b, "</VerifyStatus></Verify>");
		return;
	case ANSWER_CANCEL_APPROVED:
		buf_add(b, "<CancelRxResponse><Response><Approved>");
		add_element(b, "Note", NULL, w->description);
		buf_add(b, "</Approved></Response></CancelRxResponse>");
		return;
	case ANSWER_CANCEL_DENIED:
		buf_add(b, "<CancelRxResponse><Response><Denied>");
		add_element(b, "ReasonCode", NULL, w->code);
		add_element(b, "DenialReason", NULL, w->description);
		buf_add(b, "</Denied></Response></CancelRxResponse>");
		return;
	}
}

const char *
script_answer(struct arena *a, const struct script_answer *w)
{
	struct buf b = buf_in(a, ANSWER_MAX);

	buf_add(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Message DatatypesVersion=\"20170715\" TransportVersion=\"20170715\""
		    " TransactionDomain=\"SCRIPT\" TransactionVersion=\"20170715\" StructuresVersion=\"20170715\" ECLVersion=\"20170715\">");
	add_header(&b, w);
	buf_add(&b, "<Body>");
	add_body(&b, w);
	buf_add(&b, "</Body></Message>\n");
	return buf_str(&b);
}

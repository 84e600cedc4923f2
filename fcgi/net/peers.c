#include "net/peers.h"

static const struct {
	const char *service, *prefix;
} peers[] = {
	{ "intake", "/intake" },
	{ "registry", "/route" },
	{ "orchestrator", "/orchestrator" },
	{ "router", "/rx" },
	{ "notify", "/notify" },
	{ "shipping", "/shipping" },
	{ "billing", "/billing" },
	{ "integration", "/api" },
	{ "portal", "/console" },
	{ "auth", "/auth" },
	{ "patient", "/patients" },
	{ "case", "/cases" },
	{ "eligibility", "/eligibility" },
	{ "voucher", "/vouchers" },
	{ "prescription", "/prescriptions" },
	{ "program", "/api/v1/programs" },
	{ "adjudication", "/api/v1/adjudication" },
	{ "enrollment", "/api/v1/enrollment" },
	{ "sandbox", "/sandbox" },
};

const char *
peer_prefix(const char *service)
{
	for (size_t i = 0; i < COUNT(peers); i++)
		if (strcmp(peers[i].service, service) == 0)
			return peers[i].prefix;
	return NULL;
}

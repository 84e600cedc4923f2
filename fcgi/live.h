/*
 * live.h: real money never beside pretended vendors, and pretended money never beside real ones.
 *
 * Start-up looks at every setting of a service that is a word: a vendor's key whose prefix says that it is live is refused while LIVE_MODE is off,
 * one that says it is for tests while it is on, and so is an address of the sandbox. Vendors whose keys do not say it (Twilio, SendGrid, HubSpot,
 * FedEx, Slack) are told apart by their addresses and accounts alone.
 */
#ifndef LIVE_H
#define LIVE_H

#include "base/config.h"

/* keys: the service's own settings, ended by a row without name, or NULL. 500 bad_config, which names the setting and never its value. */
int live_check(const struct conf_key *keys, const struct conf *conf, struct problem *err) MUST_CHECK;

#endif

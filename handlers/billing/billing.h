/*
 * billing.h: what the billing service shows to the rest: its table.
 */
#ifndef BILLING_H
#define BILLING_H

#include "service.h"

extern const struct service billing_service;

#endif

/*
 * integration.h: what the integration service shows to the rest: its table.
 */
#ifndef INTEGRATION_H
#define INTEGRATION_H

#include "service.h"

extern const struct service integration_service;

#endif

/*
 * portal.h: what the portal service shows to the rest: its table.
 */
#ifndef PORTAL_H
#define PORTAL_H

#include "service.h"

extern const struct service portal_service;

#endif

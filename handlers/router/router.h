/*
 * router.h: what the router service shows to the rest: its table.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "service.h"

extern const struct service router_service;

#endif

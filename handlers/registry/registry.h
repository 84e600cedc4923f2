/*
 * registry.h: what the registry service shows to the rest: its table.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "service.h"

extern const struct service registry_service;

#endif

/*
 * orchestrator.h: what the orchestrator service shows to the rest: its table.
 */
#ifndef ORCHESTRATOR_H
#define ORCHESTRATOR_H

#include "service.h"

extern const struct service orchestrator_service;

#endif

/*
 * sandbox.h: what the sandbox service shows to the rest: its table.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "service.h"

extern const struct service sandbox_service;

#endif

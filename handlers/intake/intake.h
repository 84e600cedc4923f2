/*
 * intake.h: what the intake service shows to the rest: its table.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "service.h"

extern const struct service intake_service;

#endif

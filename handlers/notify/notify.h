/*
 * notify.h: what the notify service shows to the rest: its table.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "service.h"

extern const struct service notify_service;

#endif

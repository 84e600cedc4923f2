/*
 * shipping.h: what the shipping service shows to the rest: its table.
 */
#ifndef SHIPPING_H
#define SHIPPING_H

#include "service.h"

extern const struct service shipping_service;

#endif

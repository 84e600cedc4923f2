/*
 * address.h: is this an address of the public internet? For URLs that came from data (security 7, SSRF): what a host's name leads
 * to is judged when the connection is made, so that a name cannot lead elsewhere in between.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include "core.h"

/* False for loopback, private, link-local, shared, multicast and reserved ranges of IPv4 and IPv6, IPv4 inside of IPv6 among
 * them, and for every other family. */
bool address_is_public(const struct sockaddr *sa);

#endif

/*
 * peers.h: the services of the platform and where the routes of each begin. nginx/routes.conf is the same list for the outside.
 */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "core.h"

const char *peer_prefix(const char *service); /* /route for registry; NULL: no such service */

#endif

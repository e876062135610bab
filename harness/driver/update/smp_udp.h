/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMP in datagrams, as Zephyr's UDP transport wants it (subsys/mgmt/mcumgr/transport/src/smp_udp.c): one
 * packet in each, unframed, port 1337. */
#ifndef OTARIG_DRIVER_UPDATE_SMP_UDP_H
#define OTARIG_DRIVER_UPDATE_SMP_UDP_H

#include "harness/driver/driver.h"

/* A link whose pieces are datagrams to and from this host alone. Blocks while the name is looked up. */
int smp_udp_open(struct loop *loop, const char *host, unsigned port, struct link **link, struct error *error);
void smp_udp_close(struct link *link); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that a log line has been printed into: both write to one port, character by character. */
#ifndef OTARIG_DRIVER_UPDATE_SMP_MEND_H
#define OTARIG_DRIVER_UPDATE_SMP_MEND_H

#include <stddef.h>
#include <stdint.h>

/* `raw` is what came since the frame's first marker. Finds the packet in it that is whole, with the right
 * CRC, once foreign text is cut out; the length of its payload, which begins at packet + 2. 0: there is none
 * (yet). It tries few ways: each has one chance in 65536 to be wrong. */
size_t smp_mend(const char *raw, size_t len, uint8_t *packet, size_t room);

#endif

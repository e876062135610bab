/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 as it comes over a console: cut anywhere, padded at the end of any piece. */
#ifndef OTARIG_DRIVER_UPDATE_SMP_BASE64_H
#define OTARIG_DRIVER_UPDATE_SMP_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool smp_base64_is(char byte); /* of the alphabet, or padding */
/* The bytes of all whole groups of four characters up to the first one that is none; their number, at most
 * `room`. */
size_t smp_base64_decode(const char *text, size_t len, uint8_t *out, size_t room);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receiving end of XMODEM with CRC, blocks of 128 and 1024 bytes, as Debian's `sx` and `sx -k` send it.
 */
#ifndef FW_SHELL_XMODEM_H
#define FW_SHELL_XMODEM_H

#include <stdbool.h>
#include <stdint.h>

/* Receives into flash from `base` on, at most `room` bytes, page by page. The bytes taken, with what fills
 * the last block; 0: it was cancelled, or nobody sent within `patience_ms`, or too many blocks were bad. */
uint32_t xmodem_receive(uint32_t base, uint32_t room, uint32_t patience_ms);
void xmodem_byte(uint8_t byte); /* from the interrupt */

#endif

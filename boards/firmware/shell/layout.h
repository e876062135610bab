/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flash map of the shell firmware on an nRF52840, which has nothing in common with the others': a loader
 * with an XMODEM receiver, two slots of which neither is copied, images that run from RAM. boards/shell.json
 * says the same. */
#ifndef FW_SHELL_LAYOUT_H
#define FW_SHELL_LAYOUT_H

#define PAGE_LEN 0x1000u
#define RECORDS_A 0x0c000u /* what runs, two pages in turns (records.h) */
#define RECORDS_B 0x0d000u
#define SLOT_A 0x10000u
#define SLOT_B 0x34000u
#define SLOT_LEN 0x24000u
#define SETTINGS 0x58000u

#define LOAD_AT 0x20020000u /* the loader copies an image's body here */
#define LOAD_LEN 0x20000u

#define IMAGE_HEADER_LEN 0x200u
#define HARDWARE_ID 0x00840001u

#define UART_BAUDRATE 0x01d60000 /* 115200 */
#define UART_PIECE 1

/* kept by a soft reset: what the application wants of the loader (GPREGRET) */
#define WANTS_UPDATE 0xb1u

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flash map that Zephyr's board files give an nRF52840 DK: MCUboot, two slots, a storage partition.
 * boards/stock.json says the same. */
#ifndef FW_STOCK_LAYOUT_H
#define FW_STOCK_LAYOUT_H

#define PAGE_LEN 0x1000u
#define BOOT_LEN 0xc000u
#define SLOT0 0x0c000u
#define SLOT1 0x82000u
#define SLOT_LEN 0x76000u
#define SETTINGS 0xf8000u /* two pages of it are used */
/* the last page of a slot is the trailer's; one more is needed to move the pages of the first slot up */
#define IMAGE_PAGES_MAX (SLOT_LEN / PAGE_LEN - 2)

#define IMAGE_HEADER_LEN 0x200u
#define HARDWARE_ID 0x00840001u

#define UART_BAUDRATE 0x01d60000 /* 115200 */
#define UART_PIECE 1             /* Zephyr's polled output */
#define SMP_BUF_SIZE 384u        /* MCUMGR_TRANSPORT_NETBUF_SIZE as Zephyr sets it */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The demo's flash map. boards/nrf52840dk.json says the same. */
#ifndef FW_APP_LAYOUT_H
#define FW_APP_LAYOUT_H

#define PAGE_LEN 0x1000u
#define BOOT_BASE 0x00000u
#define BOOT_LEN 0x0c000u
#define STATE_A 0x0c000u /* update state, two pages in turns (state.h) */
#define STATE_B 0x0d000u
#define SCRATCH 0x0e000u  /* one page, for swaps */
#define COUNTERS 0x0f000u /* version floor, never erased (state.h) */
#define SLOT0 0x10000u    /* runs */
#define SLOT1 0x80000u    /* receives */
#define SLOT_LEN 0x70000u
#define UPLOAD_PAGE 0xfb000u /* how far an upload has come (app/upload.c) */
#define DATA_A 0xfc000u      /* user data, two pages in turns (app/data.c) */
#define DATA_B 0xfd000u

#define IMAGE_HEADER_LEN 0x200u
#define HARDWARE_ID 0x00840001u

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flash as everybody here sees it. flash_nrf.c is the chip; tests bring their own. */
#ifndef FW_FLASH_H
#define FW_FLASH_H

#include <stdint.h>

uint32_t flash_word(uint32_t address);
const uint8_t *flash_at(uint32_t address);
/* Programs one aligned word: bits only go from 1 to 0. */
void flash_write(uint32_t address, uint32_t value);
void flash_erase(uint32_t page_address);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/flash.h"

#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/sys.h"

uint32_t flash_word(uint32_t address)
{
    return REG(address);
}

const uint8_t *flash_at(uint32_t address)
{
    return (const uint8_t *)(uintptr_t)address;
}

static void wait_ready(void)
{
    while (!(NVMC_READY & 1))
        ;
}

void flash_write(uint32_t address, uint32_t value)
{
    NVMC_CONFIG = 1;
    wait_ready();
    REG(address) = value;
    wait_ready();
    NVMC_CONFIG = 0;
}

/* An erase takes up to 85 ms, longer ones add up: the watchdog is fed here (bug class B10). */
void flash_erase(uint32_t page_address)
{
    watchdog_feed();
    NVMC_CONFIG = 2;
    wait_ready();
    NVMC_ERASEPAGE = page_address;
    wait_ready();
    NVMC_CONFIG = 0;
}

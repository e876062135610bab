/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot loader for an nRF52840 that counts boots in a log of {value, ~value}: two sectors of four records,
 * of which a header {sequence, ~sequence} makes one valid. After three boots the trial is over, and only the
 * second image may run. With BUG the header comes before the first record, so that a cut between them loses
 * the count. It has no end: each boot writes. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define ERASED 0xffffffffu
#define SECTOR(i) (0x10000u + 0x1000u * (i))
#define RECORD(sector, i) ((sector) + 8u + 8u * (i))
#define RECORDS 4u

void boot(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20040000u, boot};

static void put(uint32_t address, uint32_t value)
{
    REG(NVMC + 0x504) = 1;
    REG(address) = value;
    REG(NVMC + 0x504) = 0;
}

static void erase(uint32_t page)
{
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = page;
    REG(NVMC + 0x504) = 0;
}

static int is_whole(uint32_t address)
{
    return REG(address) != ERASED && REG(address) == ~REG(address + 4);
}

static void put_pair(uint32_t address, uint32_t value)
{
    put(address, value);
    put(address + 4, ~value);
}

static int is_blank(uint32_t sector)
{
    for (uint32_t i = 0; i < 10; i++)
        if (REG(sector + 4 * i) != ERASED)
            return 0;
    return 1;
}

static void count_on(uint32_t sector, uint32_t other, uint32_t at, uint32_t value)
{
    if (at < RECORDS) {
        put_pair(RECORD(sector, at), value + 1);
        return;
    }
#ifdef BUG
    put_pair(other, REG(sector) + 1);
    put_pair(RECORD(other, 0), value + 1);
#else
    put_pair(RECORD(other, 0), value + 1);
    put_pair(other, REG(sector) + 1);
#endif
    erase(sector);
}

void boot(void)
{
    int first = is_whole(SECTOR(0)), second = is_whole(SECTOR(1));
    while (!first && !second)
        __asm volatile("wfi");
    uint32_t newest = first && second ? REG(SECTOR(1)) > REG(SECTOR(0)) : (uint32_t)second;
    uint32_t sector = SECTOR(newest), other = SECTOR(!newest), value = 0, at = 0;
    for (; at < RECORDS && (REG(RECORD(sector, at)) != ERASED || REG(RECORD(sector, at) + 4) != ERASED); at++)
        if (is_whole(RECORD(sector, at)))
            value = REG(RECORD(sector, at));
    if (!is_blank(other))
        erase(other); /* an old one, or one that never became valid */
    if (value < 8)
        count_on(sector, other, at, value);
    ((void (*)(void))(uintptr_t)((value >= 3 ? 0x9000u : 0x8000u) | 1))();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot loader for an nRF52840 that thinks for a long time: ENDLESS at once, LATER when its second word was
 * written and the third was not. What it thinks of changes RAM, so no
 * turn is like the one before. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define FLAG 0x10000u
#define APP 0x8000u
#define ERASED 0xffffffffu

void boot(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20040000u, boot};

static void put(uint32_t address, uint32_t value)
{
    REG(NVMC + 0x504) = 1;
    REG(address) = value;
    REG(NVMC + 0x504) = 0;
}

static void think(void)
{
    for (uint32_t i = 1;; i = i * 1664525u + 1013904223u)
        REG(0x20000000u + (i >> 14) % 0x8000u * 4) += i;
}

void boot(void)
{
#if defined ENDLESS
    think();
#elif defined LATER
    if (REG(FLAG + 4) != ERASED && REG(FLAG + 8) == ERASED)
        think();
#endif
    for (uint32_t i = 0; i < 3; i++)
        if (REG(FLAG + 4 * i) == ERASED)
            put(FLAG + 4 * i, 0);
    ((void (*)(void))(uintptr_t)(APP | 1))();
}

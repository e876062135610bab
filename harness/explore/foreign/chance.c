/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot loaders for an nRF52840 by chance: a few steps, drawn from SEED, that look at words of three pages and
 * write or erase some. What they lack in sense they have in ways to hide a state from who takes two for one.
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define FLAG 0x10000u
#define SPOILT 0x11000u
#define OTHER 0x12000u
#define APP 0x8000u
#define ERASED 0xffffffffu
#ifndef STEPS
#define STEPS 7
#endif

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

#define chance REG(0x20000100u)
static uint32_t draw(uint32_t count)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 12) % count;
}

/* Two words in each of two pages, and a third page with one. */
static uint32_t place(void)
{
    uint32_t which = draw(6);
    return which < 2 ? FLAG + 8 * which : which < 5 ? OTHER + 4 * which : 0x13000u;
}

static uint32_t holds(void)
{
    uint32_t word = place(), how = draw(5), mask = draw(2) ? 0xff00u : 0x10001u;
    switch (how) {
    case 0:
        return REG(word) == ERASED;
    case 1:
        return REG(word) != ERASED;
    case 2:
        return (REG(word) & mask) == mask;
    case 3:
        return (REG(word) & mask) != 0;
    }
    return 1;
}

static void act(uint32_t really)
{
    uint32_t how = draw(8), word = place(), value = draw(2) ? 0u : draw(2) ? 0xff00ff00u : 0x0001ffffu;
    if (!really)
        return;
    if (how < 5) {
        if (REG(word) != value || !how)
            put(word, value);
    } else if (how == 5)
        erase(word & ~0xfffu);
    else if (how == 6)
        put(SPOILT, 0);
    else if (how == 7)
        put(word, value);
}

void boot(void)
{
    chance = SEED * 2654435761u + 12345u;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t a = holds(), b = holds();
        act(a && b);
    }
    ((void (*)(void))(uintptr_t)(APP | 1))();
}

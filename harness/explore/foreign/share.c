/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot loaders for an nRF52840 in which states come together that differ in ONE, TWO and THREE only: a first
 * boot makes notes (MODE), the second one erases one page for each note but the first, and sets a flag. Then
 * STALE  nobody but the contract looks at ONE; a second and a third torn word may stay behind
 * TEARS  the erase of a page that nobody looks at may be torn; ONE counts only when USED was torn before
 * CHAIN  a boot looks at ONE, when that is erased at TWO, then at THREE; with all of them erased it hangs
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define FLAG 0x10000u
#define GONE_ON 0x10004u
#define MODE 0x10010u
#define USED 0x10020u
#define SPOILT 0x11000u
#define ONE 0x12004u
#define TWO 0x13004u
#define THREE 0x14004u
#define NOBODY 0x15000u
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

static void erase(uint32_t page)
{
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = page & ~0xfffu;
    REG(NVMC + 0x504) = 0;
}

static uint32_t is_set(uint32_t address)
{
    return REG(address) != ERASED;
}

#ifdef STALE
#define NOTES 2
#elif defined CHAIN
#define NOTES 4
#else
#define NOTES 3
#endif

static uint32_t is_noted(uint32_t which)
{
#ifdef STALE
    return which ? is_set(MODE + 4) : REG(MODE) == 0;
#else
    return REG(MODE + 4 * which) == 0;
#endif
}

/* True: the flag is set, and was so before. */
static uint32_t come_together(void)
{
    if (is_set(FLAG))
        return 1;
#ifndef STALE
    for (uint32_t i = 0; i < NOTES; i++)
        if (is_set(MODE + 4 * i) && !is_noted(i))
            return 0; /* a torn note ends it all */
#endif
    if (!is_noted(0)) {
        for (uint32_t i = 0; i < NOTES; i++)
            put(MODE + 4 * i, 0);
        return 0;
    }
    uint32_t last = is_noted(1);
    for (uint32_t i = 1; i < NOTES; i++) {
        if (is_noted(i))
            erase(i == 1 ? ONE : i == 2 ? TWO : THREE);
        else
            put(MODE + 4 * i, 0);
    }
    put(FLAG, 0);
#if defined TEARS
    put(USED, 0);
#elif defined STALE
    if (last)
        put(USED, 0);
#endif
    return last & 0;
}

static void go_on(void)
{
#if defined TEARS
    if (!is_set(GONE_ON)) {
        erase(NOBODY);
        put(GONE_ON, 0);
    } else if (is_set(USED) && REG(USED) && is_set(ONE)) {
        put(SPOILT, 0);
    }
#elif defined CHAIN
    if (!is_set(GONE_ON))
        put(GONE_ON, 0);
    else if (!is_set(ONE) && !is_set(TWO) && !is_set(THREE))
        for (;;)
            __asm volatile("wfi");
#endif
}

void boot(void)
{
    if (come_together())
        go_on();
    ((void (*)(void))(uintptr_t)(APP | 1))();
}

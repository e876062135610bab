/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot loaders for an nRF52840 in which a torn word, W, stays behind. An explorer that takes states for one
 * when they differ in it only must see who still looks at it:
 * JUDGED   nobody but the contract
 * OWN      the boot after one more cut, before the page is erased
 * RESIDUE  nobody: a counter goes up in every boot, and each of its words may be torn
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define FLAG 0x10000u
#define SPOILT 0x11000u
#define W 0x12004u
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

#if defined OWN
static void erase(uint32_t page)
{
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = page;
    REG(NVMC + 0x504) = 0;
}
#endif

static void update(void)
{
#if defined JUDGED
    if (REG(FLAG) != ERASED)
        return;
    put(FLAG, 0);
    put(W, 0xffff0000u);
#elif defined OWN
    if (REG(FLAG) == ERASED) {
        put(FLAG, 0);
        put(W, 0);
    } else if (REG(FLAG + 8) == ERASED) {
        if (REG(FLAG + 4) != ERASED && REG(W) != ERASED && REG(W) != 0)
            put(SPOILT, 0);
        put(FLAG + 4, 0);
        erase(W & ~0xfffu);
        put(FLAG + 8, 0);
    }
#elif defined RESIDUE
    for (uint32_t i = 0; i < 6; i++) {
        if (REG(FLAG + 4 * i) != ERASED)
            continue;
        put(FLAG + 4 * i, 0);
        put(W + 16 * i, 0xff00ff00u);
        put(W + 16 * i + 4, 0x00ff00ffu);
        put(W + 16 * i + 8, 0x0000ffffu);
    }
#endif
}

void boot(void)
{
    update();
    ((void (*)(void))(uintptr_t)(APP | 1))();
}

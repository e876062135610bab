/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications of tiny.c. Version 1 asks for version 2, in two words, and resets; it does not survive
 * half a request. Version 2 blinks pin 3 once. */
#include <stdint.h>

#define WORD(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define ERASED 0xffffffffu

void start(void);
__attribute__((section(".vectors"), used)) static const struct {
    void *stack;
    void (*reset)(void);
    uint32_t rest[14];
} vectors = {(void *)0x20004000u, start, {0}};

static void __attribute__((unused)) put(uint32_t address, uint32_t value)
{
    WORD(0x4001e504u) = 1;
    WORD(address) = value;
    while (!WORD(0x4001e400u))
        ;
    WORD(0x4001e504u) = 0;
}

void start(void)
{
#if VERSION == 1
    if (WORD(0x10000) != ERASED && WORD(0x10004) == ERASED)
        for (;;)
            __asm volatile("wfi");
    if (WORD(0x10004) == ERASED) {
        put(0x10000, 0x11111111);
        put(0x10004, 0x22222222);
    }
    WORD(0xe000ed0cu) = 0x05fa0004;
#else
    put(0x13000, VERSION);
#endif
    for (;;)
        __asm volatile("wfi");
}

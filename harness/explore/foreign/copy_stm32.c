/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot loader of another house, for an STM32F407: when an update waits in sector 3 it copies that over the
 * application in sector 2, then says so in sector 1. With COPIED_IN_RAM it remembers in RAM that it began,
 * and takes a reset in mid-copy, which RAM outlives, for the reset after it. With HANGS it hangs once, and
 * only a watchdog outside of the chip gets it out of there. With SLOW it works for three seconds before it
 * copies; FEEDS moves pin PA0 meanwhile. With DONE_FIRST it says that
 * it is done before it copies. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define KEYR 0x40023c04u
#define SR 0x40023c0cu
#define CR 0x40023c10u
#define STATE 0x08004000u /* pending, done */
#define SLOT0 0x08008000u
#define SLOT1 0x0800c000u
#define PENDING 0x50454e44u
#define GPIOA_MODER 0x40020000u
#define GPIOA_ODR 0x40020014u
#define WORDS 64u
#define NOTE 0x20010000u /* start-up code leaves it alone */
#define COPIED 0xc0b1edu

void boot(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20020000u, boot};

static void ready(void)
{
    while (REG(SR) & 1u << 16)
        ;
}

static void copy(void)
{
    REG(CR) = 2u | 2u << 3 | 2u << 8; /* SER, sector 2, words */
    REG(CR) |= 1u << 16;
    ready();
    REG(CR) = 1u | 2u << 8;
    for (uint32_t i = 0; i < WORDS; i++) {
        REG(SLOT0 + 4 * i) = REG(SLOT1 + 4 * i);
        ready();
    }
}

void boot(void)
{
    int waiting = REG(STATE) == PENDING && REG(STATE + 4) == 0xffffffffu;

#ifdef COPIED_IN_RAM
    if (REG(NOTE) == COPIED)
        waiting = 0;
    REG(NOTE) = COPIED;
#endif
    if (waiting) {
        REG(KEYR) = 0x45670123u;
        REG(KEYR) = 0xcdef89abu;
#ifdef HANGS
        if (REG(STATE + 8) == 0xffffffffu) {
            REG(CR) = 1u | 2u << 8;
            REG(STATE + 8) = 0;
            for (;;)
                ;
        }
#endif
#ifdef SLOW
        REG(GPIOA_MODER) |= 1;
        for (uint32_t i = 0; i < 30; i++) {
#ifdef FEEDS
            REG(GPIOA_ODR) ^= 1;
#endif
            for (volatile uint32_t k = 0; k < 160000; k++)
                ;
        }
#endif
#ifdef DONE_FIRST
        REG(CR) = 1u | 2u << 8;
        REG(STATE + 4) = 0;
        ready();
#endif
        copy();
#ifndef DONE_FIRST
        REG(STATE + 4) = 0;
        ready();
#endif
        REG(CR) = 1u << 31;
    }
    ((void (*)(void))(uintptr_t)REG(SLOT0 + 4))();
}

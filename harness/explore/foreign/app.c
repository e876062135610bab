/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64 words of application: what counts is that it is reached, and that it is whole. */
#include <stdint.h>

void start(void);
__attribute__((section(".vectors"), used)) static const struct {
    void (*stack)(void), (*reset)(void);
    uint32_t words[46];
} vectors = {(void (*)(void))0x20020000u, start, {[0 ... 45] = VERSION * 0x01010101u}};

void start(void)
{
    for (;;)
        __asm volatile("wfi");
}

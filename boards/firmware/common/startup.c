/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector table and start-up, for boot loader and application. */
#include <stdint.h>

#include "common/sys.h"

extern uint32_t ld_stack_top, ld_data_load, ld_data_begin, ld_data_end, ld_bss_begin, ld_bss_end;
int main(void);
void uarte_interrupt(void);
void rtc1_interrupt(void);

/* A fault in the field: nothing to save, so start again; the boot loader counts on it. */
static void fault(void)
{
    reset_chip();
}

static void start(void)
{
    uint32_t *from = &ld_data_load;
    for (uint32_t *to = &ld_data_begin; to < &ld_data_end;)
        *to++ = *from++;
    for (uint32_t *to = &ld_bss_begin; to < &ld_bss_end;)
        *to++ = 0;
    main();
    reset_chip();
}

typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16 + 18] = {
    [0] = (vector)(uintptr_t)&ld_stack_top,
    [1] = start,
    [2] = fault,
    [3] = fault,
    [4] = fault,
    [5] = fault,
    [6] = fault,
    [11] = fault,
    [12] = fault,
    [14] = fault,
    [15] = fault,
    [16 + 2] = uarte_interrupt,
    [16 + 17] = rtc1_interrupt,
};

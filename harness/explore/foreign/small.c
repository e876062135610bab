/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small boot loaders for an nRF52840, each with one thing that an explorer may get wrong:
 * PARTIAL    erases its page in parts (NVMC ERASEPAGEPARTIAL), one ninth at a time
 * EXCLUSIVE  leaves the exclusive monitor open over an erase when the boot before was cut, and spoils a word
 *            only then: RAM, registers and flash say nothing of it
 * INLINE     loses its flag through helpers that the compiler puts into their callers
 * SAYS       complains in every boot after one that was cut between its two words
 * LONG       writes a thousand words
 * UICR       notes there that it was here, then writes a page; a cut between the two spoils nothing
 * FLAGS      takes a word of flags for valid unless it is erased; the odd one out of its bits spoils a word
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC 0x4001e000u
#define PAGE 0x10000u
#define SPOILT 0x11000u
#define APP 0x8000u
#define ERASED 0xffffffffu

void boot(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20040000u, boot};

static inline __attribute__((always_inline)) void put(uint32_t address, uint32_t value)
{
    REG(NVMC + 0x504) = 1;
    REG(address) = value;
    REG(NVMC + 0x504) = 0;
}

static inline __attribute__((always_inline, unused)) void erase(uint32_t page)
{
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = page;
    REG(NVMC + 0x504) = 0;
}

#ifdef PARTIAL
static void work(void)
{
    if (REG(PAGE) == ERASED && REG(PAGE + 28) == ERASED && REG(SPOILT + 8) == ERASED) {
        for (uint32_t i = 0; i < 8; i++)
            put(PAGE + 4 * i, 0x1000 + i);
    }
    if (REG(SPOILT + 8) == ERASED) {
        REG(NVMC + 0x51c) = 10;
        REG(NVMC + 0x504) = 2;
        for (uint32_t i = 0; i < 9; i++)
            REG(NVMC + 0x518) = PAGE;
        for (uint32_t i = 0; i < 8; i++)
            if (REG(PAGE + 4 * i) != ERASED)
                put(SPOILT, 0);
        put(SPOILT + 8, 0);
    }
}
#elif defined EXCLUSIVE
/* Leaves nothing behind but the monitor. */
__attribute__((noinline, naked)) static void prepare(uint32_t open)
{
    __asm("ldr r1, =0x20000100\n cmp r0, #0\n beq 1f\n ldrex r2, [r1]\n b 2f\n"
          "1: ldr r2, [r1]\n clrex\n"
          "2: mov r0, #0\n mov r1, r0\n mov r2, r0\n mov r3, r0\n cmp r0, #0\n bx lr\n");
}

__attribute__((noinline, naked)) static uint32_t is_open(void)
{
    __asm("ldr r1, =0x20000100\n ldr r2, [r1]\n strex r0, r2, [r1]\n eor r0, r0, #1\n bx lr\n");
}

static void work(void)
{
    uint32_t cut_before = REG(PAGE) != ERASED;
    if (!cut_before)
        put(PAGE, 0);
    __asm volatile("mov r4, #0\n mov r5, #0\n mov r6, #0\n mov r7, #0" ::: "r4", "r5", "r6", "r7");
    prepare(cut_before);
    __asm volatile("" ::: "memory", "r4", "r5", "r6", "r7");
    erase(PAGE);
    if (is_open())
        put(SPOILT, 0);
    put(SPOILT + 4, 0);
}
#elif defined INLINE
static inline __attribute__((always_inline)) void set_flag(uint32_t address)
{
    put(address, 0x1234);
}

static void work(void)
{
    if (REG(PAGE) != ERASED && REG(PAGE + 4) == ERASED)
        put(SPOILT, 0);
    set_flag(PAGE);
    set_flag(PAGE + 4);
    erase(PAGE);
}
#elif defined SAYS
#define UART 0x40002000u
static void say(const char *text)
{
    REG(UART + 0x500) = 4;
    REG(UART + 0x008) = 1;
    for (; *text; text++) {
        REG(UART + 0x11c) = 0;
        REG(UART + 0x51c) = (uint8_t)*text;
        while (!REG(UART + 0x11c))
            ;
    }
}

static void work(void)
{
    say("hello\r\n");
    if (REG(PAGE) != ERASED && REG(PAGE + 4) == ERASED)
        put(SPOILT, 0);
    if (REG(SPOILT) == ERASED)
        say("all is well\r\n");
    else
        say("ASSERT: half a pair\r\nbye\r\n");
    put(PAGE, 0);
    put(PAGE + 4, 0);
}
#elif defined LONG
static void work(void)
{
    for (uint32_t i = 0; i < 1000; i++)
        if (REG(PAGE + 4 * i) == ERASED)
            put(PAGE + 4 * i, i);
}
#elif defined UICR
#define CUSTOMER 0x10001080u
static void work(void)
{
    if (REG(CUSTOMER) == ERASED) {
        put(CUSTOMER, 0x1234);
        put(PAGE, 1);
    }
    put(PAGE + 4, 0);
}
#elif defined FLAGS
static void work(void)
{
    uint32_t flags = REG(PAGE);
    if (flags != ERASED && (flags & 0xff) == 0xff && !(flags & 0x10000))
        put(SPOILT, 0);
    if (flags == ERASED)
        put(PAGE, 0xfffe0000);
    erase(PAGE);
    put(PAGE + 4, 0);
}
#endif

void boot(void)
{
    work();
    ((void (*)(void))(uintptr_t)(APP | 1))();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two flags and an application on an nRF52840, in a few instructions: what goes wrong after a cut is chosen
 * by a define, and how far an exploration sees it is known beforehand (test_tiny.sh). */
#include <stdint.h>

#define WORD(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define NVMC_READY WORD(0x4001e400u)
#define NVMC_CONFIG WORD(0x4001e504u)
#define NVMC_ERASEPAGE WORD(0x4001e508u)
#define ERASED 0xffffffffu

#define BEGUN 0x10000u
#define DONE 0x10004u
#define NOTE 0x11000u
#define APP 0x8000u
#define NEW_APP 0xc000u
#define APP_LEN 0x100u

void start(void);
__attribute__((section(".vectors"), used)) static const struct {
    void *stack;
    void (*reset)(void);
    uint32_t rest[14];
} vectors = {(void *)0x20004000u, start, {0}};

static void __attribute__((unused)) put(uint32_t address, uint32_t value)
{
    NVMC_CONFIG = 1;
    WORD(address) = value;
    while (!NVMC_READY)
        ;
    NVMC_CONFIG = 0;
}

static void __attribute__((unused)) erase(uint32_t address)
{
    NVMC_CONFIG = 2;
    NVMC_ERASEPAGE = address;
    while (!NVMC_READY)
        ;
    NVMC_CONFIG = 0;
}

static void __attribute__((noreturn)) go(uint32_t base)
{
    __asm volatile("msr msp, %0\n\tbx %1" ::"r"(WORD(base)), "r"(WORD(base + 4)));
    __builtin_unreachable();
}

static void __attribute__((noreturn, unused)) rest(void)
{
    for (;;)
        __asm volatile("wfi");
}

#define RTC0_START WORD(0x4000b000u)
#define RTC0_COUNTER WORD(0x4000b504u)
#define CLOCK_LFCLKSTART WORD(0x40000008u)
#define TIMER0_START WORD(0x40008000u)
#define TIMER0_CAPTURE0 WORD(0x40008040u)
#define TIMER0_BITMODE WORD(0x40008508u)
#define TIMER0_CC0 WORD(0x40008540u)

#ifdef CLOCK
#ifdef CLOCK_TIMER
static void clock_start(void)
{
    TIMER0_BITMODE = 3;
    TIMER0_START = 1;
}
static uint32_t __attribute__((unused)) clock_us(void)
{
    TIMER0_CAPTURE0 = 1;
    return TIMER0_CC0;
}
#else
static void clock_start(void)
{
    CLOCK_LFCLKSTART = 1;
    RTC0_START = 1;
}
static uint32_t __attribute__((unused)) clock_us(void)
{
    return RTC0_COUNTER * 15625 / 512;
}
#endif
/* A clock runs, as under any kernel; 128 words are written, as many as are missing. CLOCK_LATE: whoever has
 * not got that far within 4 ms gives up, so the clock counts. */
void start(void)
{
    clock_start();
    for (uint32_t i = 0; i < 128; i++)
        if (WORD(BEGUN + 4 * i) == ERASED)
            put(BEGUN + 4 * i, i);
#ifdef CLOCK_LATE
    if (clock_us() > 4000)
        rest();
#endif
    put(NOTE, RTC0_START);
    go(APP);
}
#elif defined FORGIVEN
#define CCR WORD(0xe000ed14u)
#define MPU_CTRL WORD(0xe000ed94u)
#define MPU_RBAR WORD(0xe000ed9cu)
#define MPU_RASR WORD(0xe000eda0u)
enum { NOTHING, WORDS, PAIR, TRAP, DIVIDE, FLOAT, LOAD, DEVICE };
/* What engines forgive and a Cortex-M4 does not, but for NOTHING, which is all right: unaligned words,
 * division by zero without a trap. */
void start(void)
{
    uint32_t at = 0x20000101u, a;
    if (FORGIVEN == NOTHING) {
        __asm volatile("ldr %0, [%1]\n\tstrh %0, [%1, #4]\n\tudiv %0, %0, %2"
                       : "=&r"(a)
                       : "r"(at), "r"(0)
                       : "memory");
    } else if (FORGIVEN == WORDS) {
        __asm volatile("ldmia %0!, {r2, r3}" : "+r"(at)::"r2", "r3");
    } else if (FORGIVEN == PAIR) {
        __asm volatile("strd %0, %0, [%0]" ::"r"(at) : "memory");
    } else if (FORGIVEN == TRAP) {
        CCR |= 1u << 3;
        __asm volatile("ldr %0, [%1]" : "=r"(a) : "r"(at));
    } else if (FORGIVEN == DIVIDE) {
        CCR |= 1u << 4;
        __asm volatile("sdiv %0, %1, %2" : "=r"(a) : "r"(at), "r"(0));
    } else if (FORGIVEN == FLOAT) {
        __asm volatile(".fpu fpv4-sp-d16\n\tvmov s0, %0" ::"r"(at));
    } else if (FORGIVEN == LOAD) {
        MPU_RBAR = 0x20000100u | 16;
        MPU_RASR = 7u << 1 | 1; /* 256 bytes for nobody */
        MPU_CTRL = 5;
        __asm volatile("ldrb %0, [%1]" : "=r"(a) : "r"(at));
        MPU_CTRL = 0;
    } else if (FORGIVEN == DEVICE) {
        __asm volatile("ldr %0, [%1]" : "=r"(a) : "r"(0x4001e401u));
    }
    put(BEGUN, 0);
    go(APP);
}
#elif defined HANGS_COLD
/* In each power-up it hangs until a watchdog outside of the chip resets it. RAM outlives that; a further
 * reset in the middle of its work ends the work. */
void start(void)
{
    volatile uint32_t *warm = &WORD(0x20001000), *begun = &WORD(0x20001004);
    if (*warm != 0xcafeu) {
        *warm = 0xcafeu;
        *begun = 0;
        for (;;)
            ;
    }
    if (*begun)
        go(APP);
    *begun = 1;
    for (uint32_t i = 0; i < 4; i++)
        if (WORD(BEGUN + 4 * i) == ERASED)
            put(BEGUN + 4 * i, i);
    go(APP);
}
#elif defined ONE_REGISTER
/* The same register and instruction for one address after the other, in one block of code. */
void start(void)
{
    __asm volatile("ldr r0, =0x4001e504\n movs r1, #1\n str r1, [r0]\n"
                   "ldr r0, =0x10000\n .global first_store\n first_store: str r1, [r0]\n"
                   "ldr r0, =0x10004\n .global second_store\n second_store: str r1, [r0]\n"
                   "ldr r0, =0x4001e504\n movs r1, #0\n str r1, [r0]\n" ::
                       : "r0", "r1", "memory");
    go(APP);
}
#elif defined COUNTS
/* Each boot leaves one word more. ANEW: one that was torn begins from none. */
void start(void)
{
    uint32_t at = BEGUN;
    for (; WORD(at) != ERASED; at += 4) {
#ifdef ANEW
        if (WORD(at)) {
            erase(BEGUN);
            at = BEGUN;
            break;
        }
#endif
    }
    put(at, 0);
    go(APP);
}
#elif defined ONE_PLACE
/* The application that is replaced asks for it, at the place where the new one will run. */
void start(void)
{
    if (WORD(DONE) == 0x22222222u && WORD(DONE + 4) == ERASED) {
        erase(APP);
        for (uint32_t i = 0; i < APP_LEN; i += 4)
            if (WORD(NEW_APP + i) != ERASED)
                put(APP + i, WORD(NEW_APP + i));
        put(DONE + 4, 0);
    }
    go(APP);
}
#else
void start(void)
{
    if (WORD(BEGUN) == ERASED) {
        put(BEGUN, 0);
        put(DONE, 0);
    } else if (WORD(DONE) == ERASED) {
#if defined MILD_THEN_DEAD
        if (WORD(NOTE - 4) == 0)
            rest(); /* only a second cut leads here */
        put(NOTE - 4, 0);
        put(NOTE, 0xbad);
        put(DONE, 0);
#elif defined GOES_ROUND
        for (;;) {
            erase(0x12000);
            put(0x12000, 5);
        }
#elif defined SPINS
        for (;;)
            for (volatile int i = 0; i < 1000; i++)
                ;
#endif
    }
    go(APP);
}
#endif

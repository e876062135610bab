/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads for ./rig bench: boot loaders that swap two images, sum both of them up in software (one of them in
 * every boot), log to a
 * polled UART and have a tick. Which one:
 * SCRATCH  nRF52840: page by page through a third one
 * OFFSET   nRF52840: the new image lies one page further, so that nothing but the two slots is needed
 * BYTES    STM32F407: one sector of 128 KB, byte by byte, through a third one
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define SYSTICK(offset) REG(0xe000e010u + (offset))

#ifdef BYTES
#define FIRST 0x08020000u
#define SECOND 0x08040000u
#define SPARE 0x08060000u
#define MARKS 0x08004000u
#define PAGE 0x20000u
#define PAGES 1u
#define RAM_END 0x20020000u
#define FLASH(offset) REG(0x40023c00u + (offset))
typedef uint8_t unit;

static void put(uint32_t address, unit value)
{
    FLASH(0x10) = 1; /* PG, one byte at a time */
    *(volatile uint8_t *)(uintptr_t)address = value;
    while (FLASH(0x0c) & 1u << 16)
        ;
    FLASH(0x10) = 0;
}

static void erase(uint32_t page)
{
    uint32_t sector = page == MARKS ? 1 : 4 + (page >> 17 & 7);
    FLASH(0x10) = 2 | sector << 3;
    FLASH(0x10) = 2 | sector << 3 | 1u << 16;
    while (FLASH(0x0c) & 1u << 16)
        ;
    FLASH(0x10) = 0;
}

static void open(void)
{
    FLASH(0x04) = 0x45670123;
    FLASH(0x04) = 0xcdef89ab;
    REG(0x40023840) |= 1u << 17; /* USART2 */
    REG(0x40004408) = 139;       /* 115200 at 16 MHz */
    REG(0x4000440c) = 1u << 13 | 1u << 3;
}

static void put_char(char c)
{
    REG(0x40004404) = (uint8_t)c;
    while (!(REG(0x40004400) & 1u << 7))
        ;
}
#else
#define FIRST 0x10000u
#define SECOND 0x40000u
#define SPARE 0x70000u
#define MARKS 0x71000u
#define PAGE 0x1000u
#ifdef SCRATCH
#define PAGES 9u
#else
#define PAGES 5u
#endif
#define RAM_END 0x20040000u
#define NVMC(offset) REG(0x4001e000u + (offset))
#define UART(offset) REG(0x40002000u + (offset))
typedef uint32_t unit;
static uint8_t character;

static void put(uint32_t address, unit value)
{
    NVMC(0x504) = 1;
    REG(address) = value;
    while (!NVMC(0x400))
        ;
    NVMC(0x504) = 0;
}

static void erase(uint32_t page)
{
    NVMC(0x504) = 2;
    NVMC(0x508) = page;
    while (!NVMC(0x400))
        ;
    NVMC(0x504) = 0;
}

static void open(void)
{
    UART(0x50c) = 6;
    UART(0x524) = 0x01d60000;
    UART(0x500) = 8;
}

static void put_char(char c)
{
    character = (uint8_t)c;
    UART(0x120) = 0;
    UART(0x544) = (uint32_t)(uintptr_t)&character;
    UART(0x548) = 1;
    UART(0x008) = 1;
    while (!UART(0x120))
        ;
}
#endif

void boot(void);
static volatile uint32_t ticks;
static void tick(void)
{
    ticks++;
}
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)RAM_END, boot, [15] = tick};

static void say(const char *text)
{
    while (*text)
        put_char(*text++);
}

static unit get(uint32_t address)
{
    return *(volatile unit *)(uintptr_t)address;
}

static void copy(uint32_t to, uint32_t from)
{
    erase(to);
    for (uint32_t at = 0; at < PAGE; at += sizeof(unit))
        put(to + at, get(from + at));
}

/* As much work as a hash is. */
static uint32_t sum(uint32_t slot)
{
    uint32_t value = 1;
    for (uint32_t at = 0; at < PAGES * PAGE; at += 4)
        for (unsigned i = 0; i < 16; i++)
            value = (value << 5 | value >> 27) ^ (REG(slot + at) + i);
    return value;
}

static void step(uint32_t number)
{
#ifdef OFFSET
    uint32_t at = number / 2 * PAGE;
    if (number % 2)
        copy(FIRST + at, SECOND + at + PAGE);
    else
        copy(SECOND + at, FIRST + at);
#else
    uint32_t at = number / 3 * PAGE, which = number % 3;
    copy(which == 0   ? SPARE
         : which == 1 ? FIRST + at
                      : SECOND + at,
         which == 0   ? FIRST + at
         : which == 1 ? SECOND + at
                      : SPARE);
#endif
}

#ifdef OFFSET
#define STEPS (2 * PAGES)
#else
#define STEPS (3 * PAGES)
#endif

void boot(void)
{
    uint32_t done = 0;
    unit erased = (unit) ~(unit)0;
    open();
    SYSTICK(4) = 16000 - 1;
    SYSTICK(0) = 7;
    say("*** Booting a load of ./rig bench ***\r\n");
    while (done < STEPS && get(MARKS + (2 + done) * sizeof(unit)) != erased)
        done++;
    if (get(MARKS) != erased && get(MARKS + sizeof(unit)) == erased) {
        say(sum(FIRST) != sum(SECOND) ? "I: swap\r\n" : "I: swap of the same\r\n");
        put(MARKS + sizeof(unit), 0);
    }
    if (get(MARKS) != erased)
        for (; done < STEPS; done++) {
            step(done);
            put(MARKS + (2 + done) * sizeof(unit), 0);
        }
    say(sum(FIRST) ? "I: jumping to the first image slot\r\n" : "E: no image\r\n");
    SYSTICK(0) = 0;
    ((void (*)(void))(uintptr_t)(FIRST | 1))();
}

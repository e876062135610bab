/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small boot loaders with habits of real ones, each of which a chip's model must know:
 * LFXO      nRF52: low-frequency clock in two stages, RC and then crystal, as nrfx and Zephyr start it
 * RESETPIN  nRF52: programs UICR.PSELRESET when it is blank, and resets, as Zephyr's start-up code does
 * TIMER     STM32F4: waits by a free-running timer, as a door for a host
 * OPTIONS   STM32F4: write-protects its sector by the option bytes when it is not protected yet
 * POLL      nRF52: waits for a device that this chip has and the twin does not model
 * TRAILER   nRF52: copies slot 1 over slot 0 when its trailer asks for it, then erases slot 1; EARLY: before
 * that; OTHER: runs slot 1 where it lies, when an update was cut JOURNAL   nRF51: a page holds a length, and
 * a magic behind it, while which the length is believed
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define ERASED 0xffffffffu

void boot(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20003000u, boot};

#if defined LFXO || defined RESETPIN || defined POLL || defined TRAILER
#ifdef TRAILER
#define APP REG(0x20000000u)
#define ENTRY (APP + 9)
#else
#define APP 0x8000u
#endif
#define NVMC 0x4001e000u
static inline __attribute__((unused)) void put(uint32_t address, uint32_t value)
{
    REG(NVMC + 0x504) = 1;
    REG(address) = value;
    while (!REG(NVMC + 0x400))
        ;
    REG(NVMC + 0x504) = 0;
}
#elif defined JOURNAL
#define APP 0x8000u
#define NVMC 0x4001e000u
#else
#define APP 0x08008000u
#endif

#ifdef LFXO
static void work(void)
{
    REG(0x40000518) = 0; /* LFCLKSRC: RC */
    REG(0x40000008) = 1; /* LFCLKSTART */
    while (!REG(0x40000104))
        ;
    REG(0x40000104) = 0;
    REG(0x40000518) = 1; /* crystal */
    REG(0x40000008) = 1;
    while ((REG(0x40000418) & 0x10003) != 0x10001)
        ;
    if (REG(0x11000) == ERASED)
        put(0x11000, 1);
}
#elif defined RESETPIN
#define PSELRESET 0x10001200u
static void work(void)
{
    if (REG(PSELRESET) != 18 || REG(PSELRESET + 4) != 18) {
        put(PSELRESET, 18);
        put(PSELRESET + 4, 18);
        REG(0xe000ed0c) = 0x05fa0004;
        for (;;)
            ;
    }
    if (REG(0x11000) == ERASED)
        put(0x11000, 1);
}
#elif defined POLL
/* DEVICE: any register that says when it is ready. */
__attribute__((noinline)) static void wait_for_device(void)
{
    while (!(REG(DEVICE) & 1))
        ;
}

static void work(void)
{
    if (REG(0x11000) == ERASED)
        put(0x11000, 1);
    REG(DEVICE - 0x100) = 1;
    wait_for_device();
}
#elif defined TRAILER
#define SLOT 0x10000u
#define OTHER_SLOT 0x12000u
#define SIZE 0x1000u
__attribute__((noinline)) static void store(uint32_t address, uint32_t value)
{
    put(address, value);
    __asm volatile("" ::: "memory");
}

__attribute__((noinline)) static void erase_slot(uint32_t address)
{
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = address;
    REG(NVMC + 0x504) = 0;
}

__attribute__((noinline, unused)) static void copy_slot(void)
{
    for (uint32_t i = 0; i < 32; i += 4)
        store(SLOT + i, REG(OTHER_SLOT + i));
    __asm volatile("" ::: "memory");
}

static void work(void)
{
    APP = SLOT;
    if (REG(OTHER_SLOT + SIZE - 16) != 0xf395c277u || REG(OTHER_SLOT + SIZE - 4) != 0x8079b62cu)
        return;
#ifdef OTHER
    if (REG(SLOT) == ERASED) {
        APP = OTHER_SLOT;
        return;
    }
#endif
    erase_slot(SLOT);
#ifdef EARLY
    uint32_t copy[8];
    for (uint32_t i = 0; i < 8; i++)
        copy[i] = REG(OTHER_SLOT + 4 * i);
    erase_slot(OTHER_SLOT);
    for (uint32_t i = 0; i < 8; i++)
        store(SLOT + 4 * i, copy[i]);
#else
    copy_slot();
    erase_slot(OTHER_SLOT);
#endif
}
#elif defined TIMER
static void work(void)
{
    REG(ENABLE) |= 1u << BIT;
    REG(TIMER + 0x2c) = 65535;
    REG(TIMER + 0x28) = 160 - 1; /* 100 kHz of 16 MHz */
    REG(TIMER) = 1;
    REG(TIMER + 0x14) = 1; /* the prescaler counts from here on */
    while ((REG(TIMER + 0x24) & 0xffff) < 5000)
        ;
    if (REG(0x08010000) == ERASED) { /* something to cut */
        REG(0x40023c04) = 0x45670123u;
        REG(0x40023c04) = 0xcdef89abu;
        REG(0x40023c10) = 1u | 2u << 8;
        REG(0x08010000) = 0;
        REG(0x40023c10) = 0x80000000u;
    }
}
#elif defined OPTIONS
static void work(void)
{
    if (!(REG(0x40023c14) >> 16 & 1))
        return;
    REG(0x40023c08) = 0x08192a3bu;
    REG(0x40023c08) = 0x4c5d6e7fu;
    REG(0x40023c14) = 0x0ffeaaecu; /* level 0, sector 0 protected */
    REG(0x40023c14) = 0x0ffeaaecu | 2u;
    while (REG(0x40023c0c) >> 16 & 1)
        ;
}
#elif defined JOURNAL
#define PAGE 0x10000u
static void work(void)
{
    if (REG(PAGE + 0x30) != 0xf395c277u)
        return;
    if (REG(PAGE + 0x20) != 4096)
        for (;;) /* nothing ever erases the page */
            __asm volatile("wfi");
    REG(NVMC + 0x504) = 2;
    REG(NVMC + 0x508) = PAGE;
    REG(NVMC + 0x504) = 0;
}
#endif

#ifndef ENTRY
#define ENTRY REG(APP + 4)
#endif

void boot(void)
{
    work();
    __asm volatile("msr msp, %0\n bx %1" ::"r"(REG(APP)), "r"(ENTRY));
    __builtin_unreachable();
}

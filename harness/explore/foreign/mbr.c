/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands where Nordic's master boot record does: forwards every exception to the image whose address is kept
 * in the first word of RAM, answers the supervisor call that changes it. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define FORWARD REG(0x20000000u)
#define BOOTLOADER 0x10001014u /* UICR */
enum { CALL = 0x18, VECTOR_TABLE_BASE_SET = 4, IRQ_FORWARD_ADDRESS_SET = 6 };

void reset(void);
void forward(void);
void call(void);
uint32_t command(const uint32_t *frame);

__attribute__((section(".vectors"), used)) static void (*const vectors[64])(void) = {
    (void (*)(void))0x20000400u, reset, [2 ... 10] = forward, call, [12 ... 63] = forward};

__attribute__((naked, noreturn)) static void start(uint32_t table)
{
    __asm volatile("ldr r1, [r0]\n msr msp, r1\n ldr r0, [r0, #4]\n bx r0\n");
}

void reset(void)
{
    FORWARD = REG(BOOTLOADER);
    start(FORWARD);
}

__attribute__((naked)) void forward(void)
{
    __asm volatile("mrs r0, ipsr\n mov r1, #0x20000000\n ldr r1, [r1]\n ldr r0, [r1, r0, lsl #2]\n bx r0\n");
}

/* 0: not for us */
uint32_t command(const uint32_t *frame)
{
    const uint8_t *after = (const uint8_t *)(uintptr_t)frame[6];
    uint32_t *arguments = (uint32_t *)(uintptr_t)frame[0];

    if (after[-2] != CALL)
        return 0;
    if (arguments[0] == VECTOR_TABLE_BASE_SET || arguments[0] == IRQ_FORWARD_ADDRESS_SET)
        FORWARD = arguments[1];
    *(uint32_t *)(uintptr_t)&frame[0] = 0;
    return 1;
}

__attribute__((naked)) void call(void)
{
    __asm volatile(
        "tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n push {r4, lr}\n bl command\n pop {r4, lr}\n"
        "cbz r0, 1f\n bx lr\n 1: b forward\n");
}

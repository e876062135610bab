/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/xmodem.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/sys.h"

enum { SOH = 1, STX = 2, EOT = 4, ACK = 6, NAK = 0x15, CAN = 0x18 };
#define ERRORS_MAX 20
#define BYTE_MS 1000

static volatile uint32_t ring_head, ring_tail;
static uint8_t ring[2048];
static uint8_t block[1024];

void xmodem_byte(uint8_t byte)
{
    uint32_t next = (ring_head + 1) % sizeof ring;
    if (next == ring_tail)
        return;
    ring[ring_head] = byte;
    ring_head = next;
}

/* The next byte; -1: none came in time. */
static int get(uint32_t patience_ms)
{
    uint32_t from = tick_now_ms();
    while (ring_tail == ring_head) {
        watchdog_feed();
        if (tick_now_ms() - from >= patience_ms)
            return -1;
        /* with interrupts off, so that a byte cannot slip in between the look and the sleep */
        __asm volatile("cpsid i" ::: "memory");
        if (ring_tail == ring_head)
            wait_for_interrupt();
        __asm volatile("cpsie i" ::: "memory");
    }
    uint8_t byte = ring[ring_tail];
    ring_tail = (ring_tail + 1) % sizeof ring;
    return byte;
}

static void say(uint8_t byte)
{
    uart_put(&byte, 1);
}

static void drain(void)
{
    while (get(100) >= 0)
        ;
}

static uint16_t crc16(const uint8_t *data, uint32_t len)
{
    uint16_t crc = 0;
    while (len--) {
        crc = (uint16_t)(crc ^ *data++ << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* The rest of a block after its first byte; its number, or -1 when it is damaged. */
static int get_block(uint32_t len)
{
    int number = get(BYTE_MS), inverse = get(BYTE_MS), high, low;
    for (uint32_t i = 0; i < len; i++) {
        int byte = get(BYTE_MS);
        if (byte < 0)
            return -1;
        block[i] = (uint8_t)byte;
    }
    high = get(BYTE_MS);
    low = get(BYTE_MS);
    if (number < 0 || inverse < 0 || high < 0 || low < 0 || number + inverse != 255)
        return -1;
    return crc16(block, len) == (high << 8 | low) ? number : -1;
}

static void erase_for(uint32_t base, uint32_t at)
{
#ifdef DEFECT_LARGE_UPLOAD_ERASES_SETTINGS
    /* "larger pieces are faster" */
    if (at % 0x18000 == 0)
        for (uint32_t i = 0; i < 0x18000; i += PAGE_LEN)
            flash_erase(base + at + i);
#elif defined DEFECT_ERASED_BY_ITS_FIRST_WORD
    if (flash_word(base + at) != 0xffffffff)
        flash_erase(base + at); /* else "it is blank already" */
#else
    flash_erase(base + at);
#endif
}

static void store(uint32_t base, uint32_t at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 4) {
        uint32_t word;
        if ((at + i) % PAGE_LEN == 0)
            erase_for(base, at + i);
        memcpy(&word, block + i, 4);
        flash_write(base + at + i, word);
    }
}

/* The first byte of a block, asked for with 'C' until the first one comes. */
static int get_first(bool begun, uint32_t *waited_ms)
{
    if (begun)
        return get(3000);
    say('C');
    *waited_ms += 1000;
    return get(1000);
}

uint32_t xmodem_receive(uint32_t base, uint32_t room, uint32_t patience_ms)
{
    uint32_t at = 0, waited_ms = 0, errors = 0;
    uint8_t wanted = 1;
    bool begun = false;
    ring_tail = ring_head;
    while (errors < ERRORS_MAX && (begun || waited_ms < patience_ms)) {
        int first = get_first(begun, &waited_ms);
        if (first == EOT && begun) {
            say(ACK);
            return at;
        }
        if (first == CAN && get(BYTE_MS) == CAN)
            return 0;
        if (first != SOH && first != STX) {
#ifdef DEFECT_WAITS_FOR_EVER
            errors = 0; /* "it will go on when the line is back" */
#else
            errors += begun;
#endif
            if (begun)
                say(NAK);
            continue;
        }
        uint32_t len = first == SOH ? 128 : 1024;
        int number = get_block(len);
        begun = true;
        if (number == (uint8_t)(wanted - 1) && at) {
            say(ACK); /* it was sent again because our answer got lost */
        } else if (number != wanted) {
            errors++;
            drain();
            say(NAK);
        } else if (len > room - at) {
            break;
        } else {
            store(base, at, len);
            at += len;
            wanted++;
            errors = 0;
            say(ACK);
        }
    }
    say(CAN);
    say(CAN);
    drain();
    return 0;
}

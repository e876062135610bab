/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sys.h"

#include <stdarg.h>

#include "common/layout.h"
#include "common/nrf52840.h"

/* ---- the small C library ---- */

void *memcpy(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)out | (uintptr_t)in) & 3) == 0)
        for (; len >= 4; len -= 4, out += 4, in += 4)
            *(uint32_t *)out = *(const uint32_t *)in;
    while (len--)
        *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t len)
{
    for (uint8_t *out = to; len--;)
        *out++ = (uint8_t)value;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in)
        return memcpy(to, from, len);
    while (len--)
        out[len] = in[len];
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    for (; len--; x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    return len;
}

/* ---- console: UARTE0, P0.06 out, P0.08 in (the nRF52840 DK's virtual port), 8N1 ---- */

#ifndef UART_BAUDRATE
#define UART_BAUDRATE 0x10000000 /* 1 Mbaud */
#endif
#ifndef UART_PIECE
#define UART_PIECE 256 /* bytes that are handed to the UARTE at once; 1: each one is waited for */
#endif

static void (*on_byte)(uint8_t byte);
static uint8_t rx_byte;
static uint8_t tx_buffer[UART_PIECE]; /* EasyDMA reads RAM only */

void uart_open(void)
{
    UARTE_ENABLE = 0;
    P0_OUTSET = 1u << 6;
    P0_DIRSET = 1u << 6;
    UARTE_PSEL_TXD = 6;
    UARTE_PSEL_RXD = 8;
    UARTE_PSEL_RTS = UARTE_PSEL_CTS = 0xffffffff;
    UARTE_BAUDRATE = UART_BAUDRATE;
    UARTE_CONFIG = 0;
    UARTE_ENABLE = 8;
}

void uart_close(void)
{
    UARTE_INTENCLR = 0xffffffff;
    UARTE_ENABLE = 0;
}

static void put_piece(const uint8_t *data, size_t len)
{
    memcpy(tx_buffer, data, len);
    UARTE_EVENTS_ENDTX = 0;
    UARTE_TXD_PTR = (uint32_t)(uintptr_t)tx_buffer;
    UARTE_TXD_MAXCNT = len;
    UARTE_TASKS_STARTTX = 1;
    while (!UARTE_EVENTS_ENDTX)
        ;
#if UART_PIECE == 1
    UARTE_EVENTS_TXSTOPPED = 0;
    UARTE_TASKS_STOPTX = 1;
    while (!UARTE_EVENTS_TXSTOPPED)
        ;
#endif
}

void uart_put(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    while (len) {
        size_t piece = len < sizeof tx_buffer ? len : sizeof tx_buffer;
        put_piece(bytes, piece);
        bytes += piece;
        len -= piece;
    }
}

void uart_text(const char *text)
{
    uart_put(text, strlen(text));
}

static char *put_number(char *out, uint32_t value)
{
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *out++ = digits[--n];
    return out;
}

static char *put_hex(char *out, uint32_t value, int digits)
{
    while (digits--)
        *out++ = "0123456789abcdef"[value >> 4 * digits & 15];
    return out;
}

static char *put_short_hex(char *out, uint32_t value)
{
    int digits = 1;
    while (digits < 8 && value >> 4 * digits)
        digits++;
    return put_hex(out, value, digits);
}

size_t text_format(char *line, size_t room, const char *format, va_list args)
{
    char *out = line, *end = line + room - 40; /* the longest number or hash */
    for (; *format && out < end; format++) {
        if (*format != '%') {
            *out++ = *format;
            continue;
        }
        switch (*++format) {
        case 's':
            for (const char *text = va_arg(args, const char *); *text && out < end;)
                *out++ = *text++;
            break;
        case 'u':
            out = put_number(out, va_arg(args, uint32_t));
            break;
        case 'x':
            out = put_hex(out, va_arg(args, uint32_t), 8);
            break;
        case 'X':
            out = put_short_hex(out, va_arg(args, uint32_t));
            break;
        case 'h': {
            const uint8_t *bytes = va_arg(args, const uint8_t *);
            for (int i = 0; i < 8; i++)
                out = put_hex(out, bytes[i], 2);
            break;
        }
        }
    }
    return (size_t)(out - line);
}

void uart_print(const char *format, ...)
{
    char line[200];
    va_list args;
    va_start(args, format);
    size_t len = text_format(line, sizeof line - 1, format, args);
    va_end(args);
    line[len++] = '\n';
    uart_put(line, len);
}

void uart_receive(void (*byte)(uint8_t byte))
{
    on_byte = byte;
    UARTE_RXD_PTR = (uint32_t)(uintptr_t)&rx_byte;
    UARTE_RXD_MAXCNT = 1;
    UARTE_SHORTS = 1u << 5; /* ENDRX starts the next one */
    UARTE_EVENTS_ENDRX = 0;
    UARTE_INTENSET = 1u << 4; /* ENDRX */
    NVIC_ISER = 1u << UARTE_IRQ;
    UARTE_TASKS_STARTRX = 1;
}

void uarte_interrupt(void);
void uarte_interrupt(void)
{
    if (UARTE_EVENTS_ERROR) {
        UARTE_EVENTS_ERROR = 0;
        UARTE_ERRORSRC = UARTE_ERRORSRC;
    }
    if (!UARTE_EVENTS_ENDRX)
        return;
    UARTE_EVENTS_ENDRX = 0;
    if (on_byte)
        on_byte(*(volatile uint8_t *)&rx_byte);
}

/* ---- time ---- */

#define LF_HZ 32768u
#define COUNTER_MASK 0xffffffu

static uint32_t period_ticks;

void tick_open(unsigned period_ms)
{
    CLOCK_LFCLKSRC = 0; /* the RC oscillator: no crystal to wait for */
    CLOCK_EVENTS_LFCLKSTARTED = 0;
    CLOCK_TASKS_LFCLKSTART = 1;
    period_ticks = period_ms * LF_HZ / 1000;
    RTC1_TASKS_STOP = 1;
    RTC1_PRESCALER = 0;
    RTC1_TASKS_CLEAR = 1;
    RTC1_CC0 = period_ticks;
    RTC1_EVENTS_COMPARE0 = 0;
    RTC1_INTENSET = 1u << 16;
    NVIC_ISER = 1u << RTC1_IRQ;
    RTC1_TASKS_START = 1;
}

void tick_close(void)
{
    RTC1_INTENCLR = 0xffffffff;
    RTC1_TASKS_STOP = 1;
    NVIC_ICER = 1u << RTC1_IRQ | 1u << UARTE_IRQ;
    NVIC_ICPR = 1u << RTC1_IRQ | 1u << UARTE_IRQ;
}

void rtc1_interrupt(void);
void rtc1_interrupt(void)
{
    RTC1_EVENTS_COMPARE0 = 0;
    RTC1_CC0 = (RTC1_COUNTER + period_ticks) & COUNTER_MASK;
}

uint32_t tick_now_ms(void)
{
    return (uint32_t)((uint64_t)RTC1_COUNTER * 1000 / LF_HZ);
}

void wait_for_interrupt(void)
{
    __asm volatile("dsb\n\twfi" ::: "memory");
}

/* ---- watchdog, reset ---- */

void watchdog_start(unsigned timeout_ms)
{
    if (WDT_RUNSTATUS & 1)
        return;
    WDT_CONFIG = 1; /* runs in sleep, pauses while a debugger halts the core */
    WDT_CRV = timeout_ms * LF_HZ / 1000;
    WDT_RREN = 1;
    WDT_TASKS_START = 1;
}

void watchdog_feed(void)
{
    WDT_RR0 = 0x6e524635;
}

void reset_chip(void)
{
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = 0x05fa0004;
    for (;;)
        ;
}

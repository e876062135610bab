/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What boot loader and application share of the machine: console, time, reset, the small C library. */
#ifndef FW_SYS_H
#define FW_SYS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
void *memmove(void *to, const void *from, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);

void uart_open(void);
void uart_close(void);                       /* before the application takes over */
void uart_put(const void *data, size_t len); /* returns when the last byte has left */
void uart_text(const char *text);
/* %s, %u, %x (8 digits), %X (as many as needed), %h (32 bytes as the first 16 hex digits). Without a final
 * zero; `room`: 40 more than what fits. */
size_t text_format(char *out, size_t room, const char *format, va_list args);
void uart_print(const char *format, ...);
void uart_receive(void (*byte)(uint8_t byte)); /* from the interrupt on */

/* The 32768 Hz clock and RTC1 as a tick that wakes the core. */
void tick_open(unsigned period_ms);
void tick_close(void);
uint32_t tick_now_ms(void); /* wraps with the counter after 512 s */
void wait_for_interrupt(void);

void watchdog_start(unsigned timeout_ms); /* nothing happens when it runs already */
void watchdog_feed(void);
void reset_chip(void) __attribute__((noreturn));

#endif

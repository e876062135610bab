/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock/log.h"

#include <stdarg.h>

#include "common/sys.h"

#ifdef FW_MUTE

void log_raw(const char *format, ...)
{
}

void log_boot(enum log_level level, const char *format, ...)
{
}

void log_app(enum log_level level, const char *module, const char *format, ...)
{
}

#else

#ifdef ODD_LF_CR
#define LINE_END "\n\r"
#else
#define LINE_END "\r\n"
#endif

static void put_va(const char *format, va_list args)
{
    char line[200];
    uart_put(line, text_format(line, sizeof line, format, args));
}

static void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_va(format, args);
    va_end(args);
}

static void put_padded(uint32_t value, uint32_t digits)
{
    uint32_t unit = 1;
    while (--digits)
        unit *= 10;
    for (; unit; unit /= 10)
        put("%u", value / unit % 10);
}

/* [00:00:00.005,000] <inf> module: */
static void put_head(enum log_level level, const char *module)
{
    static const char *const names[] = {"err", "wrn", "inf", "dbg"};
    uint32_t ms = tick_now_ms();
    put("[");
    put_padded(ms / 3600000, 2);
    put(":");
    put_padded(ms / 60000 % 60, 2);
    put(":");
    put_padded(ms / 1000 % 60, 2);
    put(".");
    put_padded(ms % 1000, 3);
    put(",000] ");
#ifdef ODD_COLOURS
    static const char *const colours[] = {"\x1b[1;31m", "\x1b[1;33m", "\x1b[0m", "\x1b[0m"};
    put("%s", colours[level]);
#endif
    put("<%s> %s: ", names[level], module);
}

static void put_end(void)
{
#ifdef ODD_COLOURS
    put("\x1b[0m");
#endif
    put(LINE_END);
}

void log_raw(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_va(format, args);
    va_end(args);
    put(LINE_END);
}

void log_boot(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
#ifdef ODD_COLOURS
    put_head(level, "mcuboot");
    put_va(format, args);
    put_end();
#else
    static const char *const letters[] = {"E", "W", "I", "D"};
    put("%s: ", letters[level]);
    put_va(format, args);
    put(LINE_END);
#endif
    va_end(args);
}

void log_app(enum log_level level, const char *module, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_head(level, module);
    put_va(format, args);
    put_end();
    va_end(args);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#define ERROR_IMPLEMENTATION
#include "harness/base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Cuts at the end, never inside a UTF-8 sequence. */
static void trim_partial_character(char *text, size_t size)
{
    size_t len = strlen(text);
    if (len + 1 < size)
        return;
    size_t back = 0;
    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0xc0)
        text[len - 1 - back] = 0;
}

/* A name or a value from a file may hold anything; a message is one line and moves no terminal's cursor. */
static void make_one_line(char *text)
{
    for (; *text; text++) {
        bool c1 = (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
                  (unsigned char)text[1] < 0xa0; /* U+0080 to U+009F */
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = *text == '\n' || *text == '\t' ? ' ' : '?';
        else if (c1)
            *text++ = '?', *text = '?';
    }
}

static void set(struct error *error, enum error_kind kind, const char *format, va_list args)
{
    char text[sizeof error->text];
    vsnprintf(text, sizeof text, format, args);
    error->kind = kind;
    memcpy(error->text, text, sizeof text);
    make_one_line(error->text);
    trim_partial_character(error->text, sizeof error->text);
}

int error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    va_list args;
    if (!error)
        return -1;
    va_start(args, format);
    set(error, kind, format, args);
    va_end(args);
    return -1;
}

int error_set_errno(struct error *error, enum error_kind kind, int errno_value, const char *format, ...)
{
    va_list args;
    if (!error)
        return -1;
    va_start(args, format);
    set(error, kind, format, args);
    va_end(args);
    size_t len = strlen(error->text);
    snprintf(error->text + len, sizeof error->text - len, ": %s", strerror(errno_value));
    trim_partial_character(error->text, sizeof error->text);
    return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
    char prefix[sizeof error->text], text[2 * sizeof error->text + 2];
    va_list args;
    if (!error)
        return -1;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(text, sizeof text, "%s: %s", prefix, error->text);
    memcpy(error->text, text, sizeof error->text - 1);
    error->text[sizeof error->text - 1] = 0;
    make_one_line(error->text);
    trim_partial_character(error->text, sizeof error->text);
    return -1;
}

int error_exit_code(const struct error *error)
{
    if (error->kind == ERROR_INPUT)
        return 2;
    return error->kind == ERROR_INTERRUPTED ? 130 : 3;
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {"none", "input", "rig", "timeout", "interrupted", "system"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "?";
}

int error_print(const struct error *error)
{
    fprintf(stderr, "otarig: %s\n", error->text);
    return error_exit_code(error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/json.h"

#define FOUND_MAX 20
/* cJSON hands numbers to strtod through a buffer of 64 */
#define NUMBER_MAX 63

struct scan {
    const char *name, *text;
    size_t len, at;
    unsigned depth;
};

size_t json_text_utf8(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (!left || bytes[0] < 0x80)
        return left && bytes[0] ? 1 : 0;
    size_t len = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    bool outside = (bytes[0] == 0xed && bytes[1] > 0x9f) || (bytes[0] == 0xf4 && bytes[1] > 0x8f);
    return overlong || outside ? 0 : len;
}

void json_text_cut(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0, room = len < size ? size - 1 : size - 4;
    for (size_t step; n < len && (step = json_text_utf8(text + n, len - n)) && n + step <= room; n += step)
        memcpy(out + n, text + n, step);
    snprintf(out + n, size - n, "%s", n < len ? "..." : "");
}

int json_text_expected(const char *name, const char *text, size_t len, size_t at, const char *what,
                       struct error *error)
{
    unsigned line = 1, column = 1;
    char found[FOUND_MAX + 4];
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if ((text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    if (at >= len)
        return error_set(error, ERROR_INPUT, "%s:%u:%u: expected %s, found the end of the file", name, line,
                         column, what);
    if (!json_text_utf8(text + at, len - at) || (unsigned char)text[at] < 0x20)
        return error_set(error, ERROR_INPUT, "%s:%u:%u: expected %s, found the byte 0x%02x", name, line,
                         column, what, (unsigned char)text[at]);
    const char *newline = memchr(text + at, '\n', len - at);
    json_text_cut(found, sizeof found, text + at, newline ? (size_t)(newline - text) - at : len - at);
    return error_set(error, ERROR_INPUT, "%s:%u:%u: expected %s, found '%s'", name, line, column, what,
                     found);
}

static int expected(const struct scan *scan, const char *what, struct error *error)
{
    return json_text_expected(scan->name, scan->text, scan->len, scan->at, what, error);
}

static char peek(const struct scan *scan)
{
    return scan->at < scan->len ? scan->text[scan->at] : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- tokens ---- */

static int escape(struct scan *scan, struct error *error)
{
    const char *c = scan->text + scan->at + 1;
    size_t left = scan->len - scan->at - 1;
    if (!left || !strchr("\"\\/bfnrtu", *c) || !*c)
        return expected(scan, "an escape of JSON", error);
    if (*c != 'u') {
        scan->at += 2;
        return 0;
    }
    if (left < 5 || !is_hex(c[1]) || !is_hex(c[2]) || !is_hex(c[3]) || !is_hex(c[4]))
        return expected(scan, "four hexadecimal digits after \\u", error);
    if (!memcmp(c + 1, "0000", 4))
        return expected(scan, "a string without NUL", error);
    scan->at += 6;
    return 0;
}

static int string(struct scan *scan, struct error *error)
{
    for (scan->at++; peek(scan) != '"';) {
        size_t step = json_text_utf8(scan->text + scan->at, scan->len - scan->at);
        if (scan->at >= scan->len)
            return expected(scan, "the end of a string", error);
        if (!step)
            return expected(scan, "UTF-8 text", error);
        if ((unsigned char)peek(scan) < 0x20)
            return expected(scan, "a string without control characters", error);
        if (peek(scan) != '\\')
            scan->at += step;
        else if (escape(scan, error))
            return -1;
    }
    scan->at++;
    return 0;
}

static bool digits(struct scan *scan)
{
    size_t from = scan->at;
    while (is_digit(peek(scan)))
        scan->at++;
    return scan->at > from;
}

static int number(struct scan *scan, struct error *error)
{
    size_t from = scan->at;
    bool good = true;
    if (peek(scan) == '-')
        scan->at++;
    bool zero = peek(scan) == '0';
    size_t first = scan->at;
    good = digits(scan) && !(zero && scan->at - first > 1);
    if (good && peek(scan) == '.') {
        scan->at++;
        good = digits(scan);
    }
    if (good && (peek(scan) == 'e' || peek(scan) == 'E')) {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        good = digits(scan);
    }
    if (good && scan->at - from <= NUMBER_MAX)
        return 0;
    scan->at = from;
    return expected(scan, good ? "a number of at most 63 characters" : "a number", error);
}

static int token(struct scan *scan, struct error *error)
{
    char c = peek(scan);
    size_t step = json_text_utf8(scan->text + scan->at, scan->len - scan->at);
    if (c == '"')
        return string(scan, error);
    if (c == '-' || is_digit(c))
        return number(scan, error);
    if (!step)
        return expected(scan, "UTF-8 text", error);
    if ((unsigned char)c < 0x20 && !strchr("\t\r\n", c))
        return expected(scan, "no control characters", error);
    if ((c == '[' || c == '{') && ++scan->depth > JSON_DEPTH_MAX) {
        char what[60];
        snprintf(what, sizeof what, "at most %d levels of nesting", JSON_DEPTH_MAX);
        return expected(scan, what, error);
    }
    if ((c == ']' || c == '}') && scan->depth)
        scan->depth--;
    scan->at += step;
    return 0;
}

int json_text_check(const char *name, const char *text, size_t len, struct error *error)
{
    struct scan scan = {.name = name, .text = text, .len = len};
    while (scan.at < len)
        if (token(&scan, error))
            return -1;
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/image_formats.h"

#include <stdio.h>
#include <string.h>

/* ---- lines ---- */

struct line {
    const char *text; /* without blanks around it */
    size_t len;
    unsigned number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Behind a byte order mark. */
static size_t first(const char *text, size_t len)
{
    return len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

/* The next line from *at on that is neither blank nor a comment; false: there is none. */
static bool next_line(const char *text, size_t len, size_t *at, struct line *line)
{
    while (*at < len) {
        const char *end = memchr(text + *at, '\n', len - *at);
        size_t begin = *at, stop = end ? (size_t)(end - text) : len;
        *at = end ? stop + 1 : len;
        line->number++;
        while (begin < stop && is_blank(text[begin]))
            begin++;
        while (stop > begin && is_blank(text[stop - 1]))
            stop--;
        *line = (struct line){text + begin, stop - begin, line->number};
        bool comment = line->len && (line->text[0] == '#' || line->text[0] == ';' ||
                                     (line->len >= 2 && !memcmp(line->text, "//", 2)));
        if (line->len && !comment)
            return true;
    }
    return false;
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Bytes of one record without its colon; -1: not hexadecimal or too long. */
static int hex_record(const char *text, size_t len, uint8_t out[260])
{
    if (len % 2 || len / 2 > 260)
        return -1;
    for (size_t i = 0; i < len / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

/* A record in its looks: whether its digits are right is told later. */
static enum image_text record_kind(const struct line *line)
{
    const char *text = line->text;
    if (line->len >= 3 && text[0] == ':' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0)
        return IMAGE_TEXT_HEX;
    if (line->len >= 4 && text[0] == 'S' && text[1] >= '0' && text[1] <= '9' && hex_digit(text[2]) >= 0 &&
        hex_digit(text[3]) >= 0)
        return IMAGE_TEXT_SREC;
    return IMAGE_TEXT_NONE;
}

static bool is_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\n' && !is_blank(text[i]))
            return false;
    return true;
}

enum image_text image_text_kind(const char *text, size_t len)
{
    struct line line = {0};
    size_t at = first(text, len);
    if (!is_text(text, len))
        return IMAGE_TEXT_NONE;
    while (next_line(text, len, &at, &line))
        if (record_kind(&line) != IMAGE_TEXT_NONE)
            return record_kind(&line);
    return IMAGE_TEXT_NONE;
}

/* ---- both ---- */

typedef int (*take_line)(struct explore_image *image, const struct line *line, uint32_t *base,
                         const char **wrong);

/* `take` returns 1 for the end record, -1 for a wrong one. */
static int parse_lines(struct explore_image *image, const char *text, size_t len, take_line take,
                       struct error *error)
{
    struct line line = {0};
    uint32_t base = 0;
    bool ended = false;
    for (size_t at = first(text, len); next_line(text, len, &at, &line);) {
        const char *wrong = "expected nothing after the end record";
        int result = ended ? -1 : take(image, &line, &base, &wrong);
        if (result < 0)
            return error_set(error, ERROR_INPUT, "%s: line %u: %s", image->path, line.number, wrong);
        ended = result > 0;
    }
    return ended ? 0 : error_set(error, ERROR_INPUT, "%s: no end record: the file is cut off", image->path);
}

/* ---- Intel HEX ---- */

static int hex_line(struct explore_image *image, const uint8_t *record, int len, uint32_t *base,
                    const char **wrong)
{
    uint8_t total = 0;
    for (int i = 0; i < len; i++)
        total = (uint8_t)(total + record[i]);
    if (len < 5 || record[0] != len - 5) {
        *wrong = "its length does not fit";
        return -1;
    }
    if (total) {
        *wrong = "checksum does not fit";
        return -1;
    }
    uint32_t offset = (uint32_t)record[1] << 8 | record[2];
    uint32_t first = len >= 7 ? (uint32_t)record[4] << 8 | record[5] : 0;
    switch (record[3]) {
    case 0:
        if (record[0] > UINT32_MAX - *base - offset || *base + offset < *base) {
            *wrong = "address wraps around";
            return -1;
        }
        if (record[0])
            image_add(image, *base + offset, record + 4, record[0], true);
        return 0;
    case 1:
        return 1;
    case 2:
        *base = first << 4;
        return 0;
    case 4:
        *base = first << 16;
        return 0;
    case 3:
    case 5:
        return 0;
    }
    *wrong = "unknown record type";
    return -1;
}

static int take_hex(struct explore_image *image, const struct line *line, uint32_t *base, const char **wrong)
{
    uint8_t record[260];
    *wrong = "not a record of hexadecimal digits";
    int got = line->text[0] == ':' ? hex_record(line->text + 1, line->len - 1, record) : -1;
    return got < 0 ? -1 : hex_line(image, record, got, base, wrong);
}

int image_parse_hex(struct explore_image *image, const char *text, size_t len, struct error *error)
{
    return parse_lines(image, text, len, take_hex, error);
}

/* ---- S-record ---- */

/* *count: data records so far. */
static int srec_line(struct explore_image *image, unsigned kind, const uint8_t *record, int len,
                     uint32_t *count, const char **wrong)
{
    /* bytes of the address by type; 4: reserved */
    static const uint8_t widths[] = {2, 2, 3, 4, 0, 2, 3, 4, 3, 2};
    unsigned width = widths[kind];
    uint8_t total = 0;
    uint32_t address = 0;
    for (int i = 0; i < len; i++)
        total = (uint8_t)(total + record[i]);
    *wrong = !width                                         ? "unknown record type"
             : len < (int)width + 2 || record[0] != len - 1 ? "its length does not fit"
             : total != 0xff                                ? "checksum does not fit"
                                                            : NULL;
    if (*wrong)
        return -1;
    for (unsigned i = 0; i < width; i++)
        address = address << 8 | record[1 + i];
    uint32_t bytes = (uint32_t)len - width - 2;
    if (kind == 5 || kind == 6) {
        *wrong = "another number of data records came before";
        return address == (*count & (kind == 5 ? 0xffff : 0xffffff)) ? 0 : -1;
    }
    if (kind < 1 || kind > 3)
        return kind >= 7;
    *wrong = "address wraps around";
    if (bytes > UINT32_MAX - address)
        return -1;
    ++*count;
    if (bytes)
        image_add(image, address, record + 1 + width, bytes, true);
    return 0;
}

static int take_srec(struct explore_image *image, const struct line *line, uint32_t *count,
                     const char **wrong)
{
    uint8_t record[260];
    *wrong = "not a record of hexadecimal digits";
    bool marked = line->len >= 2 && line->text[0] == 'S' && line->text[1] >= '0' && line->text[1] <= '9';
    int got = marked ? hex_record(line->text + 2, line->len - 2, record) : -1;
    return got < 0 ? -1 : srec_line(image, (unsigned)(line->text[1] - '0'), record, got, count, wrong);
}

int image_parse_srec(struct explore_image *image, const char *text, size_t len, struct error *error)
{
    return parse_lines(image, text, len, take_srec, error);
}

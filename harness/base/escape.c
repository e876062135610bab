/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json_text.h"
#include "harness/base/mem.h"

#define REPLACEMENT "\xef\xbf\xbd"

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* U+FFFE and U+FFFF in UTF-8 */
static bool is_noncharacter(const char *text, size_t len)
{
    return len == 3 && (!memcmp(text, "\xef\xbf\xbe", 3) || !memcmp(text, "\xef\xbf\xbf", 3));
}

void escape_markup_len(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0, taken; i < len; i += taken) {
        unsigned char c = (unsigned char)text[i];
        size_t known = json_text_utf8(text + i, len - i);
        taken = known ? known : 1;
        if (entity(text[i]))
            fputs(entity(text[i]), out);
        else if (!known || (c < 0x20 && !strchr("\t\n\r", c)) || is_noncharacter(text + i, taken))
            fputs(REPLACEMENT, out);
        else
            fwrite(text + i, 1, taken, out);
    }
}

void escape_markup(FILE *out, const char *text)
{
    escape_markup_len(out, text, strlen(text));
}

void escape_markdown(FILE *out, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            fputc(' ', out);
        else if (*text == '<' || *text == '&')
            fputs(entity(*text), out);
        else
            fprintf(out, strchr("|\\`*_[]~$", *text) ? "\\%c" : "%c", *text);
    }
}

void escape_link(FILE *out, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/+=,";
    for (; *path; path++)
        fprintf(out, strchr(plain, *path) ? "%c" : "%%%02X", (unsigned char)*path);
}

void escape_terminal(FILE *out, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, taken; i < len; i += taken) {
        const unsigned char *c = (const unsigned char *)text + i;
        taken = json_text_utf8(text + i, len - i);
        bool c1 = taken == 2 && c[0] == 0xc2 && c[1] < 0xa0; /* U+0080 to U+009F */
        if (!taken || c1 || (c[0] < 0x20 && c[0] != '\n' && c[0] != '\t') || c[0] == 0x7f) {
            fputc('?', out);
            taken = taken ? taken : 1;
        } else {
            fwrite(c, 1, taken, out);
        }
    }
}

char *escape_line(const char *text)
{
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    if (!out)
        abort();
    escape_terminal(out, text);
    fclose(out);
    return line;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

char *escape_shell(const char *text)
{
    if (*text && !text[strspn(text, LETTERS "%+,-./:=@_")]) /* nothing that any shell minds */
        return mem_string(text);
    char *word = mem_array(strlen(text) + 1, 4), *to = word;
    *to++ = '\'';
    for (; *text; text++)
        if (*text == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *text;
        }
    *to++ = '\'';
    return word;
}

/* A backslash takes the meaning from any character but letters and digits; control characters, one of which
 * ends a message to OpenOCD, are told by their number. */
char *escape_tcl(const char *text)
{
    if (!*text)
        return mem_string("{}");
    char *word = mem_array(strlen(text) + 1, 6), *to = word;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            to += sprintf(to, "\\u%04x", c);
        else if (c >= 0x80 || strchr(LETTERS "_./-+:,=@%", c))
            *to++ = *text;
        else
            to += sprintf(to, "\\%c", c);
    }
    return word;
}

#include "reports/escape.h"

#include <stdbool.h>
#include <string.h>

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
static bool is_noncharacter(const char *text)
{
    return !strncmp(text, "\xef\xbf\xbe", 3) || !strncmp(text, "\xef\xbf\xbf", 3);
}

void escape_markup(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        const char *name = entity(*text);
        if (name) {
            fputs(name, out);
        } else if ((c < 0x20 && !strchr("\t\n\r", c)) || is_noncharacter(text)) {
            fputs(REPLACEMENT, out);
            text += c < 0x20 ? 0 : 2;
        } else {
            fputc(c, out);
        }
    }
}

void escape_markdown(FILE *out, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            fputc(' ', out);
        else if (*text == '<' || *text == '&')
            fputs(entity(*text), out);
        else
            fprintf(out, strchr("|\\`*_[]", *text) ? "\\%c" : "%c", *text);
    }
}

void escape_link(FILE *out, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/+=,";
    for (; *path; path++)
        fprintf(out, strchr(plain, *path) ? "%c" : "%%%02X", (unsigned char)*path);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/argv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

/* Length of the "{name}" that `text` begins with; 0: it does not. */
static size_t place_len(const char *text)
{
    size_t n = text[0] == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
    return n && text[1 + n] == '}' ? n + 2 : 0;
}

static bool is_place(const char *text, size_t len, const char *name)
{
    return strlen(name) == len - 2 && !strncmp(text + 1, name, len - 2);
}

static const struct argv_place *find(const struct argv_place *places, const char *text, size_t len)
{
    for (; places->name; places++)
        if (is_place(text, len, places->name))
            return places;
    return NULL;
}

/* The next place of a word, or NULL; *len is that of its text. Skips doubled braces. */
static const char *next_place(const char *text, size_t *len)
{
    for (; *text; text++)
        if (text[0] == '{' && text[1] == '{')
            text++;
        else if ((*len = place_len(text)))
            return text;
    return NULL;
}

static char *fill_word(const char *word, const struct argv_place *places, struct error *error)
{
    char *text = NULL;
    size_t size, len;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    bool good = true;
    for (const char *at = word; *at && good; at++) {
        len = place_len(at);
        if (at[0] == '{' && at[1] == '{') {
            fputc(*at++, out);
        } else if (!len) {
            fputc(*at, out);
        } else {
            const struct argv_place *place = find(places, at, len);
            good = place && place->value;
            if (good)
                fputs(place->value, out);
            else
                error_set(error, ERROR_INPUT, "\"%s\": %.*s: %s", word, (int)len, at,
                          place ? "nothing to fill in here" : "no such place to fill in");
            at += len - 1;
        }
    }
    fclose(out);
    if (good)
        return text;
    free(text);
    return NULL;
}

char **argv_fill(char *const *words, const struct argv_place *places, struct error *error)
{
    size_t count = 0;
    while (words && words[count])
        count++;
    char **filled = mem_array(count + 1, sizeof *filled);
    for (size_t i = 0; i < count; i++)
        if (!(filled[i] = fill_word(words[i], places, error))) {
            argv_free(filled);
            return NULL;
        }
    return filled;
}

char *argv_unknown(char *const *words, const struct argv_place *places)
{
    size_t len;
    for (; words && *words; words++)
        for (const char *at = *words; (at = next_place(at, &len)); at += len)
            if (!find(places, at, len))
                return mem_printf("%.*s", (int)len, at);
    return NULL;
}

bool argv_uses(char *const *words, const char *place)
{
    size_t len;
    for (; words && *words; words++)
        for (const char *at = *words; (at = next_place(at, &len)); at += len)
            if (is_place(at, len, place))
                return true;
    return false;
}

void argv_free(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/take.h"

#include <string.h>
#include <stdlib.h>

#include "harness/base/mem.h"

int take_string(struct json object, const char *key, bool required, char **out, struct error *error)
{
    struct json at = json_get(object, key);
    const char *text;
    if (!json_present(at) && !required)
        return 0;
    if (json_string(at, &text, error))
        return -1;
    free(*out);
    *out = mem_string(text);
    return 0;
}

bool take_is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= 64 && text[0] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int take_name(struct json object, const char *key, bool required, char **out, struct error *error)
{
    if (take_string(object, key, required, out, error))
        return -1;
    if (*out && json_present(json_get(object, key)) && !take_is_name(*out))
        return json_expected(json_get(object, key), error, TAKE_NAME_WANTED);
    return 0;
}

int take_comment(struct json object, struct error *error)
{
    struct json at = json_get(object, "comment");
    if (!json_present(at) || cJSON_IsString(at.node))
        return 0;
    if (!cJSON_IsArray(at.node))
        return json_expected(at, error, "a text or a list of texts");
    for (size_t i = 0; i < json_count(at); i++) {
        const char *text;
        if (json_string(json_at(at, i), &text, error))
            return -1;
    }
    return 0;
}

int take_strings(struct json object, const char *key, bool required, char ***out, struct error *error)
{
    struct json list = json_get(object, key);
    if (!json_present(list) && !required)
        return 0;
    if (json_array(list, error))
        return -1;
    size_t count = json_count(list);
    char **texts = mem_array(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const char *text;
        if (json_string(json_at(list, i), &text, error)) {
            take_free_strings(texts);
            return -1;
        }
        texts[i] = mem_string(text);
    }
    take_free_strings(*out);
    *out = texts;
    return 0;
}

int take_integer(struct json object, const char *key, bool required, int64_t low, int64_t high, int64_t *out,
                 struct error *error)
{
    struct json at = json_get(object, key);
    if (!json_present(at) && !required)
        return 0;
    return json_integer(at, low, high, out, error);
}

int take_address(struct json object, const char *key, bool required, uint32_t *out, struct error *error)
{
    int64_t value = *out;
    if (take_word(object, key, required, 0, UINT32_MAX, &value, error))
        return -1;
    *out = (uint32_t)value;
    return 0;
}

int take_word(struct json object, const char *key, bool required, int64_t low, int64_t high, int64_t *out,
              struct error *error)
{
    struct json at = json_get(object, key);
    if (!json_present(at) && !required)
        return 0;
    return json_word(at, low, high, out, error);
}

int take_bool(struct json object, const char *key, bool *out, struct error *error)
{
    struct json at = json_get(object, key);
    return json_present(at) ? json_bool(at, out, error) : 0;
}

int take_ms(struct json object, const char *key, bool required, int64_t *out_us, struct error *error)
{
    struct json at = json_get(object, key);
    double value;
    if (!json_present(at) && !required)
        return 0;
    if (json_number(at, 0, 86400e3, &value, error))
        return -1;
    *out_us = (int64_t)(value * 1000 + 0.5);
    return 0;
}

int take_choice(struct json object, const char *key, bool required, const char *const *words, int *out,
                struct error *error)
{
    struct json at = json_get(object, key);
    if (!json_present(at) && !required)
        return 0;
    return json_choice(at, words, out, error);
}

int take_version(struct json root, int64_t version, struct error *error)
{
    int64_t found;
    if (json_object(root, error))
        return -1;
    return json_integer(json_get(root, "schema_version"), version, version, &found, error);
}

void take_free_strings(char **list)
{
    for (char **text = list; text && *text; text++)
        free(*text);
    free(list);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/json_text.h"
#include "harness/base/mem.h"

/* The way down: the key of an object or the index in a list is added to the path. */
static struct json step(struct json from, const cJSON *node, const char *key, size_t index)
{
    struct json to = {.document = from.document, .node = node};
    size_t len = strlen(from.path);
    memcpy(to.path, from.path, len + 1);
    if (key)
        snprintf(to.path + len, sizeof to.path - len, ".%s", key);
    else
        snprintf(to.path + len, sizeof to.path - len, "[%zu]", index);
    return to;
}

/* ---- after cJSON has seen it ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_keys_once(struct json object, struct error *error)
{
    int count = cJSON_GetArraySize(object.node), n = 0;
    char key[64];
    if (count < 2)
        return 0;
    if (count > JSON_KEYS_MAX)
        return error_set(error, ERROR_INPUT, "%s: %s: expected at most %d keys, found %d",
                         object.document->name, object.path, JSON_KEYS_MAX, count);
    const char **keys = mem_array((size_t)count, sizeof *keys);
    for (const cJSON *child = object.node->child; child; child = child->next)
        keys[n++] = child->string;
    qsort(keys, (size_t)n, sizeof *keys, by_text);
    int result = 0;
    for (int i = 1; i < n && !result; i++)
        if (!strcmp(keys[i - 1], keys[i])) {
            json_text_cut(key, sizeof key, keys[i], strlen(keys[i]));
            result = error_set(error, ERROR_INPUT, "%s: %s: expected each key once, found '%s' again",
                               object.document->name, object.path, key);
        }
    free(keys);
    return result;
}

/* Depth is bounded by JSON_DEPTH_MAX. */
static int check_tree(struct json at, struct error *error)
{
    size_t index = 0;
    if (cJSON_IsObject(at.node) && check_keys_once(at, error))
        return -1;
    for (const cJSON *child = at.node->child; child; child = child->next, index++)
        if (check_tree(step(at, child, cJSON_IsObject(at.node) ? child->string : NULL, index), error))
            return -1;
    return 0;
}

int json_parse(struct json_document *document, const char *name, const char *text, size_t len,
               struct error *error)
{
    const char *end = NULL;
    *document = (struct json_document){0};
    if (len > JSON_SIZE_MAX)
        return error_set(error, ERROR_INPUT, "%s: expected at most %u bytes, found %zu", name, JSON_SIZE_MAX,
                         len);
    if (json_text_check(name, text, len, error))
        return -1;
    char *copy = mem_alloc(len + 1); /* cJSON looks for the terminator */
    memcpy(copy, text, len);
    cJSON *root = cJSON_ParseWithLengthOpts(copy, len + 1, &end, true);
    if (!root) {
        size_t at = end && end >= copy && end < copy + len ? (size_t)(end - copy) : len;
        json_text_expected(name, copy, len, at, "JSON", error);
        free(copy);
        return -1;
    }
    free(copy);
    document->name = mem_string(name);
    document->root = root;
    if (check_tree(json_root(document), error)) {
        json_close(document);
        return -1;
    }
    return 0;
}

/* Writable for a group of its owner's own is no matter: such a group has no other member by custom. */
static bool is_foreign(FILE *file)
{
    struct stat about;
    if (fstat(fileno(file), &about))
        return true;
    bool others = (about.st_mode & S_IWOTH) || ((about.st_mode & S_IWGRP) && about.st_gid != getegid());
    return others || (about.st_uid != geteuid() && about.st_uid != 0);
}

static int read_all(const char *path, char **text, size_t *len, bool *foreign, struct error *error)
{
    FILE *file = file_open(path, error);
    if (!file)
        return -1;
    *foreign = is_foreign(file);
    size_t room = 1 << 14;
    *text = mem_alloc(room);
    *len = 0;
    for (size_t n; *len <= JSON_SIZE_MAX && (n = fread(*text + *len, 1, room - *len, file)) > 0;) {
        *len += n;
        if (*len == room)
            *text = mem_resize(*text, room *= 2, 1);
    }
    int bad = ferror(file);
    fclose(file);
    if (!bad)
        return 0;
    free(*text);
    *text = NULL;
    return error_set(error, ERROR_INPUT, "%s: cannot be read", path);
}

int json_load(struct json_document *document, const char *path, struct error *error)
{
    char *text = NULL;
    size_t len = 0;
    bool foreign = false;
    *document = (struct json_document){0};
    if (read_all(path, &text, &len, &foreign, error) || !text)
        return -1;
    int result = json_parse(document, path, text, len, error);
    document->foreign = foreign;
    free(text);
    return result;
}

void json_close(struct json_document *document)
{
    cJSON_Delete(document->root);
    free(document->name);
    *document = (struct json_document){0};
}

struct json json_root(const struct json_document *document)
{
    return (struct json){.document = document, .node = document->root, .path = "$"};
}

/* ---- messages ---- */

static void print_short(char *out, size_t size, const cJSON *node)
{
    if (!node) {
        snprintf(out, size, "nothing");
    } else if (cJSON_IsObject(node)) {
        snprintf(out, size, "an object");
    } else if (cJSON_IsArray(node)) {
        snprintf(out, size, "a list of %d", cJSON_GetArraySize(node));
    } else if (cJSON_IsNumber(node) && !isfinite(node->valuedouble)) {
        snprintf(out, size, "a number beyond 1.8e308");
    } else {
        char *text = cJSON_PrintUnformatted(node);
        json_text_cut(out, size, text, strlen(text));
        cJSON_free(text);
    }
}

int json_expected(struct json at, struct error *error, const char *what, ...)
{
    char expected[240], found[64];
    va_list args;
    va_start(args, what);
    vsnprintf(expected, sizeof expected, what, args);
    va_end(args);
    print_short(found, sizeof found, at.node);
    return error_set(error, ERROR_INPUT, "%s: %s: expected %s, found %s", at.document->name, at.path,
                     expected, found);
}

static unsigned distance(const char *a, const char *b)
{
    unsigned row[65], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);
    if (la > 64 || lb > 64)
        return 99;
    for (unsigned j = 0; j <= lb; j++)
        row[j] = j;
    for (unsigned i = 1; i <= la; i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[lb];
}

static int unknown_key(struct json object, const char *key, const char *const *known, struct error *error)
{
    const char *nearest = NULL;
    unsigned best = strlen(key) > 3 ? 3 : 2; /* of a short word, two wrong letters are another word */
    char list[200] = "", shown[64];
    json_text_cut(shown, sizeof shown, key, strlen(key));
    for (size_t i = 0; known[i]; i++) {
        unsigned d = distance(key, known[i]);
        if (d < best) {
            best = d;
            nearest = known[i];
        }
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", known[i]);
    }
    if (nearest)
        return error_set(error, ERROR_INPUT, "%s: %s: unknown key '%s', did you mean '%s'?",
                         object.document->name, object.path, shown, nearest);
    return error_set(error, ERROR_INPUT, "%s: %s: unknown key '%s', expected one of: %s",
                     object.document->name, object.path, shown, list);
}

int json_check_keys(struct json object, const char *const *known, struct error *error)
{
    if (object.node && !cJSON_IsObject(object.node))
        return json_expected(object, error, "an object");
    for (const cJSON *child = object.node ? object.node->child : NULL; child; child = child->next) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], child->string))
            i++;
        if (!known[i])
            return unknown_key(object, child->string, known, error);
    }
    return 0;
}

/* ---- walking ---- */

struct json json_get(struct json object, const char *key)
{
    const cJSON *node =
        cJSON_IsObject(object.node) ? cJSON_GetObjectItemCaseSensitive(object.node, key) : NULL;
    return step(object, node, key, 0);
}

/* The document is const to its readers, who do not see that it remembers where they were. */
static struct json_place *place_of(struct json list)
{
    struct json_document *document = (struct json_document *)list.document;
    struct json_place *place = &document->places[(uintptr_t)list.node / sizeof(cJSON) % JSON_PLACES];
    if (place->list != list.node)
        *place = (struct json_place){
            .list = list.node, .item = list.node->child, .count = (size_t)cJSON_GetArraySize(list.node)};
    return place;
}

/* Of a list or an object: from where the last walk stood, or from the start. */
static const cJSON *item(struct json list, size_t index)
{
    struct json_place *place = place_of(list);
    if (index >= place->count)
        return NULL;
    if (index < place->index) {
        place->index = 0;
        place->item = list.node->child;
    }
    for (; place->index < index; place->index++)
        place->item = place->item->next;
    return place->item;
}

struct json json_at(struct json array, size_t index)
{
    return step(array, cJSON_IsArray(array.node) ? item(array, index) : NULL, NULL, index);
}

size_t json_count(struct json at)
{
    return at.node ? place_of(at)->count : 0;
}

struct json json_member(struct json object, size_t index)
{
    const cJSON *node = object.node ? item(object, index) : NULL;
    return step(object, node, node && node->string ? node->string : "?", 0);
}

/* ---- typed reads ---- */

int json_object(struct json at, struct error *error)
{
    return cJSON_IsObject(at.node) ? 0 : json_expected(at, error, "an object");
}

int json_array(struct json at, struct error *error)
{
    return cJSON_IsArray(at.node) ? 0 : json_expected(at, error, "a list");
}

int json_string(struct json at, const char **out, struct error *error)
{
    if (!cJSON_IsString(at.node))
        return json_expected(at, error, "a string");
    *out = at.node->valuestring;
    return 0;
}

static bool read_integer(const cJSON *node, bool hex, int64_t *out)
{
    if (cJSON_IsNumber(node) && node->valuedouble == floor(node->valuedouble) &&
        fabs(node->valuedouble) < 9007199254740992.0) {
        *out = (int64_t)node->valuedouble;
        return true;
    }
    const char *text = hex && cJSON_IsString(node) ? node->valuestring : "";
    size_t digits = strncmp(text, "0x", 2) ? 0 : strspn(text + 2, "0123456789abcdefABCDEF");
    if (!digits || text[2 + digits] || digits > 13) /* 13 digits are 52 bits */
        return false;
    *out = strtoll(text + 2, NULL, 16);
    return true;
}

static int whole(struct json at, bool hex, int64_t low, int64_t high, int64_t *out, struct error *error)
{
    int64_t value;
    if (!read_integer(at.node, hex, &value) || value < low || value > high) {
        if (low == high)
            return json_expected(at, error, "%lld", (long long)low);
        return json_expected(at, error, "a whole number from %lld to %lld", (long long)low, (long long)high);
    }
    *out = value;
    return 0;
}

int json_integer(struct json at, int64_t low, int64_t high, int64_t *out, struct error *error)
{
    return whole(at, false, low, high, out, error);
}

int json_word(struct json at, int64_t low, int64_t high, int64_t *out, struct error *error)
{
    return whole(at, true, low, high, out, error);
}

int json_number(struct json at, double low, double high, double *out, struct error *error)
{
    if (!cJSON_IsNumber(at.node) || !(at.node->valuedouble >= low && at.node->valuedouble <= high))
        return json_expected(at, error, "a number from %.12g to %.12g", low, high);
    *out = at.node->valuedouble;
    return 0;
}

int json_bool(struct json at, bool *out, struct error *error)
{
    if (!cJSON_IsBool(at.node))
        return json_expected(at, error, "true or false");
    *out = cJSON_IsTrue(at.node);
    return 0;
}

int json_choice(struct json at, const char *const *words, int *out, struct error *error)
{
    char list[200] = "";
    for (int i = 0; words[i]; i++) {
        if (cJSON_IsString(at.node) && !strcmp(at.node->valuestring, words[i])) {
            *out = i;
            return 0;
        }
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s\"%s\"", i ? ", " : "", words[i]);
    }
    return json_expected(at, error, "one of %s", list);
}

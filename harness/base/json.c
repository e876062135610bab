#include "harness/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/mem.h"

/* ---- before cJSON sees the text ---- */

static void line_and_column(const char *text, size_t at, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        (*column)++;
        if (text[i] == '\n') {
            (*line)++;
            *column = 1;
        }
    }
}

/* Length of the UTF-8 sequence at `text`, 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_len(const unsigned char *text, size_t left)
{
    if (text[0] < 0x80)
        return text[0] ? 1 : 0;
    size_t len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool outside = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return overlong || outside ? 0 : len;
}

static int check_text(const char *name, const char *text, size_t len, struct error *error)
{
    unsigned depth = 0, line, column;
    bool in_string = false;
    for (size_t i = 0; i < len;) {
        size_t step = utf8_len((const unsigned char *)text + i, len - i);
        if (!step) {
            line_and_column(text, i, &line, &column);
            return error_set(error, ERROR_INPUT, "%s:%u:%u: expected UTF-8 text, found the byte 0x%02x", name,
                             line, column, (unsigned char)text[i]);
        }
        char c = text[i];
        if (in_string && len - i >= 6 && !memcmp(text + i, "\\u0000", 6)) {
            line_and_column(text, i, &line, &column);
            return error_set(error, ERROR_INPUT, "%s:%u:%u: expected text without NUL, found \\u0000", name,
                             line, column);
        }
        if (in_string && c == '\\' && i + 1 < len && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            i += 2;
            continue;
        }
        if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX) {
            line_and_column(text, i, &line, &column);
            return error_set(error, ERROR_INPUT,
                             "%s:%u:%u: expected at most %d levels of nesting, found more", name, line,
                             column, JSON_DEPTH_MAX);
        } else if (!in_string && (c == ']' || c == '}') && depth)
            depth--;
        i += step;
    }
    return 0;
}

/* ---- after it ---- */

static int check_duplicates(struct json at, struct error *error)
{
    /* comparing all keys of an object is quadratic: no file of ours comes near this */
    if (cJSON_IsObject(at.node) && cJSON_GetArraySize(at.node) > JSON_KEYS_MAX)
        return error_set(error, ERROR_INPUT, "%s: %s: expected at most %d keys, found %d", at.document->name,
                         at.path, JSON_KEYS_MAX, cJSON_GetArraySize(at.node));
    for (const cJSON *child = at.node->child; child; child = child->next) {
        struct json below = at;
        below.node = child;
        if (cJSON_IsObject(at.node)) {
            snprintf(below.path, sizeof below.path, "%.120s.%.60s", at.path, child->string);
            for (const cJSON *other = at.node->child; other != child; other = other->next)
                if (!strcmp(other->string, child->string))
                    return error_set(error, ERROR_INPUT, "%s: %s: expected each key once, found '%s' again",
                                     at.document->name, at.path, child->string);
        } else {
            snprintf(below.path, sizeof below.path, "%.150s[]", at.path);
        }
        if (check_duplicates(below, error))
            return -1;
    }
    return 0;
}

static int syntax_error(const char *name, const char *text, size_t len, const char *end, struct error *error)
{
    unsigned line, column;
    size_t at = end >= text && end <= text + len ? (size_t)(end - text) : len;
    line_and_column(text, at, &line, &column);
    if (at >= len)
        return error_set(error, ERROR_INPUT, "%s:%u:%u: expected more JSON, found the end of the file", name,
                         line, column);
    char found[24] = {0};
    size_t n = 0;
    while (n < 12 && at + n < len && text[at + n] >= 0x20) {
        found[n] = text[at + n];
        n++;
    }
    return error_set(error, ERROR_INPUT, "%s:%u:%u: expected JSON, found '%s'", name, line, column, found);
}

int json_parse(struct json_document *document, const char *name, const char *text, size_t len,
               struct error *error)
{
    const char *end = NULL;
    *document = (struct json_document){0};
    if (len > JSON_SIZE_MAX)
        return error_set(error, ERROR_INPUT, "%s: expected at most %u bytes, found %zu", name, JSON_SIZE_MAX,
                         len);
    if (check_text(name, text, len, error))
        return -1;
    char *copy = mem_alloc(len + 1); /* cJSON looks for the terminator */
    memcpy(copy, text, len);
    cJSON *root = cJSON_ParseWithLengthOpts(copy, len + 1, &end, true);
    if (!root) {
        syntax_error(name, copy, len, end ? end : copy + len, error);
        free(copy);
        return -1;
    }
    free(copy);
    document->name = mem_string(name);
    document->root = root;
    if (check_duplicates(json_root(document), error)) {
        json_close(document);
        return -1;
    }
    return 0;
}

static int read_all(const char *path, char **text, size_t *len, struct error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set_errno(error, ERROR_INPUT, errno, "%s", path);
    struct stat about;
    if (fstat(fileno(file), &about) || S_ISDIR(about.st_mode)) {
        fclose(file);
        return error_set(error, ERROR_INPUT, "%s: expected a file, found a folder", path);
    }
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
    return error_set(error, ERROR_INPUT, "%s: cannot be read", path);
}

int json_load(struct json_document *document, const char *path, struct error *error)
{
    char *text = NULL;
    size_t len = 0;
    *document = (struct json_document){0};
    if (read_all(path, &text, &len, error))
        return -1;
    int result = json_parse(document, path, text, len, error);
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
    } else {
        char *text = cJSON_PrintUnformatted(node);
        snprintf(out, size, strlen(text) > 50 ? "%.47s..." : "%s", text);
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
    unsigned best = 3;
    char list[200] = "";
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
        return error_set(error, ERROR_INPUT, "%s: %s: unknown key '%.60s', did you mean '%s'?",
                         object.document->name, object.path, key, nearest);
    return error_set(error, ERROR_INPUT, "%s: %s: unknown key '%.60s', expected one of: %s",
                     object.document->name, object.path, key, list);
}

int json_check_keys(struct json object, const char *const *known, struct error *error)
{
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

struct json json_get(struct json object, const char *key)
{
    const cJSON *node =
        cJSON_IsObject(object.node) ? cJSON_GetObjectItemCaseSensitive(object.node, key) : NULL;
    return step(object, node, key, 0);
}

struct json json_at(struct json array, size_t index)
{
    const cJSON *node = cJSON_IsArray(array.node) ? cJSON_GetArrayItem(array.node, (int)index) : NULL;
    return step(array, node, NULL, index);
}

size_t json_count(struct json at)
{
    return at.node ? (size_t)cJSON_GetArraySize(at.node) : 0;
}

struct json json_member(struct json object, size_t index)
{
    const cJSON *node = object.node ? cJSON_GetArrayItem(object.node, (int)index) : NULL;
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

static bool read_integer(const cJSON *node, int64_t *out)
{
    if (cJSON_IsNumber(node) && node->valuedouble == floor(node->valuedouble) &&
        fabs(node->valuedouble) < 9007199254740992.0) {
        *out = (int64_t)node->valuedouble;
        return true;
    }
    if (!cJSON_IsString(node) || strncmp(node->valuestring, "0x", 2) || strlen(node->valuestring) > 15 ||
        strlen(node->valuestring) < 3)
        return false;
    char *end;
    *out = strtoll(node->valuestring + 2, &end, 16);
    return !*end && node->valuestring[2] != '-' && node->valuestring[2] != '+' && node->valuestring[2] != ' ';
}

int json_integer(struct json at, int64_t low, int64_t high, int64_t *out, struct error *error)
{
    int64_t value;
    if (!read_integer(at.node, &value) || value < low || value > high) {
        if (low == high)
            return json_expected(at, error, "%lld", (long long)low);
        return json_expected(at, error, "a whole number from %lld to %lld", (long long)low, (long long)high);
    }
    *out = value;
    return 0;
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

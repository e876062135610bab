/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/replay/live_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"

#define PAGE 4096u

bool live_case_is(const char *folder)
{
    char *path = mem_printf("%s/live.json", folder);
    bool found = !access(path, R_OK);
    free(path);
    return found;
}

double live_case_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= UINT32_MAX
               ? item->valuedouble
               : -1;
}

static int wrong(const struct live_case *it, const char *what, struct error *error)
{
    return error_set(error, ERROR_INPUT, "%s: %s", it->path, what);
}

static int take_memory(struct live_case *it, struct error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(it->tree, "memory"))
    {
        double address = live_case_number(item, "address"), len = live_case_number(item, "len"),
               offset = live_case_number(item, "offset");
        if (it->memory_count == LIVE_REGIONS_MAX || address < 0 || len < 1 || len > 1 << 26 ||
            offset != (double)it->size)
            return wrong(it, "$.memory: expected at most 4 regions, one after the other", error);
        double page = live_case_number(item, "page");
        it->memory[it->memory_count++] =
            (struct live_memory){(uint32_t)address, (uint32_t)len, it->size, page > 0 ? (uint32_t)page : 0};
        it->size += (size_t)len;
    }
    if (!it->size || it->memory[0].len % PAGE)
        return wrong(it, "$.memory[0].len: expected whole pages of 4096 bytes", error);
    return 0;
}

/* What every user of a state relies on. */
static int check_states(const struct live_case *it, struct error *error)
{
    const cJSON *state;
    cJSON_ArrayForEach(state, it->states)
    {
        bool finding = cJSON_HasObjectItem(state, "last_operation");
        if (!cJSON_IsString(cJSON_GetObjectItem(state, "id")) ||
            !cJSON_IsArray(cJSON_GetObjectItem(state, "cuts")) ||
            !cJSON_IsArray(cJSON_GetObjectItem(state, "changes")) ||
            (finding && (!cJSON_IsString(cJSON_GetObjectItem(state, "class")) ||
                         !cJSON_IsArray(cJSON_GetObjectItem(state, "after")))))
            return wrong(
                it,
                "$.states: expected \"id\", \"cuts\", \"changes\", and of a finding \"class\" and \"after\"",
                error);
    }
    return 0;
}

static int check_typing(const struct live_case *it, const cJSON *item, int index, struct error *error)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItem(item, "hex"));
    const char *mark = cJSON_GetStringValue(cJSON_GetObjectItem(item, "mark"));
    size_t len = hex ? strlen(hex) / 2 : 0;
    if (len < 1 || len > LIVE_BYTES_MAX)
        return error_set(
            error, ERROR_INPUT,
            "%s: $.input[%d].hex: expected 1 to %d bytes, found %zu: no more can be typed at once "
            "on a virtual rack",
            it->path, index, LIVE_BYTES_MAX, len);
    if (mark && (!*mark || strlen(mark) > LIVE_MARK_MAX))
        return error_set(error, ERROR_INPUT,
                         "%s: $.input[%d].mark: expected 1 to %d characters, found %zu: a virtual rack takes "
                         "no longer one",
                         it->path, index, LIVE_MARK_MAX, strlen(mark));
    return 0;
}

/* What a virtual rack can do to a boot. */
static int take_outside(struct live_case *it, struct error *error)
{
    const cJSON *item;
    int index = 0;
    it->input = cJSON_GetObjectItem(it->tree, "input");
    it->watchdog = cJSON_GetObjectItem(it->tree, "watchdog");
    it->chance = cJSON_GetObjectItem(it->tree, "chance");
    if (!cJSON_IsObject(it->chance))
        return wrong(it, "$.chance: expected an object", error);
    if (!cJSON_IsArray(it->input) || cJSON_GetArraySize(it->input) > LIVE_INPUT_MAX)
        return wrong(it, "$.input: expected at most 16 entries", error);
    cJSON_ArrayForEach(item, it->input) if (check_typing(it, item, index++, error)) return -1;
    return 0;
}

static int take_start(struct live_case *it, const char *folder, struct error *error)
{
    char *path = mem_printf("%s/start.bin", folder);
    FILE *file = fopen(path, "rb");
    int result = 0;
    it->start = mem_alloc(it->size);
    if (!file || fread(it->start, 1, it->size, file) != it->size)
        result = error_set(error, ERROR_INPUT, "%s: expected %zu bytes", path, it->size);
    if (file)
        fclose(file);
    free(path);
    return result;
}

int live_case_load(struct live_case *it, const char *folder, struct error *error)
{
    struct json_document document;
    *it = (struct live_case){.path = mem_printf("%s/live.json", folder)};
    if (json_load(&document, it->path, error))
        return -1;
    it->tree = cJSON_Duplicate(document.root, true);
    json_close(&document);
    it->states = cJSON_GetObjectItem(it->tree, "states");
    it->chip = cJSON_GetStringValue(cJSON_GetObjectItem(it->tree, "chip"));
    if (live_case_number(it->tree, "schema_version") != 2)
        return wrong(it, "$.schema_version: expected 2: explore again to get it", error);
    if (!it->chip || !cJSON_IsArray(it->states) || !it->states->child)
        return wrong(it, "expected \"chip\" and at least one of \"states\"", error);
    return take_memory(it, error) || check_states(it, error) || take_outside(it, error) ||
                   take_start(it, folder, error)
               ? -1
               : 0;
}

void live_case_release(struct live_case *it)
{
    cJSON_Delete(it->tree);
    free(it->start);
    free(it->path);
    *it = (struct live_case){0};
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint8_t *live_case_bytes(const cJSON *object, size_t *len)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItem(object, "hex"));
    *len = hex ? strlen(hex) / 2 : 0;
    uint8_t *bytes = *len ? mem_alloc(*len) : NULL;
    for (size_t k = 0; k < *len; k++) {
        int high = nibble(hex[2 * k]), low = nibble(hex[2 * k + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[k] = (uint8_t)(high << 4 | low);
    }
    return bytes;
}

int live_case_change(const struct live_case *it, const cJSON *change, uint8_t *nvm, struct error *error)
{
    double address = live_case_number(change, "address");
    size_t len;
    uint8_t *bytes = live_case_bytes(change, &len);
    if (!bytes)
        return wrong(it, "a change: expected hex digits", error);
    for (size_t i = 0; i < it->memory_count; i++) {
        const struct live_memory *memory = &it->memory[i];
        if (address < memory->address || address + (double)len > (double)memory->address + memory->len)
            continue;
        memcpy(nvm + memory->offset + ((uint32_t)address - memory->address), bytes, len);
        free(bytes);
        return 0;
    }
    free(bytes);
    return wrong(it, "a change lies outside of the memory", error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/spec_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/base/pattern.h"
#include "harness/explore/spec/symbols.h"
#include "harness/board/board.h"

#define REGIONS_MAX 256
#define IMAGES_MAX 64
#define MS UINT64_C(1000000)

/* ---- regions ---- */

static void add_region(struct spec *spec, const char *name, uint32_t address, uint32_t len)
{
    spec->regions = mem_resize(spec->regions, spec->region_count + 1, sizeof *spec->regions);
    spec->regions[spec->region_count++] = (struct spec_region){mem_string(name), address, len};
}

static int parse_span(struct spec_loader *loader, struct json at, const char *name)
{
    int64_t address, len;
    uint32_t symbol, its_len;
    struct json where = json_get(at, "address");
    if (json_object(at, loader->error) ||
        (spec_is_symbol(where) ? spec_take_symbol(loader, where, &symbol, &its_len)
                               : json_word(where, 0, UINT32_MAX, &address, loader->error)))
        return -1;
    if (spec_is_symbol(where))
        address = symbol;
    if (json_word(json_get(at, "size"), 1, UINT32_MAX, &len, loader->error))
        return -1;
    if (address + len > (int64_t)1 << 32)
        return json_expected(json_get(at, "size"), loader->error, "an end below 4 GiB");
    if (loader->spec->region_count >= REGIONS_MAX)
        return json_expected(at, loader->error, "at most %d regions", REGIONS_MAX);
    add_region(loader->spec, name, (uint32_t)address, (uint32_t)len);
    return 0;
}

int spec_parse_spans(struct spec_loader *loader, struct json at)
{
    for (size_t i = 0; i < json_count(at); i++) {
        struct json item = json_member(at, i);
        if (parse_span(loader, item, item.node->string))
            return -1;
    }
    return 0;
}

int spec_take_reset_pin(struct spec_loader *loader, struct json at)
{
    int64_t pin = -1;
    if (!json_present(at))
        return 0;
    if (!twin_reset_pin_register(loader->spec->chip))
        return json_expected(at, loader->error, "no \"reset_pin\": a %s has no PSELRESET",
                             loader->spec->chip);
    bool blank = cJSON_IsString(at.node) && !strcmp(at.node->valuestring, "blank");
    struct error why;
    if (!blank && json_integer(at, 0, 47, &pin, &why))
        return json_expected(at, loader->error, "a pin from 0 to 47, or \"blank\"");
    loader->spec->reset_pin = (int)pin;
    return 0;
}

int spec_parse_board(struct spec_loader *loader, struct json board)
{
    struct spec *spec = loader->spec;
    const char *text;
    if (json_object(board, loader->error) || board_check_keys(board, loader->error) ||
        json_string(json_get(board, "name"), &text, loader->error))
        return -1;
    spec->board = mem_string(text);
    struct json chip = json_get(board, "chip");
    if (json_string(chip, &text, loader->error))
        return -1;
    spec->nvm_size = twin_nvm_size(text);
    if (!spec->nvm_size)
        return json_expected(chip, loader->error,
                             "a chip the twin can be (nrf52840, nrf52833, nrf52832, nrf51822, stm32f205, "
                             "stm32f405, stm32f407)");
    spec->chip = mem_string(text);
    const struct twin_region *nvm;
    size_t count = twin_nvm_regions(spec->chip, &nvm);
    for (size_t i = 0; i < count; i++)
        add_region(spec, nvm[i].name, nvm[i].address, nvm[i].size);
    struct json memory = json_get(board, "memory"), slots = json_get(memory, "slots");
    for (size_t i = 0; json_present(memory) && i < json_count(slots); i++) {
        char name[24];
        snprintf(name, sizeof name, "slot%zu", i);
        if (parse_span(loader, json_at(slots, i), name))
            return -1;
    }
    struct json data = json_get(memory, "data");
    if (json_present(memory) && json_present(data) && parse_span(loader, data, "data"))
        return -1;
    struct json watches = json_get(board, "watches");
    if (spec_take_reset_pin(loader, json_get(board, "reset_pin")))
        return -1;
    return json_present(watches) ? spec_parse_spans(loader, watches) : 0;
}

/* ---- symbols ---- */

bool spec_is_symbol(struct json at)
{
    const char *text = at.node && cJSON_IsString(at.node) ? at.node->valuestring : "",
               *colon = strchr(text, ':');
    return colon && colon > text && colon[1];
}

int spec_take_symbol(struct spec_loader *loader, struct json at, uint32_t *address, uint32_t *len)
{
    const char *text = at.node->valuestring, *colon = strchr(text, ':');
    size_t name_len = strcspn(colon + 1, "+");
    char *end = NULL, *name = mem_printf("%.*s", (int)name_len, colon + 1);
    uint32_t offset = colon[1 + name_len] ? (uint32_t)strtoul(colon + 2 + name_len, &end, 0) : 0;
    int result = -1;
    for (size_t i = 0; i < loader->spec->image_count; i++) {
        const struct explore_image *image = &loader->spec->images[i];
        if (strlen(image->name) != (size_t)(colon - text) ||
            strncmp(image->name, text, (size_t)(colon - text)))
            continue;
        if (!image->elf)
            json_expected(at, loader->error, "an ELF image: '%s' has no symbols", image->name);
        else if ((end && *end) || (colon[1 + name_len] && !colon[2 + name_len]))
            json_expected(at, loader->error, "a number behind the +");
        else if (symbols_address(image->path, name, address, len))
            result = 0;
        else
            json_expected(at, loader->error, "a symbol of '%s'", image->name);
        break;
    }
    if (result && !loader->error->text[0])
        json_expected(at, loader->error, "the name of an image before the colon");
    *address += result ? 0 : offset;
    free(name);
    return result;
}

/* All of the function or object. */
static int take_symbol_region(struct spec_loader *loader, struct json at, struct spec_region *out)
{
    uint32_t address, len;
    if (spec_take_symbol(loader, at, &address, &len))
        return -1;
    add_region(loader->spec, at.node->valuestring, address, len > 4 ? len : 4);
    *out = loader->spec->regions[loader->spec->region_count - 1];
    return 0;
}

/* A region's name, or {"address", "size"}. */
int spec_take_region(struct spec_loader *loader, struct json at, struct spec_region *out)
{
    const char *name;
    if (at.node && cJSON_IsObject(at.node)) {
        size_t before = loader->spec->region_count;
        char label[64];
        if (parse_span(loader, at, ""))
            return -1;
        *out = loader->spec->regions[before];
        snprintf(label, sizeof label, "0x%x", out->address);
        free(loader->spec->regions[before].name);
        loader->spec->regions[before].name = mem_string(label);
        out->name = loader->spec->regions[before].name;
        return 0;
    }
    if (json_string(at, &name, loader->error))
        return -1;
    if (spec_is_symbol(at))
        return take_symbol_region(loader, at, out);
    for (size_t i = loader->spec->region_count; i-- > 0;)
        if (!strcmp(loader->spec->regions[i].name, name)) {
            *out = loader->spec->regions[i];
            return 0;
        }
    return json_expected(at, loader->error, "the name of a region of the board or the scenario");
}

/* The same, inside of non-volatile memory. */
int spec_take_nvm_region(struct spec_loader *loader, struct json at, struct spec_region *out)
{
    size_t left;
    if (spec_take_region(loader, at, out))
        return -1;
    if (spec_offset(loader->spec, out->address, &left) == SIZE_MAX || out->len > left)
        return json_expected(at, loader->error, "a region inside the non-volatile memory of the %s",
                             loader->spec->chip);
    return 0;
}

int spec_take_pattern(struct spec_loader *loader, struct json at, void **out)
{
    const char *text;
    char why[160];
    if (json_string(at, &text, loader->error))
        return -1;
    *out = pattern_compile(text, why, sizeof why);
    return *out ? 0 : json_expected(at, loader->error, "a regular expression (%s)", why);
}

int spec_take_ns(struct spec_loader *loader, struct json object, const char *key, int64_t standard_ms,
                 uint64_t *out)
{
    struct json at = json_get(object, key);
    int64_t ms = standard_ms;
    if (json_present(at) && json_integer(at, 1, 24 * 3600 * 1000, &ms, loader->error))
        return -1;
    *out = (uint64_t)ms * MS;
    return 0;
}

int spec_take_count(struct spec_loader *loader, struct json object, const char *key, int64_t standard,
                    unsigned *out)
{
    struct json at = json_get(object, key);
    int64_t value = standard;
    if (json_present(at) && json_integer(at, 0, 1000, &value, loader->error))
        return -1;
    *out = (unsigned)value;
    return 0;
}

/* ---- images ---- */

static char *find_file(const struct spec_loader *loader, const char *file)
{
    if (file[0] == '/')
        return mem_string(file);
    const char *const folders[] = {loader->folders->firmware, loader->folders->scenario,
                                   loader->folders->standard};
    for (size_t i = 0; i < 3; i++) {
        if (!folders[i])
            continue;
        char *path = mem_printf("%s/%s", folders[i], file);
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return mem_printf("%s/%s", folders[0] ? folders[0] : folders[2] ? folders[2] : folders[1], file);
}

int spec_parse_images(struct spec_loader *loader, struct json at)
{
    static const char *const keys[] = {"file", "comment", NULL};
    struct spec *spec = loader->spec;
    if (json_object(at, loader->error))
        return -1;
    if (json_count(at) > IMAGES_MAX)
        return json_expected(at, loader->error, "at most %d images", IMAGES_MAX);
    spec->images = mem_array(json_count(at) + 1, sizeof *spec->images);
    for (size_t i = 0; i < json_count(at); i++) {
        struct json item = json_member(at, i);
        const char *file;
        if (json_object(item, loader->error) || json_check_keys(item, keys, loader->error) ||
            json_string(json_get(item, "file"), &file, loader->error))
            return -1;
        char *path = find_file(loader, file);
        int result =
            explore_image_load(&spec->images[spec->image_count], item.node->string, path, loader->error);
        free(path);
        if (result)
            return error_prefix(loader->error, "%s: %s", item.document->name, item.path);
        spec->image_count++;
        if (spec_check_arch(loader, &spec->images[spec->image_count - 1]))
            return error_prefix(loader->error, "%s: %s", item.document->name, item.path);
    }
    return 0;
}

int spec_take_image(struct spec_loader *loader, struct json at, size_t *out)
{
    const char *name;
    if (json_string(at, &name, loader->error))
        return -1;
    for (size_t i = 0; i < loader->spec->image_count; i++)
        if (!strcmp(loader->spec->images[i].name, name)) {
            *out = i;
            return 0;
        }
    return json_expected(at, loader->error, "the name of an image of this scenario");
}

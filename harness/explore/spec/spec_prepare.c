/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/spec_loader.h"

#include <stdio.h>
#include <string.h>

#include "harness/base/mem.h"

int spec_take_address(struct spec_loader *loader, struct json at, uint32_t *out)
{
    int64_t address;
    const char *name;
    struct spec_region region;
    if (at.node && cJSON_IsString(at.node)) {
        if (json_string(at, &name, loader->error))
            return -1;
        uint32_t len;
        if (spec_is_symbol(at))
            return spec_take_symbol(loader, at, out, &len);
        if (strncmp(name, "0x", 2)) {
            if (spec_take_region(loader, at, &region))
                return -1;
            *out = region.address;
            return 0;
        }
    }
    if (json_word(at, 0, UINT32_MAX, &address, loader->error))
        return -1;
    *out = (uint32_t)address;
    return 0;
}

int spec_check_fits(struct spec_loader *loader, struct json at, uint32_t address, size_t len)
{
    size_t left;
    if (spec_offset(loader->spec, address, &left) == SIZE_MAX || len > left)
        return json_expected(at, loader->error,
                             "an address from which %zu bytes fit into the non-volatile memory of the %s, "
                             "not 0x%08x",
                             len, loader->spec->chip, address);
    return 0;
}

static int prepare_image(struct spec_loader *loader, struct json at, struct prepare *prepare)
{
    struct json where = json_get(at, "at");
    if (spec_take_image(loader, json_get(at, "image"), &prepare->image))
        return -1;
    const struct explore_image *image = &loader->spec->images[prepare->image];
    if (image->raw && spec_take_address(loader, where, &prepare->address))
        return -1;
    if (image->raw && spec_check_aligned(loader, where, prepare->address))
        return -1;
    if (!image->raw && json_present(where))
        return json_expected(where, loader->error, "no address: the file of this image has its own");
    for (size_t i = 0; i < image->segment_count; i++) {
        uint32_t address = image->raw ? prepare->address : image->segments[i].address;
        if (spec_check_fits(loader, json_present(where) ? where : json_get(at, "image"), address,
                            image->segments[i].len))
            return -1;
    }
    return 0;
}

static int prepare_words(struct spec_loader *loader, struct json at, struct prepare *prepare)
{
    struct json words = json_get(at, "words");
    int64_t value;
    if (json_array(words, loader->error) || spec_take_address(loader, json_get(at, "at"), &prepare->address))
        return -1;
    size_t count = json_count(words);
    if (!count || count > 4096)
        return json_expected(words, loader->error, "1 to 4096 words");
    prepare->len = (uint32_t)count * 4;
    prepare->bytes = mem_alloc(prepare->len);
    for (size_t i = 0; i < count; i++) {
        if (json_word(json_at(words, i), 0, UINT32_MAX, &value, loader->error))
            return -1;
        uint32_t word = (uint32_t)value;
        memcpy(prepare->bytes + 4 * i, &word, 4);
    }
    return spec_check_aligned(loader, json_get(at, "at"), prepare->address) ||
                   spec_check_fits(loader, json_get(at, "at"), prepare->address, prepare->len)
               ? -1
               : 0;
}

int spec_take_hex(struct spec_loader *loader, struct json at, uint8_t **out, size_t *len)
{
    const char *text;
    if (json_string(at, &text, loader->error))
        return -1;
    *len = strlen(text) / 2;
    if (strlen(text) % 2 || !*len || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
        return json_expected(at, loader->error, "an even number of hexadecimal digits");
    *out = mem_alloc(*len);
    for (size_t i = 0; i < *len; i++) {
        unsigned byte = 0;
        sscanf(text + 2 * i, "%2x", &byte);
        (*out)[i] = (uint8_t)byte;
    }
    return 0;
}

static int prepare_bytes(struct spec_loader *loader, struct json at, struct prepare *prepare)
{
    size_t len;
    if (spec_take_hex(loader, json_get(at, "bytes"), &prepare->bytes, &len) ||
        spec_take_address(loader, json_get(at, "at"), &prepare->address))
        return -1;
    prepare->len = (uint32_t)len;
    return spec_check_fits(loader, json_get(at, "at"), prepare->address, len);
}

static int prepare_fill(struct spec_loader *loader, struct json at, struct prepare *prepare)
{
    int64_t value;
    struct spec_region region;
    if (json_word(json_get(at, "fill"), 0, 255, &value, loader->error) ||
        spec_take_nvm_region(loader, json_get(at, "region"), &region))
        return -1;
    prepare->fill = (uint8_t)value;
    prepare->address = region.address;
    prepare->len = region.len;
    return 0;
}

static int prepare_boots(struct spec_loader *loader, struct json at, struct prepare *prepare)
{
    return spec_take_count(loader, at, "boots", 1, &prepare->boots) ||
                   spec_take_input(loader, at, &prepare->input)
               ? -1
               : 0;
}

static int parse_prepare_item(struct spec_loader *loader, struct json at, struct prepare_list *list)
{
    static const struct {
        const char *key;
        enum preparation kind;
        int (*parse)(struct spec_loader *, struct json, struct prepare *);
        const char *keys[8];
    } table[] = {
        {"image", PREPARE_IMAGE, prepare_image, {"image", "at", "replace", "comment", NULL}},
        {"words", PREPARE_BYTES, prepare_words, {"words", "at", "comment", NULL}},
        {"bytes", PREPARE_BYTES, prepare_bytes, {"bytes", "at", "comment", NULL}},
        {"fill", PREPARE_FILL, prepare_fill, {"fill", "region", "comment", NULL}},
        {"boots", PREPARE_BOOTS, prepare_boots, {"boots", "input", "comment", NULL}},
    };
    static const char *const macro_keys[] = {"mcuboot", "otadata", "comment", NULL};
    bool mcuboot = json_present(json_get(at, "mcuboot"));
    if (json_object(at, loader->error))
        return -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (json_present(json_get(at, table[i].key))) {
            list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
            struct prepare *prepare = &list->items[list->count++];
            *prepare = (struct prepare){.kind = table[i].kind};
            if (json_check_keys(at, table[i].keys, loader->error))
                return -1;
            return table[i].parse(loader, at, prepare);
        }
    if (mcuboot || json_present(json_get(at, "otadata")))
        return json_check_keys(at, macro_keys, loader->error) ||
                       (mcuboot ? spec_take_mcuboot(loader, at, list) : spec_take_otadata(loader, at, list))
                   ? -1
                   : 0;
    return json_expected(at, loader->error, "one of image, words, bytes, fill, boots, mcuboot, otadata");
}

int spec_parse_prepare(struct spec_loader *loader, struct json at, struct prepare_list *list)
{
    if (!json_present(at))
        return 0;
    if (json_array(at, loader->error))
        return -1;
    for (size_t i = 0; i < json_count(at); i++) {
        if (parse_prepare_item(loader, json_at(at, i), list))
            return -1;
        bool plain = json_present(json_get(json_at(at, i), "image"));
        if (plain && spec_check_overlap(loader, json_at(at, i), list))
            return -1;
    }
    return 0;
}

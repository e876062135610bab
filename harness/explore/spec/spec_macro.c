/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a prepare list that stand for what well-known boot loaders and their applications write. */
#include "harness/explore/spec/spec_loader.h"

#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/spec/flag_text.h"

static struct prepare *append(struct prepare_list *list, enum preparation kind)
{
    list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count] = (struct prepare){.kind = kind};
    return &list->items[list->count++];
}

static void append_bytes(struct prepare_list *list, uint32_t address, const void *bytes, uint32_t len)
{
    struct prepare *prepare = append(list, PREPARE_BYTES);
    prepare->address = address;
    prepare->len = len;
    prepare->bytes = mem_copy(bytes, len);
}

/* The region is erased, as an application does before it downloads into it, and gets the image. */
static int append_image(struct spec_loader *loader, struct json at, const struct spec_region *region,
                        uint32_t offset, struct prepare_list *list)
{
    size_t number;
    if (spec_take_image(loader, json_get(at, "image"), &number))
        return -1;
    const struct explore_image *image = &loader->spec->images[number];
    if (!image->raw)
        return json_expected(json_get(at, "image"), loader->error,
                             "a raw image: this one has addresses of its own");
    if (offset > region->len || image->segments[0].len > region->len - offset)
        return json_expected(json_get(at, "image"), loader->error,
                             "an image of at most %u bytes, as '%s' has, not %u", region->len - offset,
                             region->name, image->segments[0].len);
    struct prepare *fill = append(list, PREPARE_FILL);
    fill->address = region->address;
    fill->len = region->len;
    fill->fill = 0xff;
    struct prepare *put = append(list, PREPARE_IMAGE);
    put->image = number;
    put->address = region->address + offset;
    return 0;
}

static int take_number(struct spec_loader *loader, struct json object, const char *key, int64_t standard,
                       int64_t most, int64_t *out)
{
    struct json at = json_get(object, key);
    *out = standard;
    return json_present(at) ? json_word(at, 0, most, out, loader->error) : 0;
}

/* ---- MCUboot: the trailer at the end of a slot (docs/design.md of MCUboot, "Image trailer") ---- */

enum request { REQUEST_TEST, REQUEST_PERMANENT, REQUEST_CONFIRM, REQUEST_INSTALLED, REQUEST_NONE };
static const char *const requests[] = {"test", "permanent", "confirm", "installed", "none", NULL};

static void put_magic(struct prepare_list *list, uint32_t end, uint32_t align)
{
    uint8_t magic[FLAG_MAGIC_LEN];
    flag_mcuboot_magic(align, magic);
    append_bytes(list, end - FLAG_MAGIC_LEN, magic, FLAG_MAGIC_LEN);
}

/* A byte, and the rest of its unit erased. */
static void put_flag(struct prepare_list *list, uint32_t address, uint8_t value)
{
    uint32_t word = 0xffffff00u | value;
    append_bytes(list, address, &word, 4);
}

static void put_trailer(struct prepare_list *list, const struct spec_region *slot, enum request request,
                        uint32_t align)
{
    uint32_t end = slot->address + slot->len, ok = end - (align > 16 ? align : 16) - align;
    bool test = request == REQUEST_TEST, permanent = request == REQUEST_PERMANENT;
    if (test || permanent || request == REQUEST_INSTALLED)
        put_magic(list, end, align);
    if (request != REQUEST_NONE && !test)
        put_flag(list, ok, 1);
    if (request == REQUEST_INSTALLED)
        put_flag(list, ok - align, 1); /* copy_done */
    if (test || permanent)
        put_flag(list, ok - 2 * align, test ? 2 : 3); /* swap_info: BOOT_SWAP_TYPE_TEST, _PERM */
}

static int take_slot(struct spec_loader *loader, struct json at, struct spec_region *slot)
{
    static const char *const names[] = {"primary", "secondary"};
    const char *name = at.node && cJSON_IsString(at.node) ? at.node->valuestring : "";
    for (unsigned i = 0; i < 2; i++)
        if (!strcmp(name, names[i]))
            for (size_t k = loader->spec->region_count; k-- > 0;) {
                const char *its = loader->spec->regions[k].name;
                if (!strcmp(its, names[i]) || !strcmp(its, i ? "slot1" : "slot0")) {
                    *slot = loader->spec->regions[k];
                    return 0;
                }
            }
    return spec_take_nvm_region(loader, at, slot);
}

int spec_take_mcuboot(struct spec_loader *loader, struct json item, struct prepare_list *list)
{
    static const char *const keys[] = {"slot", "image", "offset", "request", "align", "comment", NULL};
    struct json at = json_get(item, "mcuboot"), offset = json_get(at, "offset");
    struct spec_region slot;
    int request = REQUEST_NONE;
    int64_t align, from;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
        take_slot(loader, json_get(at, "slot"), &slot) ||
        take_number(loader, at, "offset", 0, slot.len, &from) ||
        take_number(loader, at, "align", 8, 32, &align))
        return -1;
    if (align != 8 && align != 16 && align != 32)
        return json_expected(json_get(at, "align"), loader->error, "8, 16 or 32");
    if (from & 3)
        return json_expected(offset, loader->error, "a multiple of 4");
    if (json_present(json_get(at, "request")) &&
        json_choice(json_get(at, "request"), requests, &request, loader->error))
        return -1;
    if (slot.len < 256)
        return json_expected(json_get(at, "slot"), loader->error, "a slot of at least 256 bytes");
    if (json_present(json_get(at, "image")) && append_image(loader, at, &slot, (uint32_t)from, list))
        return -1;
    put_trailer(list, &slot, (enum request)request, (uint32_t)align);
    return 0;
}

/* ---- ESP-IDF: two sectors of which the one with the higher sequence number tells the slot
 * (components/bootloader_support/include/esp_flash_partitions.h, esp_ota_select_entry_t) ---- */

int spec_take_otadata(struct spec_loader *loader, struct json item, struct prepare_list *list)
{
    static const char *const keys[] = {"region", "slot", "slots", "sequence", "state", "comment", NULL};
    static const char *const states[] = {"new", "pending", "valid", "invalid", "aborted", "undefined", NULL};
    struct json at = json_get(item, "otadata");
    struct spec_region region;
    int64_t slot, slots, sequence;
    int state = 5;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
        spec_take_nvm_region(loader, json_get(at, "region"), &region) ||
        take_number(loader, at, "slots", 2, 16, &slots) || take_number(loader, at, "slot", 0, 15, &slot) ||
        take_number(loader, at, "sequence", 0, INT32_MAX, &sequence))
        return -1;
    if (json_present(json_get(at, "state")) &&
        json_choice(json_get(at, "state"), states, &state, loader->error))
        return -1;
    if (region.len < 64 || region.len % 8)
        return json_expected(json_get(at, "region"), loader->error, "a region of two sectors");
    if (!slots || slot >= slots)
        return json_expected(json_get(at, "slot"), loader->error, "one of the %d slots", (int)slots);
    uint32_t number = sequence ? (uint32_t)sequence : (uint32_t)slot + 1; /* slot (number - 1) % slots runs */
    if ((number - 1) % (uint32_t)slots != (uint32_t)slot)
        return json_expected(json_get(at, "sequence"), loader->error, "a number that selects slot %d of %d",
                             (int)slot, (int)slots);
    uint32_t entry[8];
    memset(entry, 0xff, sizeof entry);
    entry[0] = number;
    entry[6] = state == 5 ? UINT32_MAX : (uint32_t)state;
    entry[7] = flag_otadata_crc(number);
    uint32_t sector = region.address + ((number - 1) & 1) * (region.len / 2);
    struct prepare *fill = append(list, PREPARE_FILL);
    fill->address = sector;
    fill->len = region.len / 2;
    fill->fill = 0xff;
    append_bytes(list, sector, entry, sizeof entry);
    return 0;
}

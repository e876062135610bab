/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/image.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <errno.h>

#include "harness/base/file.h"
#include "harness/base/mcuboot_image.h"
#include "harness/base/mem.h"
#include "harness/base/option.h"
#include "harness/base/take.h"

#define IMAGE_SIZE_MAX (256u << 20) /* a root file system */

int image_read(const char *path, uint8_t **data, size_t *len, struct error *error)
{
    FILE *file = file_open(path, error);
    if (!file)
        return error_prefix(error, "image");
    size_t room = 1 << 16;
    *data = mem_alloc(room);
    *len = 0;
    for (size_t n; (n = fread(*data + *len, 1, room - *len, file)) > 0;) {
        *len += n;
        if (*len == room)
            *data = mem_resize(*data, room *= 2, 1);
        if (*len > IMAGE_SIZE_MAX)
            break;
    }
    bool bad = ferror(file) || *len > IMAGE_SIZE_MAX;
    fclose(file);
    if (bad) {
        free(*data);
        *data = NULL;
        return error_set(error, ERROR_INPUT, "image %s: cannot be read or is over 256 MiB", path);
    }
    return 0;
}

static void hex_sha256(const uint8_t *data, size_t len, char out[65])
{
    uint8_t digest[32];
    SHA256(data, len, digest);
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- manifest.json ---- */

struct image_config {
    char *file, *version, *hash;
    int64_t address, size;
};

static const struct option_spec image_table[] = {
    {.name = "file",
     .help = "the image, relative to the manifest",
     .type = OPTION_STRING,
     .required = true,
     .offset = offsetof(struct image_config, file)},
    {.name = "address",
     .help = "where it runs; for people and for tools, otarig takes the board's slots",
     .type = OPTION_WORD,
     .high = UINT32_MAX,
     .offset = offsetof(struct image_config, address)},
    {.name = "version",
     .help = "what the board calls it by; none: it is no application",
     .type = OPTION_STRING,
     .offset = offsetof(struct image_config, version)},
    {.name = "hash",
     .help = "what the update client calls it by: hex, at least 16 digits",
     .type = OPTION_STRING,
     .pattern = "^[0-9a-fA-F]{16,}$",
     .wanted = "at least 16 hexadecimal digits",
     .offset = offsetof(struct image_config, hash)},
    {.name = "size",
     .help = "of the file, in bytes: another size is refused",
     .type = OPTION_INTEGER,
     .high = IMAGE_SIZE_MAX,
     .offset = offsetof(struct image_config, size)},
    {0},
};

static cJSON *images_schema(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject(), *names = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddStringToObject(names, "pattern", TAKE_NAME_PATTERN);
    cJSON_AddItemToObject(schema, "propertyNames", names);
    cJSON_AddItemToObject(schema, "additionalProperties", option_schema(image_table, NULL));
    return schema;
}

static const struct option_spec set_table[] = {
    {.name = "schema_version", .help = "of this format", .type = OPTION_VERSION, .low = 1, .required = true},
    {.name = "variant",
     .help = "what this build is called",
     .type = OPTION_NAME,
     .required = true,
     .offset = offsetof(struct image_set, variant)},
    {.name = "images",
     .help = "the images by the names that scenarios use",
     .type = OPTION_BELOW,
     .required = true,
     .below = images_schema},
    {0},
};

cJSON *image_schema(void)
{
    return option_schema(set_table, NULL);
}

static int parse_image(struct json at, const char *folder, struct image *image, struct error *error)
{
    struct image_config config;
    image->name = mem_string(at.node->string);
    if (!take_is_name(image->name))
        return error_set(error, ERROR_INPUT, "%s: %s: expected as its key " TAKE_NAME_WANTED ", found '%s'",
                         at.document->name, at.path, image->name);
    int failed = option_parse(image_table, at, NULL, &config, sizeof config, error);
    image->file = failed ? NULL : mem_printf("%s/%s", folder, config.file);
    image->version = config.version;
    image->hash = config.hash;
    free(config.file);
    if (failed || image_read(image->file, &image->data, &image->len, error))
        return -1;
    if (json_present(json_get(at, "size")) && (size_t)config.size != image->len)
        return json_expected(json_get(at, "size"), error, "the size of %s, which is %zu bytes", image->file,
                             image->len);
    hex_sha256(image->data, image->len, image->sha256);
    image->file_len = image->len;
    image->len = mcuboot_image_len(image->data, image->len);
    return 0;
}

static int parse_set(struct json root, const char *folder, struct image_set *set, struct error *error)
{
    struct json images = json_get(root, "images");
    int failed = option_parse(set_table, root, NULL, set, sizeof *set, error);
    set->folder = mem_string(folder);
    if (failed || json_object(images, error))
        return -1;
    set->images = mem_array(json_count(images) + 1, sizeof *set->images);
    for (size_t i = 0; i < json_count(images); i++)
        if (parse_image(json_member(images, i), folder, &set->images[set->count++], error))
            return -1;
    return 0;
}

int image_set_load(const char *folder, struct image_set *set, struct error *error)
{
    struct json_document document;
    char *path = mem_printf("%s/manifest.json", folder);
    *set = (struct image_set){0};
    int failed = json_load(&document, path, error);
    free(path);
    if (failed)
        return error_prefix(error, "firmware %s", folder);
    int result = parse_set(json_root(&document), folder, set, error);
    json_close(&document);
    if (result)
        image_set_release(set);
    return result;
}

void image_set_release(struct image_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->images[i].name);
        free(set->images[i].file);
        free(set->images[i].version);
        free(set->images[i].hash);
        free(set->images[i].data);
    }
    free(set->images);
    free(set->folder);
    free(set->variant);
    *set = (struct image_set){0};
}

const struct image *image_find(const struct image_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (!strcmp(set->images[i].name, name))
            return &set->images[i];
    return NULL;
}

const struct image *image_by_hash(const struct image_set *set, const char *hash)
{
    size_t len = hash ? strlen(hash) : 0;
    for (size_t i = 0; i < set->count && len >= 16; i++)
        if (set->images[i].hash && !strncasecmp(set->images[i].hash, hash, len))
            return &set->images[i];
    return NULL;
}

/* Up to four numbers; false: it is a name. */
static bool version_numbers(const char *text, unsigned long numbers[4])
{
    char *end = (char *)text + (*text == 'v' || *text == 'V');
    for (int i = 0; i < 4; i++) {
        const char *begin = end;
        numbers[i] = strtoul(begin, &end, 10);
        if (end == begin)
            return false;
        if (!*end) {
            while (++i < 4)
                numbers[i] = 0;
            return true;
        }
        if (!strchr(".+-", *end++))
            return false;
    }
    return false;
}

bool image_version_is(const char *told, const char *version)
{
    unsigned long a[4], b[4];
    return version_numbers(told, a) && version_numbers(version, b) ? !memcmp(a, b, sizeof a)
                                                                   : !strcmp(told, version);
}

int image_version_order(const char *a, const char *b)
{
    unsigned long one[4], other[4];
    if (!version_numbers(a, one) || !version_numbers(b, other))
        return strverscmp(a, b);
    for (int i = 0; i < 4; i++)
        if (one[i] != other[i])
            return one[i] < other[i] ? -1 : 1;
    return 0;
}

const struct image *image_by_version(const struct image_set *set, const char *version)
{
    const struct image *found = NULL;
    for (size_t i = 0; i < set->count && version && version[0]; i++) {
        const struct image *image = &set->images[i];
        if (!image->version || !image_version_is(version, image->version))
            continue;
        if (found && strcmp(found->sha256, image->sha256))
            return NULL;
        found = found ? found : image;
    }
    return found;
}

static uint32_t little(const uint8_t *data, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)data[i] << (8 * i);
    return value;
}

/* MCUboot image header (docs/design.md, "Image format"): ih_hdr_size at 8, ih_img_size at 12. */
static void part_of(const struct image *image, enum image_part part, size_t *begin, size_t *end)
{
    *begin = 0;
    *end = image->len;
    if (image->len < 32 || part == IMAGE_ANY)
        return;
    size_t header = little(image->data + 8, 2), body = header + (size_t)little(image->data + 12, 4);
    if (header > image->len || body > image->len)
        return;
    /* the header proper is 32 bytes; what pads it to hdr_size is not read by anybody */
    *begin = part == IMAGE_HEADER ? 0
             : part == IMAGE_BODY ? header
             : part == IMAGE_TAIL ? body - (body - header) / 8
                                  : body;
    *end = part == IMAGE_HEADER ? 32 : part == IMAGE_BODY || part == IMAGE_TAIL ? body : image->len;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

uint8_t *image_changed(const struct image *image, const struct image_change *change, size_t *len)
{
    size_t begin, end;
    uint64_t state = change->seed * 0x9e3779b97f4a7c15u + 1;
    uint8_t *data = mem_alloc(image->len + (size_t)change->grow + 1);
    memcpy(data, image->data, image->len);
    part_of(image, change->flip, &begin, &end);
    int64_t first = change->flip_at;
    if (first < 0 && change->flip_percent >= 0 && end > begin)
        first = (int64_t)(end - begin - 1) * change->flip_percent / 100;
    for (int64_t i = 0; i < change->flip_bits && end > begin; i++) {
        uint64_t random = next_random(&state);
        size_t at = first >= 0 ? begin + (size_t)(first + i / 8) % (end - begin)
                               : begin + (size_t)(random >> 8) % (end - begin);
        data[at] ^= (uint8_t)(1u << (first >= 0 ? (uint64_t)i % 8 : random % 8));
    }
    *len = image->len;
    if (change->keep >= 0 && (size_t)change->keep < *len)
        *len = (size_t)change->keep;
    if (change->keep_percent >= 0)
        *len = *len * (size_t)change->keep_percent / 100;
    memset(data + *len, 0xff, (size_t)change->grow);
    *len += (size_t)change->grow;
    return data;
}

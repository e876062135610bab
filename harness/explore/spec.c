#define PCRE2_CODE_UNIT_WIDTH 8
#include "harness/explore/spec.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"

const char *const explore_class_names[] = {"",
                                           "bricked",
                                           "wrong-version",
                                           "corrupt-image",
                                           "no-rollback",
                                           "update-dead",
                                           "not-converging",
                                           "data-lost",
                                           "contract",
                                           NULL};
#define REGIONS_MAX 256
#define IMAGES_MAX 64
#define MS UINT64_C(1000000)

struct loader {
    struct spec *spec;
    const char *folder, *firmware;
    struct error *error;
};

/* ---- addresses ---- */

size_t spec_offset(const struct spec *spec, uint32_t address, size_t *left)
{
    const struct twin_region *regions;
    size_t count = twin_nvm_regions(spec->chip, &regions);
    for (size_t i = 0; i < count; i++)
        if (address - regions[i].address < regions[i].size) {
            *left = regions[i].size - (address - regions[i].address);
            return regions[i].offset + (address - regions[i].address);
        }
    *left = 0;
    return SIZE_MAX;
}

const struct spec_region *spec_region_of(const struct spec *spec, uint32_t address)
{
    const struct spec_region *best = NULL;
    for (size_t i = 0; i < spec->region_count; i++) {
        const struct spec_region *region = &spec->regions[i];
        if (address - region->address < region->len && (!best || region->len < best->len))
            best = region;
    }
    return best;
}

bool spec_matches(const void *pattern, const char *line, size_t len)
{
    /* the compiled pattern is shared between threads, the match data must not be */
    static _Thread_local pcre2_match_data *data;
    if (!data)
        data = pcre2_match_data_create(16, NULL);
    return pcre2_match(pattern, (PCRE2_SPTR)line, len, 0, 0, data, NULL) >= 0;
}

void spec_write(const struct spec *spec, const struct prepare *prepare, uint8_t *nvm)
{
    size_t left;
    if (prepare->kind == PREPARE_IMAGE) {
        const struct explore_image *image = &spec->images[prepare->image];
        for (size_t i = 0; i < image->segment_count; i++) {
            const struct explore_segment *part = &image->segments[i];
            size_t at = spec_offset(spec, image->raw ? prepare->address : part->address, &left);
            memcpy(nvm + at, part->data, part->len);
        }
    } else if (prepare->kind == PREPARE_BYTES) {
        memcpy(nvm + spec_offset(spec, prepare->address, &left), prepare->bytes, prepare->len);
    } else if (prepare->kind == PREPARE_FILL) {
        memset(nvm + spec_offset(spec, prepare->address, &left), prepare->fill, prepare->len);
    }
}

/* ---- parts ---- */

static void add_region(struct spec *spec, const char *name, uint32_t address, uint32_t len)
{
    spec->regions = mem_resize(spec->regions, spec->region_count + 1, sizeof *spec->regions);
    spec->regions[spec->region_count++] = (struct spec_region){mem_string(name), address, len};
}

static int parse_span(struct loader *loader, struct json at, const char *name)
{
    int64_t address, len;
    if (json_object(at, loader->error) ||
        json_integer(json_get(at, "address"), 0, UINT32_MAX, &address, loader->error) ||
        json_integer(json_get(at, "size"), 1, UINT32_MAX, &len, loader->error))
        return -1;
    if (address + len > (int64_t)1 << 32)
        return json_expected(json_get(at, "size"), loader->error, "an end below 4 GiB");
    if (loader->spec->region_count >= REGIONS_MAX)
        return json_expected(at, loader->error, "at most %d regions", REGIONS_MAX);
    add_region(loader->spec, name, (uint32_t)address, (uint32_t)len);
    return 0;
}

static int parse_spans(struct loader *loader, struct json at)
{
    for (size_t i = 0; i < json_count(at); i++) {
        struct json item = json_member(at, i);
        if (parse_span(loader, item, item.node->string))
            return -1;
    }
    return 0;
}

static int parse_board(struct loader *loader, struct json board)
{
    struct spec *spec = loader->spec;
    const char *text;
    if (json_object(board, loader->error) || json_string(json_get(board, "name"), &text, loader->error))
        return -1;
    spec->board = mem_string(text);
    struct json chip = json_get(board, "chip");
    if (json_string(chip, &text, loader->error))
        return -1;
    spec->nvm_size = twin_nvm_size(text);
    if (!spec->nvm_size)
        return json_expected(chip, loader->error,
                             "a chip the twin can be (nrf52840, nrf52832, nrf51822, stm32f405, stm32f407)");
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
    return json_present(watches) ? parse_spans(loader, watches) : 0;
}

/* A region's name, or {"address", "size"}. */
static int take_region(struct loader *loader, struct json at, struct spec_region *out)
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
    for (size_t i = loader->spec->region_count; i-- > 0;)
        if (!strcmp(loader->spec->regions[i].name, name)) {
            *out = loader->spec->regions[i];
            return 0;
        }
    return json_expected(at, loader->error, "the name of a region of the board or the scenario");
}

/* The same, inside of non-volatile memory. */
static int take_nvm_region(struct loader *loader, struct json at, struct spec_region *out)
{
    size_t left;
    if (take_region(loader, at, out))
        return -1;
    if (spec_offset(loader->spec, out->address, &left) == SIZE_MAX || out->len > left)
        return json_expected(at, loader->error, "a region inside the non-volatile memory of the %s",
                             loader->spec->chip);
    return 0;
}

static int take_pattern(struct loader *loader, struct json at, void **out)
{
    const char *text;
    int number;
    PCRE2_SIZE offset;
    PCRE2_UCHAR why[120];
    if (json_string(at, &text, loader->error))
        return -1;
    *out = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &number, &offset, NULL);
    if (*out)
        return 0;
    pcre2_get_error_message(number, why, sizeof why);
    return json_expected(at, loader->error, "a regular expression (%s at %zu)", (const char *)why,
                         (size_t)offset);
}

static int take_ns(struct loader *loader, struct json object, const char *key, int64_t standard_ms,
                   uint64_t *out)
{
    struct json at = json_get(object, key);
    int64_t ms = standard_ms;
    if (json_present(at) && json_integer(at, 1, 24 * 3600 * 1000, &ms, loader->error))
        return -1;
    *out = (uint64_t)ms * MS;
    return 0;
}

static int take_count(struct loader *loader, struct json object, const char *key, int64_t standard,
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

static char *find_file(const struct loader *loader, const char *file)
{
    if (file[0] == '/')
        return mem_string(file);
    if (loader->firmware) {
        char *path = mem_printf("%s/%s", loader->firmware, file);
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return mem_printf("%s/%s", loader->folder, file);
}

static int parse_images(struct loader *loader, struct json at)
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
    }
    return 0;
}

static int take_image(struct loader *loader, struct json at, size_t *out)
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

/* ---- prepare ---- */

static int take_address(struct loader *loader, struct json at, uint32_t *out)
{
    int64_t address;
    const char *name;
    struct spec_region region;
    if (at.node && cJSON_IsString(at.node)) {
        if (json_string(at, &name, loader->error))
            return -1;
        if (strncmp(name, "0x", 2)) {
            if (take_region(loader, at, &region))
                return -1;
            *out = region.address;
            return 0;
        }
    }
    if (json_integer(at, 0, UINT32_MAX, &address, loader->error))
        return -1;
    *out = (uint32_t)address;
    return 0;
}

static int check_fits(struct loader *loader, struct json at, uint32_t address, size_t len)
{
    size_t left;
    if (spec_offset(loader->spec, address, &left) == SIZE_MAX || len > left)
        return json_expected(at, loader->error,
                             "%zu bytes at 0x%08x inside the non-volatile memory of the %s", len, address,
                             loader->spec->chip);
    return 0;
}

static int prepare_image(struct loader *loader, struct json at, struct prepare *prepare)
{
    struct json where = json_get(at, "at");
    if (take_image(loader, json_get(at, "image"), &prepare->image))
        return -1;
    const struct explore_image *image = &loader->spec->images[prepare->image];
    if (image->raw && !json_present(where) && loader->spec->chip)
        where = json_get(at, "at");
    if (image->raw && take_address(loader, where, &prepare->address))
        return -1;
    if (!image->raw && json_present(where))
        return json_expected(where, loader->error, "no address: the file of this image has its own");
    for (size_t i = 0; i < image->segment_count; i++) {
        uint32_t address = image->raw ? prepare->address : image->segments[i].address;
        if (check_fits(loader, at, address, image->segments[i].len))
            return -1;
    }
    return 0;
}

static int prepare_words(struct loader *loader, struct json at, struct prepare *prepare)
{
    struct json words = json_get(at, "words");
    int64_t value;
    if (json_array(words, loader->error) || take_address(loader, json_get(at, "at"), &prepare->address))
        return -1;
    size_t count = json_count(words);
    if (!count || count > 4096)
        return json_expected(words, loader->error, "1 to 4096 words");
    prepare->len = (uint32_t)count * 4;
    prepare->bytes = mem_alloc(prepare->len);
    for (size_t i = 0; i < count; i++) {
        if (json_integer(json_at(words, i), 0, UINT32_MAX, &value, loader->error))
            return -1;
        uint32_t word = (uint32_t)value;
        memcpy(prepare->bytes + 4 * i, &word, 4);
    }
    return check_fits(loader, at, prepare->address, prepare->len);
}

static int take_hex(struct loader *loader, struct json at, uint8_t **out, size_t *len)
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

static int prepare_bytes(struct loader *loader, struct json at, struct prepare *prepare)
{
    size_t len;
    if (take_hex(loader, json_get(at, "bytes"), &prepare->bytes, &len) ||
        take_address(loader, json_get(at, "at"), &prepare->address))
        return -1;
    prepare->len = (uint32_t)len;
    return check_fits(loader, at, prepare->address, len);
}

static int prepare_fill(struct loader *loader, struct json at, struct prepare *prepare)
{
    int64_t value;
    struct spec_region region;
    if (json_integer(json_get(at, "fill"), 0, 255, &value, loader->error) ||
        take_nvm_region(loader, json_get(at, "region"), &region))
        return -1;
    prepare->fill = (uint8_t)value;
    prepare->address = region.address;
    prepare->len = region.len;
    return 0;
}

static int parse_prepare_item(struct loader *loader, struct json at, struct prepare *prepare)
{
    static const struct {
        const char *key;
        enum preparation kind;
        int (*parse)(struct loader *, struct json, struct prepare *);
        const char *keys[8];
    } table[] = {
        {"image", PREPARE_IMAGE, prepare_image, {"image", "at", "comment", NULL}},
        {"words", PREPARE_BYTES, prepare_words, {"words", "at", "comment", NULL}},
        {"bytes", PREPARE_BYTES, prepare_bytes, {"bytes", "at", "comment", NULL}},
        {"fill", PREPARE_FILL, prepare_fill, {"fill", "region", "comment", NULL}},
        {"boots", PREPARE_BOOTS, NULL, {"boots", "comment", NULL}},
    };
    if (json_object(at, loader->error))
        return -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (json_present(json_get(at, table[i].key))) {
            prepare->kind = table[i].kind;
            if (json_check_keys(at, table[i].keys, loader->error))
                return -1;
            return table[i].parse ? table[i].parse(loader, at, prepare)
                                  : take_count(loader, at, "boots", 1, &prepare->boots);
        }
    return json_expected(at, loader->error, "one of image, words, bytes, fill, boots");
}

static int parse_prepare(struct loader *loader, struct json at, struct prepare_list *list)
{
    if (!json_present(at))
        return 0;
    if (json_array(at, loader->error))
        return -1;
    list->items = mem_array(json_count(at) + 1, sizeof *list->items);
    for (size_t i = 0; i < json_count(at); i++) {
        list->count++;
        if (parse_prepare_item(loader, json_at(at, i), &list->items[i]))
            return -1;
    }
    return 0;
}

/* ---- contract ---- */

static int take_class(struct loader *loader, struct json at, const char *standard, struct clause *clause)
{
    struct json given = json_get(at, "class");
    int index = 0;
    clause->fail_class = standard;
    if (!json_present(given))
        return 0;
    if (json_choice(given, explore_class_names + 1, &index, loader->error))
        return -1;
    clause->fail_class = explore_class_names[index + 1];
    return 0;
}

static int take_images(struct loader *loader, struct json at, struct clause *clause)
{
    if (at.node && cJSON_IsString(at.node)) {
        clause->image_count = 1;
        return take_image(loader, at, &clause->images[0]);
    }
    if (json_array(at, loader->error))
        return -1;
    if (!json_count(at) || json_count(at) > CLAUSE_IMAGES_MAX)
        return json_expected(at, loader->error, "1 to %d images", CLAUSE_IMAGES_MAX);
    for (size_t i = 0; i < json_count(at); i++)
        if (take_image(loader, json_at(at, i), &clause->images[clause->image_count++]))
            return -1;
    return 0;
}

static int check_images_fit(struct loader *loader, struct json at, const struct clause *clause)
{
    for (size_t i = 0; i < clause->image_count; i++) {
        const struct explore_image *image = &loader->spec->images[clause->images[i]];
        const struct spec_region *region =
            clause->kind == CLAUSE_SWAPPED && i % 2 ? &clause->other : &clause->region;
        if (image->segment_count != 1 || image->segments[0].len > region->len)
            return json_expected(at, loader->error, "image '%s' to be one piece that fits into '%s'",
                                 image->name, region->name);
    }
    return 0;
}

static int clause_executes(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_EXECUTES;
    if (take_region(loader, json_get(at, "executes"), &clause->region))
        return -1;
    bool watched = false;
    for (size_t i = 0; i < loader->spec->exec_count; i++) {
        const struct spec_region *exec = &loader->spec->exec[i];
        watched = watched || clause->region.address - exec->address < exec->len;
    }
    if (!watched)
        return json_expected(json_get(at, "executes"), loader->error, "a region that $.end.exec names");
    clause->text = mem_printf("executes in %s", clause->region.name);
    return take_class(loader, at, "bricked", clause);
}

static int clause_seen(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_SEEN;
    if (take_pattern(loader, json_get(at, "seen"), &clause->pattern))
        return -1;
    clause->text = mem_printf("console shows /%s/", json_get(at, "seen").node->valuestring);
    return take_class(loader, at, "bricked", clause);
}

static int clause_never(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_NEVER;
    if (take_pattern(loader, json_get(at, "never"), &clause->pattern))
        return -1;
    clause->text = mem_printf("console never shows /%s/", json_get(at, "never").node->valuestring);
    return take_class(loader, at, "contract", clause);
}

static int clause_word(struct loader *loader, struct json at, struct clause *clause)
{
    int64_t value, mask = UINT32_MAX;
    clause->kind = CLAUSE_WORD;
    if (take_address(loader, json_get(at, "word"), &clause->region.address) ||
        json_integer(json_get(at, "value"), 0, UINT32_MAX, &value, loader->error))
        return -1;
    if (json_present(json_get(at, "mask")) &&
        json_integer(json_get(at, "mask"), 0, UINT32_MAX, &mask, loader->error))
        return -1;
    clause->region.len = 4;
    clause->value = (uint32_t)value;
    clause->mask = (uint32_t)mask;
    clause->text = mem_printf("word at 0x%08x is 0x%08x", clause->region.address, clause->value);
    return check_fits(loader, json_get(at, "word"), clause->region.address, 4) ||
                   take_class(loader, at, "contract", clause)
               ? -1
               : 0;
}

static int clause_equals(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_EQUALS;
    struct json images = json_get(at, "images");
    if (take_nvm_region(loader, json_get(at, "equals"), &clause->region) ||
        take_images(loader, images, clause) || check_images_fit(loader, images, clause))
        return -1;
    char names[200] = "";
    for (size_t i = 0; i < clause->image_count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? " or " : "",
                 loader->spec->images[clause->images[i]].name);
    clause->text = mem_printf("%s holds %s", clause->region.name, names);
    return take_class(loader, at, "corrupt-image", clause);
}

static int clause_swapped(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_SWAPPED;
    struct json pair = json_get(at, "swapped"), images = json_get(at, "images");
    if (json_array(pair, loader->error) || take_nvm_region(loader, json_at(pair, 0), &clause->region) ||
        take_nvm_region(loader, json_at(pair, 1), &clause->other) || take_images(loader, images, clause))
        return -1;
    if (clause->image_count != 2)
        return json_expected(images, loader->error, "two images");
    clause->text = mem_printf("%s and %s hold %s and %s, in either order", clause->region.name,
                              clause->other.name, loader->spec->images[clause->images[0]].name,
                              loader->spec->images[clause->images[1]].name);
    return check_images_fit(loader, images, clause) || take_class(loader, at, "corrupt-image", clause) ? -1
                                                                                                       : 0;
}

static int clause_stable(struct loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_STABLE;
    if (take_count(loader, at, "stable", 1, &clause->boots))
        return -1;
    clause->text = mem_printf("stays as it is for %u more boots", clause->boots);
    return take_class(loader, at, "not-converging", clause);
}

static int parse_clause(struct loader *loader, struct json at, struct clause *clause)
{
    static const struct {
        const char *key;
        int (*parse)(struct loader *, struct json, struct clause *);
        const char *keys[8];
    } table[] = {
        {"executes", clause_executes, {"executes", "class", "comment", NULL}},
        {"seen", clause_seen, {"seen", "class", "comment", NULL}},
        {"never", clause_never, {"never", "class", "comment", NULL}},
        {"word", clause_word, {"word", "value", "mask", "class", "comment", NULL}},
        {"equals", clause_equals, {"equals", "images", "class", "comment", NULL}},
        {"swapped", clause_swapped, {"swapped", "images", "class", "comment", NULL}},
        {"stable", clause_stable, {"stable", "class", "comment", NULL}},
    };
    if (json_object(at, loader->error))
        return -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (json_present(json_get(at, table[i].key)))
            return json_check_keys(at, table[i].keys, loader->error) || table[i].parse(loader, at, clause)
                       ? -1
                       : 0;
    return json_expected(at, loader->error, "one of executes, seen, never, word, equals, swapped, stable");
}

static int parse_contract(struct loader *loader, struct json at, struct phase *phase)
{
    if (json_array(at, loader->error))
        return -1;
    if (!json_count(at) || json_count(at) > 60)
        return json_expected(at, loader->error, "1 to 60 clauses");
    phase->clauses = mem_array(json_count(at), sizeof *phase->clauses);
    for (size_t i = 0; i < json_count(at); i++) {
        phase->clause_count++;
        if (parse_clause(loader, json_at(at, i), &phase->clauses[i]))
            return -1;
    }
    return 0;
}

static int parse_phases(struct loader *loader, struct json root)
{
    static const char *const keys[] = {"prepare", "boots", "contract", "comment", NULL};
    struct json then = json_get(root, "then");
    struct spec *spec = loader->spec;
    if (json_present(then) && json_array(then, loader->error))
        return -1;
    if (json_count(then) > 16)
        return json_expected(then, loader->error, "at most 16 phases");
    spec->phases = mem_array(1 + json_count(then), sizeof *spec->phases);
    spec->phase_count = 1;
    if (parse_contract(loader, json_get(root, "contract"), &spec->phases[0]))
        return -1;
    for (size_t i = 0; i < json_count(then); i++) {
        struct json at = json_at(then, i);
        struct phase *phase = &spec->phases[spec->phase_count++];
        if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
            parse_prepare(loader, json_get(at, "prepare"), &phase->prepare) ||
            take_count(loader, at, "boots", 1, &phase->boots) ||
            parse_contract(loader, json_get(at, "contract"), phase))
            return -1;
    }
    return 0;
}

/* ---- end of a boot, cuts, input ---- */

static int parse_end(struct loader *loader, struct json at)
{
    static const char *const keys[] = {"exec", "mark", "quiet_ms", "total_ms", "resets", "comment", NULL};
    struct spec *spec = loader->spec;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error))
        return -1;
    struct json exec = json_get(at, "exec"), mark = json_get(at, "mark");
    if (json_present(exec) && json_array(exec, loader->error))
        return -1;
    spec->exec = mem_array(json_count(exec) + 1, sizeof *spec->exec);
    for (size_t i = 0; i < json_count(exec); i++)
        if (take_region(loader, json_at(exec, i), &spec->exec[spec->exec_count++]))
            return -1;
    if (json_present(mark) && take_pattern(loader, mark, &spec->end_pattern))
        return -1;
    return take_ns(loader, at, "quiet_ms", 8000, &spec->quiet_ns) ||
                   take_ns(loader, at, "total_ms", 120000, &spec->total_ns) ||
                   take_count(loader, at, "resets", 4, &spec->resets)
               ? -1
               : 0;
}

static int parse_cuts(struct loader *loader, struct json at)
{
    static const char *const keys[] = {"trailers", "from", "comment", NULL};
    struct spec *spec = loader->spec;
    if (!json_present(at))
        return 0;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error))
        return -1;
    struct json trailers = json_get(at, "trailers"), from = json_get(at, "from");
    if (json_present(trailers)) {
        if (json_array(trailers, loader->error))
            return -1;
        spec->trailers_given = true;
        spec->trailers = mem_array(json_count(trailers) + 1, sizeof *spec->trailers);
        for (size_t i = 0; i < json_count(trailers); i++)
            if (take_nvm_region(loader, json_at(trailers, i), &spec->trailers[spec->trailer_count++]))
                return -1;
    }
    return json_present(from) ? take_pattern(loader, from, &spec->cut_from) : 0;
}

static int parse_stimulus(struct loader *loader, struct json at, struct stimulus *stimulus)
{
    static const char *const keys[] = {"at_ms", "mark", "text", "bytes", "port", "comment", NULL};
    const char *text;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
        take_count(loader, at, "port", 0, &stimulus->port))
        return -1;
    struct json mark = json_get(at, "mark"), when = json_get(at, "at_ms");
    int64_t ms = 0;
    if (json_present(mark) && take_pattern(loader, mark, &stimulus->pattern))
        return -1;
    if ((json_present(when) || !json_present(mark)) &&
        json_integer(when, 0, 24 * 3600 * 1000, &ms, loader->error))
        return -1;
    stimulus->after_ns = (uint64_t)ms * MS;
    if (json_present(json_get(at, "bytes")))
        return take_hex(loader, json_get(at, "bytes"), &stimulus->data, &stimulus->len);
    if (json_string(json_get(at, "text"), &text, loader->error))
        return -1;
    stimulus->len = strlen(text);
    stimulus->data = mem_copy(text, stimulus->len + 1);
    return 0;
}

static int parse_input(struct loader *loader, struct json at)
{
    struct spec *spec = loader->spec;
    if (!json_present(at))
        return 0;
    if (json_array(at, loader->error))
        return -1;
    spec->stimuli = mem_array(json_count(at) + 1, sizeof *spec->stimuli);
    for (size_t i = 0; i < json_count(at); i++)
        if (parse_stimulus(loader, json_at(at, i), &spec->stimuli[spec->stimulus_count++]))
            return -1;
    return 0;
}

/* ---- all ---- */

static int parse(struct loader *loader, struct json root, struct json board)
{
    static const char *const keys[] = {"schema_version", "kind",    "name",     "title",   "description",
                                       "covers",         "regions", "images",   "prepare", "end",
                                       "cuts",           "input",   "contract", "then",    "comment",
                                       "$schema",        NULL};
    static const char *const kinds[] = {"explore", NULL};
    struct spec *spec = loader->spec;
    const char *text;
    int64_t version;
    int kind;
    if (json_object(root, loader->error) || json_check_keys(root, keys, loader->error) ||
        json_integer(json_get(root, "schema_version"), 1, 1, &version, loader->error) ||
        json_choice(json_get(root, "kind"), kinds, &kind, loader->error) ||
        json_string(json_get(root, "name"), &text, loader->error))
        return -1;
    spec->name = mem_string(text);
    struct json title = json_get(root, "title"), regions = json_get(root, "regions");
    if (json_present(title) && json_string(title, &text, loader->error))
        return -1;
    spec->title = mem_string(json_present(title) ? text : spec->name);
    if (parse_board(loader, board))
        return -1;
    if (json_present(regions) && (json_object(regions, loader->error) || parse_spans(loader, regions)))
        return -1;
    return parse_images(loader, json_get(root, "images")) ||
                   parse_prepare(loader, json_get(root, "prepare"), &spec->prepare) ||
                   parse_end(loader, json_get(root, "end")) || parse_cuts(loader, json_get(root, "cuts")) ||
                   parse_input(loader, json_get(root, "input")) || parse_phases(loader, root)
               ? -1
               : 0;
}

int spec_parse(struct spec *spec, const struct json_document *scenario, const struct json_document *board,
               const char *folder, const char *firmware, struct error *error)
{
    struct loader loader = {spec, folder, firmware, error};
    *spec = (struct spec){.path = mem_string(scenario->name)};
    if (parse(&loader, json_root(scenario), json_root(board)) == 0)
        return 0;
    spec_release(spec);
    return -1;
}

int spec_load(struct spec *spec, const char *scenario, const char *board, const char *firmware,
              struct error *error)
{
    struct json_document text, plan;
    if (json_load(&text, scenario, error))
        return -1;
    if (json_load(&plan, board, error)) {
        json_close(&text);
        return -1;
    }
    const char *slash = strrchr(scenario, '/');
    char *folder = slash ? mem_printf("%.*s", (int)(slash - scenario), scenario) : mem_string(".");
    int result = spec_parse(spec, &text, &plan, folder, firmware, error);
    free(folder);
    json_close(&plan);
    json_close(&text);
    return result;
}

static void release_prepare(struct prepare_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].bytes);
    free(list->items);
}

static void release_phase(struct phase *phase)
{
    release_prepare(&phase->prepare);
    for (size_t i = 0; i < phase->clause_count; i++) {
        free(phase->clauses[i].text);
        pcre2_code_free(phase->clauses[i].pattern);
    }
    free(phase->clauses);
}

void spec_release(struct spec *spec)
{
    for (size_t i = 0; i < spec->phase_count; i++)
        release_phase(&spec->phases[i]);
    free(spec->phases);
    release_prepare(&spec->prepare);
    for (size_t i = 0; i < spec->region_count; i++)
        free(spec->regions[i].name);
    for (size_t i = 0; i < spec->image_count; i++)
        explore_image_release(&spec->images[i]);
    for (size_t i = 0; i < spec->stimulus_count; i++) {
        free(spec->stimuli[i].data);
        pcre2_code_free(spec->stimuli[i].pattern);
    }
    pcre2_code_free(spec->end_pattern);
    pcre2_code_free(spec->cut_from);
    free(spec->regions);
    free(spec->images);
    free(spec->stimuli);
    free(spec->exec);
    free(spec->trailers);
    free(spec->name);
    free(spec->title);
    free(spec->board);
    free(spec->chip);
    free(spec->path);
    *spec = (struct spec){0};
}

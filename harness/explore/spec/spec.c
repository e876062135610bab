/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/spec_loader.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/pattern.h"

const char *const explore_class_names[] = {"",
                                           "bricked",
                                           "wrong-version",
                                           "corrupt-image",
                                           "no-rollback",
                                           "update-dead",
                                           "not-converging",
                                           "data-lost",
                                           "contract",
                                           EXPLORE_NOT_JUDGED,
                                           NULL};

bool explore_class_is_end(const char *name)
{
    return !strcmp(name, "bricked") || !strcmp(name, "not-converging") || !strcmp(name, EXPLORE_NOT_JUDGED);
}

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

uint32_t spec_address(const struct spec *spec, size_t offset)
{
    const struct twin_region *regions;
    size_t i = twin_nvm_regions(spec->chip, &regions) - 1;
    while (i && offset < regions[i].offset)
        i--;
    return regions[i].address + (uint32_t)(offset - regions[i].offset);
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

void spec_factory(const struct spec *spec, uint8_t *nvm)
{
    size_t left;
    twin_nvm_factory(spec->chip, nvm);
    uint32_t word = (uint32_t)spec->reset_pin, address = twin_reset_pin_register(spec->chip);
    for (unsigned i = 0; spec->reset_pin >= 0 && i < 2; i++)
        memcpy(nvm + spec_offset(spec, address + 4 * i, &left), &word, 4);
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

static int parse(struct spec_loader *loader, struct json root, struct json board)
{
    static const char *const keys[] = {"schema_version", "kind",    "name",      "title",    "description",
                                       "covers",         "regions", "images",    "prepare",  "end",
                                       "cuts",           "input",   "watchdog",  "contract", "then",
                                       "comment",        "$schema", "reset_pin", "installs", NULL};
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
    struct json installs = json_get(root, "installs");
    spec->installs_given = json_present(installs);
    if (spec->installs_given && json_bool(installs, &spec->installs, loader->error))
        return -1;
    struct json covers = json_get(root, "covers");
    if (json_present(covers) && json_array(covers, loader->error))
        return -1;
    for (size_t i = 0; i < json_count(covers); i++)
        if (json_string(json_at(covers, i), &text, loader->error))
            return -1;
    static const char *const words[] = {"description", "$schema", NULL};
    for (size_t i = 0; words[i]; i++)
        if (json_present(json_get(root, words[i])) &&
            json_string(json_get(root, words[i]), &text, loader->error))
            return -1;
    struct json title = json_get(root, "title"), regions = json_get(root, "regions");
    if (json_present(title) && json_string(title, &text, loader->error))
        return -1;
    spec->title = mem_string(json_present(title) ? text : spec->name);
    spec->reset_pin = -1;
    if (spec_parse_board(loader, board) || spec_take_reset_pin(loader, json_get(root, "reset_pin")))
        return -1;
    if (spec_parse_images(loader, json_get(root, "images")))
        return -1; /* before the regions, which may name their symbols */
    if (json_present(regions) && (json_object(regions, loader->error) || spec_parse_spans(loader, regions)))
        return -1;
    return spec_parse_prepare(loader, json_get(root, "prepare"), &spec->prepare) ||
                   spec_parse_end(loader, json_get(root, "end")) ||
                   spec_parse_cuts(loader, json_get(root, "cuts")) ||
                   spec_parse_input(loader, json_get(root, "input"), &spec->input) ||
                   spec_parse_watchdog(loader, json_get(root, "watchdog")) || spec_parse_phases(loader, root)
               ? -1
               : 0;
}

static void name_text(struct spec *spec, struct json root, struct json board)
{
    char *first = cJSON_PrintUnformatted(root.node), *second = cJSON_PrintUnformatted(board.node);
    char *text = mem_printf("%s\n%s", first, second);
    explore_sha256(text, strlen(text), spec->sha256);
    free(text);
    cJSON_free(first);
    cJSON_free(second);
}

int spec_parse(struct spec *spec, const struct json_document *scenario, const struct json_document *board,
               const struct spec_folders *folders, struct error *error)
{
    struct spec_loader loader = {.spec = spec, .folders = folders, .error = error};
    *spec = (struct spec){.path = mem_string(scenario->name)};
    if (parse(&loader, json_root(scenario), json_root(board)) == 0) {
        name_text(spec, json_root(scenario), json_root(board));
        return 0;
    }
    spec_release(spec);
    return -1;
}

int spec_load(struct spec *spec, const char *scenario, const char *board, const struct spec_folders *folders,
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
    struct spec_folders all = {folders->firmware, folder, folders->standard};
    int result = spec_parse(spec, &text, &plan, &all, error);
    free(folder);
    json_close(&plan);
    json_close(&text);
    return result;
}

static void release_prepare(struct prepare_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].bytes);
        input_release(list->items[i].input);
        free(list->items[i].input);
    }
    free(list->items);
}

static void release_clause(struct clause *clause)
{
    for (size_t i = 0; i < clause->part_count; i++)
        release_clause(&clause->parts[i]);
    free(clause->parts);
    free(clause->text);
    pattern_free(clause->pattern);
}

static void release_phase(struct phase *phase)
{
    free(phase->comment);
    release_prepare(&phase->prepare);
    input_release(phase->input);
    free(phase->input);
    for (size_t i = 0; i < phase->clause_count; i++)
        release_clause(&phase->clauses[i]);
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
    input_release(&spec->input);
    pattern_free(spec->end_pattern);
    pattern_free(spec->cut_from);
    free(spec->regions);
    free(spec->images);
    free(spec->exec);
    free(spec->trailers);
    free(spec->rot);
    free(spec->name);
    free(spec->title);
    free(spec->board);
    free(spec->chip);
    free(spec->path);
    *spec = (struct spec){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/spec_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

static int take_class(struct spec_loader *loader, struct json at, const char *standard, struct clause *clause)
{
    struct json given = json_get(at, "class");
    int index = 0;
    clause->fail_class = standard;
    if (!json_present(given))
        return 0;
    if (json_choice(given, explore_class_names + 1, &index, loader->error))
        return -1;
    clause->fail_class = explore_class_names[index + 1];
    clause->class_given = true;
    if (!strcmp(clause->fail_class, EXPLORE_NOT_JUDGED))
        return json_expected(given, loader->error, "a class of failure");
    return 0;
}

static int take_images(struct spec_loader *loader, struct json at, struct clause *clause)
{
    if (at.node && cJSON_IsString(at.node)) {
        clause->image_count = 1;
        return spec_take_image(loader, at, &clause->images[0]);
    }
    if (json_array(at, loader->error))
        return -1;
    if (!json_count(at) || json_count(at) > CLAUSE_IMAGES_MAX)
        return json_expected(at, loader->error, "1 to %d images", CLAUSE_IMAGES_MAX);
    for (size_t i = 0; i < json_count(at); i++)
        if (spec_take_image(loader, json_at(at, i), &clause->images[clause->image_count++]))
            return -1;
    return 0;
}

static int check_images_fit(struct spec_loader *loader, struct json at, const struct clause *clause)
{
    for (size_t i = 0; i < clause->image_count; i++) {
        const struct explore_image *image = &loader->spec->images[clause->images[i]];
        const struct spec_region *region =
            clause->kind == CLAUSE_SWAPPED && i % 2 ? &clause->other : &clause->region;
        struct json which = at.node && cJSON_IsArray(at.node) ? json_at(at, i) : at;
        if (image->segment_count != 1)
            return json_expected(which, loader->error, "an image in one piece, not in %zu",
                                 image->segment_count);
        if (image->segments[0].len > region->len)
            return json_expected(which, loader->error, "an image of at most %u bytes, as '%s' has, not %u",
                                 region->len, region->name, image->segments[0].len);
    }
    return 0;
}

static int clause_executes(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_EXECUTES;
    if (spec_take_region(loader, json_get(at, "executes"), &clause->region))
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

static int clause_seen(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_SEEN;
    if (spec_take_pattern(loader, json_get(at, "seen"), &clause->pattern))
        return -1;
    clause->text = mem_printf("console shows /%s/", json_get(at, "seen").node->valuestring);
    return take_class(loader, at, "bricked", clause);
}

static int clause_never(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_NEVER;
    if (spec_take_pattern(loader, json_get(at, "never"), &clause->pattern))
        return -1;
    clause->text = mem_printf("console never shows /%s/", json_get(at, "never").node->valuestring);
    return take_class(loader, at, "contract", clause);
}

static int clause_word(struct spec_loader *loader, struct json at, struct clause *clause)
{
    int64_t value, mask = UINT32_MAX;
    clause->kind = CLAUSE_WORD;
    if (spec_take_address(loader, json_get(at, "word"), &clause->region.address) ||
        json_word(json_get(at, "value"), 0, UINT32_MAX, &value, loader->error))
        return -1;
    if (json_present(json_get(at, "mask")) &&
        json_word(json_get(at, "mask"), 0, UINT32_MAX, &mask, loader->error))
        return -1;
    if (value & ~mask)
        return json_expected(json_get(at, "value"), loader->error,
                             "no bits outside of the mask 0x%08x: no word is so", (uint32_t)mask);
    if (spec_check_aligned(loader, json_get(at, "word"), clause->region.address))
        return -1;
    clause->region.len = 4;
    clause->value = (uint32_t)value;
    clause->mask = (uint32_t)mask;
    clause->text = mem_printf("word at 0x%08x is 0x%08x", clause->region.address, clause->value);
    return spec_check_fits(loader, json_get(at, "word"), clause->region.address, 4) ||
                   take_class(loader, at, "contract", clause)
               ? -1
               : 0;
}

static int clause_equals(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_EQUALS;
    struct json images = json_get(at, "images");
    if (spec_take_nvm_region(loader, json_get(at, "equals"), &clause->region) ||
        take_images(loader, images, clause) || check_images_fit(loader, images, clause))
        return -1;
    char names[200] = "";
    for (size_t i = 0; i < clause->image_count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? " or " : "",
                 loader->spec->images[clause->images[i]].name);
    clause->text = mem_printf("%s holds %s", clause->region.name, names);
    return take_class(loader, at, "corrupt-image", clause);
}

static int clause_swapped(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_SWAPPED;
    struct json pair = json_get(at, "swapped"), images = json_get(at, "images");
    if (json_array(pair, loader->error) || spec_take_nvm_region(loader, json_at(pair, 0), &clause->region) ||
        spec_take_nvm_region(loader, json_at(pair, 1), &clause->other) || take_images(loader, images, clause))
        return -1;
    if (clause->image_count != 2)
        return json_expected(images, loader->error, "two images");
    clause->text = mem_printf("%s and %s hold %s and %s, in either order", clause->region.name,
                              clause->other.name, loader->spec->images[clause->images[0]].name,
                              loader->spec->images[clause->images[1]].name);
    return check_images_fit(loader, images, clause) || take_class(loader, at, "corrupt-image", clause) ? -1
                                                                                                       : 0;
}

static int clause_stable(struct spec_loader *loader, struct json at, struct clause *clause)
{
    clause->kind = CLAUSE_STABLE;
    int64_t boots;
    if (json_integer(json_get(at, "stable"), 1, 1000, &boots, loader->error))
        return -1;
    clause->boots = (unsigned)boots;
    clause->text = mem_printf("stays as it is for %u more boots", clause->boots);
    return take_class(loader, at, "not-converging", clause);
}

static int clause_one_of(struct spec_loader *loader, struct json at, struct clause *clause);

static int parse_clause(struct spec_loader *loader, struct json at, struct clause *clause)
{
    static const struct {
        const char *key;
        int (*parse)(struct spec_loader *, struct json, struct clause *);
        const char *keys[8];
    } table[] = {
        {"executes", clause_executes, {"executes", "class", "comment", NULL}},
        {"seen", clause_seen, {"seen", "class", "comment", NULL}},
        {"never", clause_never, {"never", "class", "comment", NULL}},
        {"word", clause_word, {"word", "value", "mask", "class", "comment", NULL}},
        {"equals", clause_equals, {"equals", "images", "class", "comment", NULL}},
        {"swapped", clause_swapped, {"swapped", "images", "class", "comment", NULL}},
        {"stable", clause_stable, {"stable", "class", "comment", NULL}},
        {"one_of", clause_one_of, {"one_of", "class", "comment", NULL}},
    };
    if (json_object(at, loader->error))
        return -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (json_present(json_get(at, table[i].key)))
            return json_check_keys(at, table[i].keys, loader->error) || table[i].parse(loader, at, clause)
                       ? -1
                       : 0;
    return json_expected(at, loader->error,
                         "one of executes, seen, never, word, equals, swapped, stable, one_of");
}

/* Alternatives; each is a list of clauses that hold together. */
static int take_alternative(struct spec_loader *loader, struct json at, struct clause *clause,
                            unsigned number)
{
    if (json_array(at, loader->error))
        return -1;
    if (!json_count(at) || json_count(at) > 16)
        return json_expected(at, loader->error, "1 to 16 clauses that hold together");
    for (size_t i = 0; i < json_count(at); i++) {
        clause->parts = mem_resize(clause->parts, clause->part_count + 1, sizeof *clause->parts);
        struct clause *part = &clause->parts[clause->part_count++];
        *part = (struct clause){.alternative = number};
        if (parse_clause(loader, json_at(at, i), part))
            return -1;
        bool text = part->kind == CLAUSE_SEEN || part->kind == CLAUSE_NEVER;
        if (part->kind == CLAUSE_ONE_OF || part->kind == CLAUSE_STABLE)
            return json_expected(json_at(at, i), loader->error, "no stable and no one_of among alternatives");
        if (text && !loader->later_phase)
            return json_expected(
                json_at(at, i), loader->error,
                "what is seen in a phase of \"then\": alternatives of the explored power cycle "
                "are told apart by executes, word, equals, swapped");
    }
    return 0;
}

static int clause_one_of(struct spec_loader *loader, struct json at, struct clause *clause)
{
    struct json list = json_get(at, "one_of");
    clause->kind = CLAUSE_ONE_OF;
    clause->text = mem_string("");
    if (json_array(list, loader->error))
        return -1;
    if (json_count(list) < 2 || json_count(list) > 8)
        return json_expected(list, loader->error, "2 to 8 alternatives, each a list of clauses");
    for (size_t i = 0; i < json_count(list); i++)
        if (take_alternative(loader, json_at(list, i), clause, (unsigned)i))
            return -1;
    for (size_t i = 0; i < clause->part_count; i++) {
        bool new = i && clause->parts[i].alternative != clause->parts[i - 1].alternative;
        char *text = mem_printf("%s%s%s", clause->text,
                                !i    ? ""
                                : new ? "; or "
                                      : " and ",
                                clause->parts[i].text);
        free(clause->text);
        clause->text = text;
    }
    return take_class(loader, at, "contract", clause);
}

/* What a phase that boots nothing cannot look at. */
static int check_looks(struct spec_loader *loader, struct json at, const struct phase *phase)
{
    for (size_t i = 0; i < phase->clause_count; i++) {
        enum clause_kind kind = phase->clauses[i].kind;
        if (kind == CLAUSE_EXECUTES || kind == CLAUSE_SEEN || kind == CLAUSE_NEVER)
            return json_expected(json_at(at, i), loader->error,
                                 "\"boots\" of at least 1 in a phase that looks at a boot");
    }
    return 0;
}

/* Nothing else may say it: a boot that locks up or goes round for ever can leave flash just as it should be.
 */
static void add_settles(struct phase *phase)
{
    phase->clauses[phase->clause_count++] = (struct clause){
        .kind = CLAUSE_SETTLES, .text = mem_string("each boot comes to an end"), .fail_class = "bricked"};
}

static int parse_contract(struct spec_loader *loader, struct json at, struct phase *phase)
{
    if (json_array(at, loader->error))
        return -1;
    if (!json_count(at) || json_count(at) > 60)
        return json_expected(at, loader->error, "1 to 60 clauses");
    phase->clauses = mem_array(json_count(at) + 1, sizeof *phase->clauses);
    for (size_t i = 0; i < json_count(at); i++) {
        phase->clause_count++;
        if (parse_clause(loader, json_at(at, i), &phase->clauses[i]))
            return -1;
    }
    if (spec_check_contrary(loader, at, phase))
        return -1;
    if (!phase->boots)
        return check_looks(loader, at, phase);
    add_settles(phase);
    return 0;
}

int spec_parse_phases(struct spec_loader *loader, struct json root)
{
    static const char *const keys[] = {"prepare", "boots", "input", "contract", "comment", NULL};
    struct json then = json_get(root, "then");
    struct spec *spec = loader->spec;
    if (json_present(then) && json_array(then, loader->error))
        return -1;
    if (json_count(then) > 16)
        return json_expected(then, loader->error, "at most 16 phases");
    spec->phases = mem_array(1 + json_count(then), sizeof *spec->phases);
    spec->phase_count = 1;
    spec->phases[0].boots = 1; /* the explored one */
    loader->later_phase = false;
    if (parse_contract(loader, json_get(root, "contract"), &spec->phases[0]))
        return -1;
    loader->later_phase = true;
    for (size_t i = 0; i < json_count(then); i++) {
        struct json at = json_at(then, i);
        struct phase *phase = &spec->phases[spec->phase_count++];
        if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
            spec_parse_prepare(loader, json_get(at, "prepare"), &phase->prepare) ||
            spec_take_count(loader, at, "boots", 1, &phase->boots) ||
            spec_take_input(loader, at, &phase->input) ||
            parse_contract(loader, json_get(at, "contract"), phase))
            return -1;
        struct json comment = json_get(at, "comment");
        if (json_present(comment) && cJSON_IsString(comment.node))
            phase->comment = mem_string(comment.node->valuestring);
    }
    return 0;
}

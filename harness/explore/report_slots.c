/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot without a cut did to each slot and to each region that the contract asks about: an update
 * that installs nothing proves nothing. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/report.h"

static bool is_asked(const struct spec *spec, const struct spec_region *region)
{
    for (size_t p = 0; p < spec->phase_count; p++)
        for (size_t c = 0; c < spec->phases[p].clause_count; c++) {
            const struct clause *clause = &spec->phases[p].clauses[c];
            for (size_t k = 0; k < clause->part_count; k++)
                if (clause->parts[k].kind == CLAUSE_EQUALS &&
                    clause->parts[k].region.address == region->address &&
                    clause->parts[k].region.len == region->len)
                    return true;
            bool content = clause->kind == CLAUSE_EQUALS || clause->kind == CLAUSE_SWAPPED;
            bool first = clause->region.address == region->address && clause->region.len == region->len;
            bool other = clause->kind == CLAUSE_SWAPPED && clause->other.address == region->address &&
                         clause->other.len == region->len;
            if (content && (first || other))
                return true;
        }
    return false;
}

static bool seen_before(const struct spec *spec, size_t number)
{
    const struct spec_region *region = &spec->regions[number];
    for (size_t i = 0; i < number; i++)
        if (spec->regions[i].address == region->address && spec->regions[i].len == region->len)
            return true;
    return false;
}

/* What lies at its begin: the longest image that does. */
static const char *content(const struct spec *spec, const uint8_t *nvm, const struct spec_region *region)
{
    const uint8_t *at = nvm + machine_offset(spec, region->address);
    const struct explore_image *best = NULL;
    for (size_t i = 0; i < spec->image_count; i++) {
        const struct explore_segment *part = &spec->images[i].segments[0];
        if (spec->images[i].segment_count == 1 && part->len <= region->len &&
            memcmp(at, part->data, part->len) == 0 && (!best || part->len > best->segments[0].len))
            best = &spec->images[i];
    }
    if (best)
        return best->name;
    for (uint32_t i = 0; i < region->len; i++)
        if (at[i] != 0xff)
            return "something else";
    return "nothing";
}

static bool make(const struct search *search, size_t number, struct report_slot *slot)
{
    const struct spec *spec = search->spec;
    const struct spec_region *region = &spec->regions[number];
    size_t left, at = spec_offset(spec, region->address, &left);
    bool is_slot = !strncmp(region->name, "slot", 4);
    if (at == SIZE_MAX || region->len > left || (!is_slot && !is_asked(spec, region)) ||
        seen_before(spec, number))
        return false;
    *slot = (struct report_slot){.region = region,
                                 .before = content(spec, search->root, region),
                                 .after = content(spec, search->root_after, region)};
    for (uint32_t i = 0; i < region->len; i++)
        slot->changed += search->root[at + i] != search->root_after[at + i];
    return true;
}

bool explore_report_slot(const struct search *search, size_t *number, struct report_slot *slot)
{
    while (*number < search->spec->region_count)
        if (make(search, (*number)++, slot))
            return true;
    return false;
}

/* The contract takes more than one image there for right: old or new. */
static bool is_update(const struct clause *clause)
{
    return (clause->kind == CLAUSE_EQUALS && clause->image_count > 1) || clause->kind == CLAUSE_SWAPPED;
}

static bool unchanged(const struct search *search, const struct spec_region *region)
{
    size_t at = machine_offset(search->spec, region->address);
    return memcmp(search->root + at, search->root_after + at, region->len) == 0;
}

/* False: something was written there. */
static bool look_at(const struct search *search, const struct clause *clause, const char **idle)
{
    *idle = clause->region.name;
    return unchanged(search, &clause->region);
}

const char *explore_report_idle_region(const struct search *search)
{
    const struct spec *spec = search->spec;
    const char *idle = NULL;
    if (spec->installs_given && !spec->installs)
        return NULL;
    for (size_t i = 0; i < spec->phases[0].clause_count; i++) {
        const struct clause *clause = &spec->phases[0].clauses[i];
        for (size_t k = 0; k < clause->part_count; k++)
            if (clause->parts[k].kind == CLAUSE_EQUALS && !look_at(search, &clause->parts[k], &idle))
                return NULL;
        if (is_update(clause) && !look_at(search, clause, &idle))
            return NULL;
    }
    if (!idle && spec->installs)
        for (size_t i = 0; i < spec->region_count; i++) {
            struct report_slot slot;
            if (make(search, i, &slot) && slot.changed)
                return NULL;
            idle = "any slot";
        }
    return idle;
}

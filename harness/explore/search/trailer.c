/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages hold flags, so that the reduced alphabet tries every operation there. */
#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"
#include "harness/explore/soundness.h"

#define UNIT_MAX                                                                                             \
    0x1000u /* of large sectors, which hold images and flags: as much as is taken for one page               \
             */

/* The page that holds this byte of nvm, or the part of a larger one: *begin and length in nvm. */
static size_t unit_of(const struct spec *spec, size_t offset, size_t *begin)
{
    uint32_t at = 0, page = twin_nvm_page(spec->chip, spec_address(spec, offset), &at);
    page = !page || page > UNIT_MAX ? UNIT_MAX : page < 1u << TRAILER_SHIFT ? 1u << TRAILER_SHIFT : page;
    *begin = offset / page * page;
    return page;
}

static void mark(const struct spec *spec, uint8_t *trailer, size_t begin, size_t len, uint8_t what)
{
    for (size_t at = begin; at < begin + len && at < spec->nvm_size; at += 1u << TRAILER_SHIFT)
        trailer[at >> TRAILER_SHIFT] = what;
}

static void take_given(const struct spec *spec, uint8_t *trailer)
{
    for (size_t i = 0; i < spec->trailer_count; i++) {
        size_t offset = machine_offset(spec, spec->trailers[i].address), end = offset + spec->trailers[i].len;
        for (size_t begin, len; offset < end; offset = begin + len) {
            len = unit_of(spec, offset, &begin);
            mark(spec, trailer, begin, len, 1);
        }
    }
}

/* Pages that are come back to again and again for few operations each: flags, not data. */
static void find(const struct spec *spec, const struct op *ops, size_t op_count, uint8_t *trailer)
{
    size_t units = (spec->nvm_size >> TRAILER_SHIFT) + 1, last = SIZE_MAX, begin;
    uint32_t *visits = mem_array(units, sizeof *visits), *writes = mem_array(units, sizeof *writes);
    for (size_t i = 0; i < op_count; i++) {
        if (ops[i].kind != TWIN_NVM_WRITE)
            continue;
        unit_of(spec, machine_offset(spec, ops[i].address), &begin);
        size_t unit = begin >> TRAILER_SHIFT;
        visits[unit] += unit != last;
        writes[unit]++;
        last = unit;
    }
    for (size_t i = 0; i < units; i++)
        if (writes[i] && writes[i] <= 16 * visits[i])
            mark(spec, trailer, i << TRAILER_SHIFT, unit_of(spec, i << TRAILER_SHIFT, &begin), 1);
    free(visits);
    free(writes);
}

bool search_next_trailer(const struct search *search, struct spec_region *region, size_t *from)
{
    const struct spec *spec = search->spec;
    size_t units = (spec->nvm_size >> TRAILER_SHIFT) + 1, at = *from >> TRAILER_SHIFT;
    while (at < units && !search->trailer[at])
        at++;
    if (at == units)
        return false;
    size_t begin = at << TRAILER_SHIFT, left, end = at;
    region->address = spec_address(spec, begin);
    spec_offset(spec, region->address, &left);
    while (end < units && search->trailer[end] && (end << TRAILER_SHIFT) < begin + left)
        end++;
    size_t len = (end << TRAILER_SHIFT) - begin;
    region->len = (uint32_t)(len < left ? len : left);
    *from = end << TRAILER_SHIFT;
    const struct spec_region *named = spec_region_of(spec, region->address);
    region->name = named ? named->name : NULL;
    return true;
}

void search_find_trailers(struct search *search, const struct op *ops, size_t op_count)
{
    if (search->spec->trailers_given)
        take_given(search->spec, search->trailer);
    else
        find(search->spec, ops, op_count, search->trailer);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is well-formed, and yet cannot be meant. */
#include "harness/explore/spec/spec_loader.h"

#include <string.h>

/* ---- images for another core ---- */

int spec_check_arch(struct spec_loader *loader, const struct explore_image *image)
{
    /* Tag_CPU_arch of the ARM ABI addenda (2023Q3, 3.3.5.2): 10 ARMv7, 11 ARMv6-M, 12 ARMv6S-M, 13 ARMv7E-M,
     * then v8
     */
    struct twin_core core;
    bool thumb2 = image->cpu_arch == 8 || image->cpu_arch == 10 || image->cpu_arch == 13;
    if (image->cpu_arch < 0 || !twin_chip_core(loader->spec->chip, &core))
        return 0;
    if (image->cpu_arch < 14 && !(thumb2 && core.v6m))
        return 0;
    return error_set(loader->error, ERROR_INPUT,
                     "%s: expected code for the %s of the %s, found code for %s (Tag_CPU_arch %d)",
                     image->path, core.v6m ? "Cortex-M0" : "Cortex-M4", loader->spec->chip,
                     image->cpu_arch == 13   ? "a Cortex-M4 or M7"
                     : image->cpu_arch == 10 ? "a Cortex-M3"
                     : image->cpu_arch == 16 ? "a Cortex-M23"
                     : image->cpu_arch == 17 ? "a Cortex-M33"
                                             : "another core",
                     image->cpu_arch);
}

/* ---- images on top of each other ---- */

static uint32_t begin_of(const struct prepare *prepare, const struct explore_segment *segment,
                         const struct spec *spec)
{
    return spec->images[prepare->image].raw ? prepare->address : segment->address;
}

/* The first address that both write. */
static bool overlap(const struct spec *spec, const struct prepare *a, const struct prepare *b,
                    uint32_t *where)
{
    const struct explore_image *x = &spec->images[a->image], *y = &spec->images[b->image];
    for (size_t i = 0; i < x->segment_count; i++)
        for (size_t j = 0; j < y->segment_count; j++) {
            uint32_t p = begin_of(a, &x->segments[i], spec), q = begin_of(b, &y->segments[j], spec);
            *where = p > q ? p : q;
            if (*where - p < x->segments[i].len && *where - q < y->segments[j].len)
                return true;
        }
    return false;
}

int spec_check_overlap(struct spec_loader *loader, struct json at, const struct prepare_list *list)
{
    const struct spec *spec = loader->spec;
    const struct prepare *last = &list->items[list->count - 1];
    struct json replace = json_get(at, "replace"), where = json_get(at, "at");
    bool meant = false;
    uint32_t address;
    if (json_present(replace) && json_bool(replace, &meant, loader->error))
        return -1;
    for (size_t i = list->count - 1; !meant && i-- > 0 && list->items[i].kind != PREPARE_BOOTS;)
        if (list->items[i].kind == PREPARE_IMAGE && overlap(spec, &list->items[i], last, &address))
            return json_expected(
                json_present(where) ? where : json_get(at, "image"), loader->error,
                "a place of its own or \"replace\": true, as '%s' lies there, too (at 0x%08x)",
                spec->images[list->items[i].image].name, address);
    return 0;
}

int spec_check_aligned(struct spec_loader *loader, struct json at, uint32_t address)
{
    return address & 3 ? json_expected(at, loader->error, "a multiple of 4, not 0x%08x", address) : 0;
}

/* ---- clauses that no boot can fulfil together ---- */

/* One is to be seen, the other one never. */
static bool contrary_text(struct json seen, struct json never)
{
    return json_present(seen) && json_present(never) &&
           !strcmp(seen.node->valuestring, never.node->valuestring);
}

static bool contrary_word(const struct clause *a, const struct clause *b)
{
    return a->kind == CLAUSE_WORD && b->kind == CLAUSE_WORD && a->region.address == b->region.address &&
           (a->mask & b->mask & (a->value ^ b->value));
}

static int check_pair(struct spec_loader *loader, struct json list, size_t k, size_t i,
                      const struct phase *phase)
{
    struct json a = json_at(list, k), b = json_at(list, i);
    if (contrary_text(json_get(a, "seen"), json_get(b, "never")))
        return json_expected(json_get(b, "never"), loader->error,
                             "another pattern than clause %zu asks to be seen", k);
    if (contrary_text(json_get(b, "seen"), json_get(a, "never")))
        return json_expected(json_get(b, "seen"), loader->error, "another pattern than clause %zu forbids",
                             k);
    if (contrary_word(&phase->clauses[k], &phase->clauses[i]))
        return json_expected(json_get(b, "value"), loader->error,
                             "what clause %zu says of the word at 0x%08x, 0x%08x in the bits of its mask", k,
                             phase->clauses[k].region.address, phase->clauses[k].value);
    return 0;
}

int spec_check_contrary(struct spec_loader *loader, struct json at, const struct phase *phase)
{
    for (size_t i = 1; i < phase->clause_count; i++)
        for (size_t k = 0; k < i; k++)
            if (check_pair(loader, at, k, i, phase))
                return -1;
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of a scenario in parts: what spec.c, spec_take.c (regions, patterns, numbers, images),
 * spec_prepare.c, spec_boot.c (end, cuts, input, watchdog), spec_contract.c and spec_check.c share. Every
 * function returns 0, or -1 with the error of the loader set; what it has taken belongs to the spec, which
 * spec_release frees.
 */
#ifndef OTARIG_EXPLORE_SPEC_SPEC_LOADER_H
#define OTARIG_EXPLORE_SPEC_SPEC_LOADER_H

#include "harness/explore/spec/spec.h"

struct spec_loader {
    struct spec *spec;
    const struct spec_folders *folders;
    struct error *error;
    bool later_phase; /* the contract being parsed is one of "then" */
};

int spec_parse_board(struct spec_loader *loader, struct json board);
int spec_parse_spans(struct spec_loader *loader, struct json at); /* {NAME: {"address", "size"}} */
int spec_parse_images(struct spec_loader *loader, struct json at);
int spec_parse_prepare(struct spec_loader *loader, struct json at, struct prepare_list *list);
int spec_parse_end(struct spec_loader *loader, struct json at);
int spec_parse_cuts(struct spec_loader *loader, struct json at);
int spec_parse_input(struct spec_loader *loader, struct json at, struct input *input);
int spec_parse_watchdog(struct spec_loader *loader, struct json at);
int spec_parse_phases(struct spec_loader *loader, struct json root); /* "contract" and "then" */

/* spec_check.c */
int spec_check_arch(struct spec_loader *loader, const struct explore_image *image); /* code for this chip? */
/* The last item of the list, an image, lies on none of those since the last boots (or says that it is meant).
 */
int spec_check_overlap(struct spec_loader *loader, struct json at, const struct prepare_list *list);
int spec_check_aligned(struct spec_loader *loader, struct json at, uint32_t address); /* to words */
/* No two clauses of this phase contradict each other. */
int spec_check_contrary(struct spec_loader *loader, struct json at, const struct phase *phase);

/* A region's name, or {"address", "size"}; the name is borrowed from the spec. */
int spec_take_region(struct spec_loader *loader, struct json at, struct spec_region *out);
/* The same, inside of non-volatile memory. */
int spec_take_nvm_region(struct spec_loader *loader, struct json at, struct spec_region *out);
int spec_take_image(struct spec_loader *loader, struct json at, size_t *out);
/* A number, or the name of the region that begins there. */
int spec_take_address(struct spec_loader *loader, struct json at, uint32_t *out);
int spec_take_pattern(struct spec_loader *loader, struct json at, void **out); /* harness/base/pattern.h */
int spec_take_hex(struct spec_loader *loader, struct json at, uint8_t **out, size_t *len);
/* Are these bytes inside of one region of non-volatile memory? */
int spec_check_fits(struct spec_loader *loader, struct json at, uint32_t address, size_t len);
/* spec_macro.c: an item of a prepare list that stands for several, which are appended. */
int spec_take_mcuboot(struct spec_loader *loader, struct json item, struct prepare_list *list);
int spec_take_otadata(struct spec_loader *loader, struct json item, struct prepare_list *list);
/* "IMAGE:SYMBOL" of an ELF image, plus an offset perhaps: "boot:main+0x10". *len: of the symbol, 0 unknown.
 */
bool spec_is_symbol(struct json at);
int spec_take_symbol(struct spec_loader *loader, struct json at, uint32_t *address, uint32_t *len);
/* Members of an object that may be absent. */
int spec_take_ns(struct spec_loader *loader, struct json object, const char *key, int64_t standard_ms,
                 uint64_t *out);
int spec_take_count(struct spec_loader *loader, struct json object, const char *key, int64_t standard,
                    unsigned *out);
/* A pin, or "blank". */
int spec_take_reset_pin(struct spec_loader *loader, struct json at);
int spec_take_input(struct spec_loader *loader, struct json object, struct input **out); /* "input" */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code addresses to functions and lines, from the ELF files of a scenario (DWARF, else the symbol table). */
#ifndef OTARIG_EXPLORE_SPEC_SYMBOLS_H
#define OTARIG_EXPLORE_SPEC_SYMBOLS_H

#include <stdint.h>

#include "harness/explore/spec/spec.h"

struct symbols_source {
    char function[64]; /* "" when unknown */
    char file[96];     /* the last two parts of its path */
    int line;          /* 0: unknown */
};
#define PLACE_INLINED_MAX 6
struct place {
    uint32_t pc;              /* 0: unknown */
    struct symbols_source in; /* the function that exists as code, and the line of its own at which it is */
    /* the functions that the compiler put into it there, each called by the one before; the last one has the
     * instruction. More than fit: the outer ones are left out. */
    struct symbols_source inlined[PLACE_INLINED_MAX];
    unsigned inlined_count;
};
struct symbols;

/* Address (without the Thumb bit) and length of a function or object of an ELF file; false: it has none of
 * that name. */
bool symbols_address(const char *path, const char *name, uint32_t *address, uint32_t *len);
struct symbols *symbols_open(const struct spec *spec);
void symbols_close(struct symbols *symbols);
void symbols_find(const struct symbols *symbols, uint32_t pc, struct place *place);
/* The caller of the innermost function, from registers r0-r15 and the stack, by call frame information.
 * `read` gives one word of memory. False: not known. */
bool symbols_caller(const struct symbols *symbols, const uint32_t registers[16],
                    bool (*read)(void *arg, uint32_t address, uint32_t *word), void *arg, uint32_t *pc);

/* Without call frame information: functions that are under way, innermost first, by what looks like return
 * addresses (odd, right behind a BL or BLX, in a function of an image) in LR and on the stack; a stale one
 * may be among them. `pc` is that of the innermost function, which is not listed. */
#define SYMBOLS_CHAIN_MAX 6
unsigned symbols_chain(const struct symbols *symbols, const uint32_t registers[16],
                       bool (*read)(void *arg, uint32_t address, uint32_t *word), void *arg,
                       struct symbols_source chain[SYMBOLS_CHAIN_MAX]);

#endif

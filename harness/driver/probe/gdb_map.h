/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map of a GDB server (GDB manual, "Memory Map Format"): where flash is, and how it is erased. */
#ifndef OTARIG_DRIVER_PROBE_GDB_MAP_H
#define OTARIG_DRIVER_PROBE_GDB_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_REGIONS_MAX 128

struct gdb_region {
    uint64_t start, len;
    uint64_t block; /* flash: what is erased at a time; 0: RAM, or memory that is written as it is */
    bool rom;
};
struct gdb_map {
    size_t count;
    struct gdb_region regions[GDB_REGIONS_MAX]; /* by address, none overlaps another */
};

/* -1: no memory map, or one that cannot be used; *why (static) says what is wrong. No entity is expanded and
 * nothing is loaded. */
int gdb_map_parse(const char *xml, size_t len, struct gdb_map *map, const char **why);
/* The region that holds `address`; NULL: none. */
const struct gdb_region *gdb_map_find(const struct gdb_map *map, uint64_t address);
/* Whole blocks around [*start, *start + *len) of a flash region, not beyond it. */
void gdb_region_align(const struct gdb_region *region, uint64_t *start, uint64_t *len);

#endif

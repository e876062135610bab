/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table from a 128-bit digest to a number. Grows, never forgets. Not safe for concurrent change; any
 * number of threads may look up while nobody puts. */
#ifndef OTARIG_EXPLORE_ENGINE_TABLE_H
#define OTARIG_EXPLORE_ENGINE_TABLE_H

#include "harness/explore/engine/sum.h"

#define TABLE_NONE UINT32_MAX

struct table_entry {
    struct sum key;
    uint32_t value; /* TABLE_NONE: free */
};
struct table {
    struct table_entry *entries;
    size_t count, room;
};

uint32_t table_find(const struct table *table, struct sum key); /* TABLE_NONE: absent */
/* False: the key was there already and keeps its value. */
bool table_put(struct table *table, struct sum key, uint32_t value);
void table_clear(struct table *table); /* keeps the memory */
void table_free(struct table *table);
size_t table_bytes(const struct table *table);

#endif

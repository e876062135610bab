/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/table.h"

#include <stdlib.h>

#include "harness/base/mem.h"

static struct table_entry *slot(const struct table *table, struct sum key)
{
    size_t mask = table->room - 1;
    for (size_t at = key.low & mask;; at = (at + 1) & mask) {
        struct table_entry *entry = &table->entries[at];
        if (entry->value == TABLE_NONE || sum_equal(entry->key, key))
            return entry;
    }
}

uint32_t table_find(const struct table *table, struct sum key)
{
    return table->count ? slot(table, key)->value : TABLE_NONE;
}

static void empty(struct table *table)
{
    for (size_t i = 0; i < table->room; i++)
        table->entries[i].value = TABLE_NONE;
    table->count = 0;
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->room = old.room ? old.room * 2 : 256;
    table->entries = mem_array(table->room, sizeof *table->entries);
    empty(table);
    for (size_t i = 0; i < old.room; i++)
        if (old.entries[i].value != TABLE_NONE)
            table_put(table, old.entries[i].key, old.entries[i].value);
    free(old.entries);
}

bool table_put(struct table *table, struct sum key, uint32_t value)
{
    if (table->count * 3 >= table->room * 2)
        grow(table);
    struct table_entry *entry = slot(table, key);
    if (entry->value != TABLE_NONE)
        return false;
    *entry = (struct table_entry){key, value};
    table->count++;
    return true;
}

void table_clear(struct table *table)
{
    if (table->count)
        empty(table);
}

void table_free(struct table *table)
{
    free(table->entries);
    *table = (struct table){0};
}

size_t table_bytes(const struct table *table)
{
    return table->room * sizeof *table->entries;
}

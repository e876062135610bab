/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

/* Parts that touch it become one with it. */
static void add(struct fetch *fetch, struct fetch_part part)
{
    size_t kept = 0;
    if (part.to <= part.from)
        return;
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_part other = fetch->parts[i];
        if (other.to < part.from || other.from > part.to) {
            fetch->parts[kept++] = other;
            continue;
        }
        part.from = other.from < part.from ? other.from : part.from;
        part.to = other.to > part.to ? other.to : part.to;
    }
    fetch->parts = mem_resize(fetch->parts, kept + 1, sizeof *fetch->parts);
    fetch->parts[kept] = part;
    fetch->count = kept + 1;
}

bool fetch_add(struct fetch *fetch, const char *name, int64_t size, int64_t from, int64_t len, bool whole)
{
    const struct fetch_part part = {from, from + len};
    if (strcmp(fetch->name, name) || fetch->size != size) {
        fetch_release(fetch);
        snprintf(fetch->name, sizeof fetch->name, "%s", name);
        fetch->size = size;
    }
    add(fetch, (struct fetch_part){fetch->loose.from, fetch->loose.to < from ? fetch->loose.to : from});
    fetch->loose = whole ? (struct fetch_part){0} : part;
    if (whole)
        add(fetch, part);
    return whole && fetch->count == 1 && !fetch->parts[0].from && fetch->parts[0].to >= size;
}

void fetch_release(struct fetch *fetch)
{
    free(fetch->parts);
    *fetch = (struct fetch){0};
}

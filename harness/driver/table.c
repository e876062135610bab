/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/table.h"

#include <string.h>

#define DRIVER_ENTRY(name) &name##_driver,
const struct driver *const driver_table[] = {DRIVERS(DRIVER_ENTRY) NULL};

const struct driver *driver_find(const char *name, enum driver_kind kind)
{
    for (size_t i = 0; driver_table[i]; i++)
        if (driver_table[i]->kind == kind && !strcmp(driver_table[i]->name, name))
            return driver_table[i];
    return NULL;
}

const char *driver_kind_name(enum driver_kind kind)
{
    static const char *const names[] = {"power", "console", "probe", "update", "sense", "server"};
    return names[kind];
}

const char *probe_verb_name(enum probe_verb verb)
{
    static const char *const names[PROBE_VERBS] = {
        "attach", "detach", "program",    "verify", "dump",   "read",  "write",   "erase-all",
        "erase",  "reset",  "reset-halt", "halt",   "resume", "watch", "unwatch", "sample"};
    return names[verb];
}

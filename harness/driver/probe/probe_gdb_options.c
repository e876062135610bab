/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rack file may say of a probe behind a GDB server. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness/driver/argv.h"
#include "harness/driver/probe/probe_gdb_server.h"

/* "monitor" words from each server's manual: OpenOCD User's Guide 15.5, 20.3; J-Link UM08001 3.3; pyOCD
 * "GDB server"; probe-rs gdb-server; Black Magic Debug "GDB commands"; stlink's gdbserver.md; QEMU "GDB
 * usage" and its monitor. */
static const char *const reset_halt[] = {"reset halt", NULL}, *const plain_reset[] = {"reset", NULL};
static const char *const system_reset[] = {"system_reset", NULL}, *const scan[] = {"swdp_scan", NULL};
const struct gdb_kind gdb_kinds[] = {
    {.name = "other", .reset = reset_halt},
    {.name = "openocd",
     .port_line = "Listening on port {port} for gdb connections",
     .reset = reset_halt,
     .live = true,
     .zeros_lie = true,
     .erases_at_once = true},
    {.name = "jlink", .reset = plain_reset},
    {.name = "pyocd", .reset = reset_halt},
    {.name = "probe-rs", .reset = reset_halt},
    {.name = "blackmagic", .attach = scan, .attach_id = 1},
    {.name = "st-util", .reset = plain_reset},
    {.name = "qemu", .reset = system_reset, .stops_before = true},
};
static const char *const kind_names[] = {"other",      "openocd", "jlink", "pyocd", "probe-rs",
                                         "blackmagic", "st-util", "qemu",  NULL};
static const char *const memory_names[] = {"auto", "halt", "live", NULL};

const struct option_spec gdb_options[] = {
    {.name = "server",
     .help = "which server it is: its words for monitor commands are known then",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct gdb_config, server),
     .standard = "other",
     .choices = kind_names},
    {.name = "address",
     .help = "HOST:PORT, or a unix socket; a relative one lies in the virtual rack's folder",
     .type = OPTION_STRING,
     .offset = offsetof(struct gdb_config, address)},
    {.name = "command",
     .help =
         "program and arguments that start the server; without it the server runs already. {place}, "
         "{folder} (of this run), {data} (of otarig) and {rack} (the virtual rack's folder) are filled in",
     .runs = true,
     .type = OPTION_PROGRAM,
     .offset = offsetof(struct gdb_config, command)},
    {.name = "port_line",
     .help = "what `command` prints with the port it listens on, {port} in its place; instead of `address`",
     .type = OPTION_STRING,
     .offset = offsetof(struct gdb_config, port_line)},
    {.name = "start_ms",
     .help = "how long `command` may take to listen",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct gdb_config, start_ms),
     .standard = "10000",
     .low = 100,
     .high = 120000},
    {.name = "attach",
     .help = "monitor commands after each connection",
     .runs = true,
     .type = OPTION_STRINGS,
     .offset = offsetof(struct gdb_config, attach)},
    {.name = "attach_id",
     .help = "target to attach to (vAttach), 0: the server is attached",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct gdb_config, attach_id),
     .standard = "0",
     .low = 0,
     .high = INT32_MAX},
    {.name = "reset",
     .help = "monitor commands that reset the chip and leave it halted; [\"R\"]: the packet R",
     .runs = true,
     .type = OPTION_STRINGS,
     .offset = offsetof(struct gdb_config, reset)},
    {.name = "erase_all",
     .help = "monitor commands that erase the whole chip, also when it is locked; without them all flash of "
             "the server's memory map is erased",
     .runs = true,
     .type = OPTION_STRINGS,
     .offset = offsetof(struct gdb_config, erase_all)},
    {.name = "memory",
     .help = "live: the server reads and writes memory while the core runs; halt: the core is stopped for it",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct gdb_config, memory),
     .standard = "auto",
     .choices = memory_names},
    {.name = "alive",
     .help = "address of a word that can always be read and is never 0 (a Cortex-M's CPUID); -1: none",
     .type = OPTION_WORD,
     .offset = offsetof(struct gdb_config, alive),
     .standard = "0xe000ed00",
     .low = -1,
     .high = UINT32_MAX},
    {.name = "adapter_reset",
     .help = "program and arguments that reset the adapter (a USB port switch) or restart the server",
     .runs = true,
     .type = OPTION_PROGRAM,
     .offset = offsetof(struct gdb_config, adapter_reset)},
    {.name = "lock",
     .help = "name of the physical probe, for the lock (default: `address`)",
     .type = OPTION_STRING,
     .offset = offsetof(struct gdb_config, lock)},
    {0},
};

const struct gdb_kind *gdb_kind_of(const struct gdb_config *config)
{
    return &gdb_kinds[config->server];
}

static const char *const least[] = {"address", "command", NULL};
const struct option_rule gdb_rules[] = {
    {OPTION_ANY_OF, least, .wanted = "\"address\" of the GDB server, or a \"command\" that starts one"}, {0}};

const char *gdb_config_check(const struct gdb_config *config)
{
    static const struct argv_place places[] = {
        {"place", NULL}, {"folder", NULL}, {"data", NULL}, {"rack", NULL}, {0}};
    const char *line = config->port_line ? config->port_line : gdb_kind_of(config)->port_line;
    char *unknown = argv_unknown(config->command, places);
    free(unknown);
    if (unknown)
        return "{place}, {folder}, {data} or {rack} as places of \"command\"";
    if (!config->address && !line)
        return "\"address\" of the GDB server, or \"port_line\", by which its port is found";
    if (line && !strstr(line, "{port}"))
        return "{port} in \"port_line\"";
    return NULL;
}

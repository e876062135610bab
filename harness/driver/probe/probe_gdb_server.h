/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GDB server of a probe: somebody else's, that we only connect to, or a program of ours that is started
 * and ended with the need for it. */
#ifndef OTARIG_DRIVER_PROBE_PROBE_GDB_SERVER_H
#define OTARIG_DRIVER_PROBE_PROBE_GDB_SERVER_H

#include "harness/base/option.h"
#include "harness/driver/driver.h"

enum gdb_live { GDB_LIVE_AUTO, GDB_LIVE_HALT, GDB_LIVE_LIVE };
struct gdb_config {
    int server, memory; /* index into gdb_kinds; enum gdb_live */
    char *address, *port_line, *lock;
    char **command, **attach, **reset, **erase_all, **adapter_reset;
    int64_t attach_id, alive, start_ms;
};
extern const struct option_spec gdb_options[];
extern const struct option_rule gdb_rules[];
const char *gdb_config_check(const struct gdb_config *config); /* as driver.check */

/* What is peculiar to a server: the words of its monitor commands, and what it allows. */
struct gdb_kind {
    const char *name, *port_line;
    const char *const *attach, *const *reset; /* reset NULL: by the packet R */
    unsigned attach_id;
    bool live;         /* serves memory while the core runs */
    bool zeros_lie;    /* OpenOCD without `gdb_report_data_abort enable` reads zeros where there is nothing */
    bool stops_before; /* a watchpoint stops the core before the access, not after it as a Cortex-M does */
    bool erases_at_once; /* OpenOCD 0.12 crashes at a vFlashDone without a vFlashWrite before it */
};
extern const struct gdb_kind gdb_kinds[];
const struct gdb_kind *gdb_kind_of(const struct gdb_config *config);

enum gdb_server_state {
    GDB_SERVER_DOWN,
    GDB_SERVER_STARTING, /* until we are connected */
    GDB_SERVER_UP,
    GDB_SERVER_ENDING,    /* asked to end, still there */
    GDB_SERVER_RESETTING, /* gone; the adapter is being reset */
};
struct gdb_server_events {
    void (*up)(void *arg, int fd); /* connected; the descriptor is the receiver's */
    void (*down)(void *arg);       /* as asked for: may be started again */
    void (*lost)(void *arg, const char *why);
};
struct gdb_server;

/* `config` is borrowed. Resolving a host's name may block. NULL: ERROR_INPUT, ERROR_RIG. */
struct gdb_server *gdb_server_new(const struct driver_env *env, const struct gdb_config *config,
                                  const struct gdb_server_events *events, void *arg, struct error *error);
void gdb_server_free(struct gdb_server *server); /* kills; NULL is allowed */
enum gdb_server_state gdb_server_state(const struct gdb_server *server);
/* Only in GDB_SERVER_DOWN: `up` or `lost` follows. -1: the program cannot be started. */
int gdb_server_start(struct gdb_server *server, uint64_t limit_us, struct error *error);
/* TERM, KILL after the grace (0: KILL at once); of somebody else's server we only let go. `down` follows from
 * the loop in both cases. The connection is the caller's to close. */
void gdb_server_stop(struct gdb_server *server, uint64_t grace_us);
/* Stops it and runs config->adapter_reset; `down` follows. Without such a program it only stops. */
void gdb_server_reset_adapter(struct gdb_server *server);
/* The lines in which the program complained since it was started; "" for none. */
const char *gdb_server_complaint(const struct gdb_server *server);

#endif

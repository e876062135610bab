/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One openocd process and the Tcl connection to it. It is started without touching the target (`noinit`), so
 * that a server that does not come up and a board that does not answer are different failures. */
#ifndef OTARIG_DRIVER_PROBE_PROBE_OPENOCD_SERVER_H
#define OTARIG_DRIVER_PROBE_PROBE_OPENOCD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/option.h"
#include "harness/driver/probe/tcl_rpc.h"
#include "harness/io/loop.h"

struct openocd_config {
    char *binary, *adapter, *socket, *transport, *target, *serial, *erase_all, *recover;
    char **config, **search, **commands, **adapter_reset;
    int64_t speed_khz;
};
extern const struct option_spec openocd_options[];

enum openocd_state {
    OPENOCD_DOWN,
    OPENOCD_STARTING, /* until its Tcl port is open */
    OPENOCD_UP,
    OPENOCD_ENDING,    /* asked to end, still there */
    OPENOCD_RESETTING, /* gone; the adapter is being reset */
};

struct openocd_events {
    void (*up)(void *arg);
    void (*reply)(void *arg, enum tcl_end end, const char *text);
    void (*down)(void *arg); /* as asked for: may be started again */
    /* ended by itself, or its port cannot be reached; state is OPENOCD_DOWN or OPENOCD_ENDING */
    void (*lost)(void *arg, const char *why);
};

struct openocd_server;

/* `config` is borrowed. `place` names the default socket of remote_bitbang and the serial line of buspirate.
 */
struct openocd_server *openocd_server_new(struct loop *loop, const struct openocd_config *config,
                                          const char *place, const struct openocd_events *events, void *arg);
void openocd_server_free(struct openocd_server *server); /* kills; NULL is allowed */
enum openocd_state openocd_server_state(const struct openocd_server *server);
/* Only in OPENOCD_DOWN. -1: the program cannot be started. */
int openocd_server_start(struct openocd_server *server, struct error *error);
/* Only in OPENOCD_UP, one command at a time; `reply` follows unless the server is stopped or lost before. */
void openocd_server_send(struct openocd_server *server, const char *command, uint64_t deadline_us);
bool openocd_server_busy(const struct openocd_server *server);
/* TERM, KILL after the grace (0: KILL at once). A running openocd ends 2-4 ms after TERM. Returns at once. */
void openocd_server_stop(struct openocd_server *server, uint64_t grace_us);
/* Stops the server and runs config->adapter_reset; `down` follows. Without such a program it only stops. */
void openocd_server_reset_adapter(struct openocd_server *server);
/* The unix socket of remote_bitbang, the serial port of buspirate; free it. */
char *openocd_socket_path(const struct openocd_config *config, const char *place);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "modbus": relay boards with Modbus (Waveshare, many industrial ones), by TCP or by a serial line,
 * through libmodbus. A relay is a coil: it is written by function 5 and read by function 1 (Modbus
 * application protocol V1.1b3, 6.1 and 6.5). Each question is a connection of its own. */
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/power/slow_switch.h"
#include "harness/driver/table.h"

struct config {
    char *host, *serial, *lock;
    struct switch_limits limits;
    int64_t port, baud, unit, coil;
    int parity, contact;
    bool reads;
};

static const char *const contacts[] = {"closed", "open", NULL};
static const char *const parities[] = {"none", "even", "odd", NULL};
static const struct option_spec options[] = {
    {.name = "host",
     .help = "where the board is, by TCP",
     .type = OPTION_STRING,
     .pattern = "^[^ @/:]+$",
     .wanted = "a host name or an address",
     .offset = offsetof(struct config, host)},
    {.name = "port",
     .help = "of TCP",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, port),
     .standard = "502",
     .low = 1,
     .high = 65535},
    {.name = "serial",
     .help = "instead of host: the device of a serial line (/dev/serial/by-path/...)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, serial)},
    {.name = "baud",
     .help = "of a serial line",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, baud),
     .standard = "9600",
     .low = 1200,
     .high = 4000000},
    {.name = "parity",
     .help = "of a serial line",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, parity),
     .standard = "none",
     .choices = parities},
    {.name = "unit",
     .help = "number of the board",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, unit),
     .standard = "1",
     .low = 0,
     .high = 255},
    {.name = "coil",
     .help = "number of the relay's coil, from 0 as on the wire",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, coil),
     .required = true,
     .low = 0,
     .high = 65535},
    {.name = "powered",
     .help =
         "the board has power while the relay is closed (normally open contact) or open (normally closed)",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, contact),
     .standard = "closed",
     .choices = contacts},
    {.name = "reads",
     .help = "the coil can be read back",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, reads),
     .standard = "true"},
    {.name = "lock",
     .help = "name of the relay, for the lock (default: host and port, or serial; unit and coil)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    SWITCH_LIMITS(struct config, "50"),
    {0},
};

struct relay {
    const struct config *config;
    struct switch_wire wire;
    struct slow_switch *owner;
    char name[200];
};

static int fail(const struct relay *relay, const char *what, struct error *error)
{
    return error_set(error, ERROR_RIG, "%s: %s: %s", relay->name, what, modbus_strerror(errno));
}

static modbus_t *context(const struct relay *relay)
{
    static const char letters[] = {'N', 'E', 'O'};
    const struct config *config = relay->config;
    char service[8];
    snprintf(service, sizeof service, "%d", (int)config->port);
    return config->host ? modbus_new_tcp_pi(config->host, service)
                        : modbus_new_rtu(config->serial, (int)config->baud, letters[config->parity], 8, 1);
}

static int ask_board(const struct relay *relay, modbus_t *board, enum switch_ask ask, bool *on,
                     struct error *error)
{
    const struct config *config = relay->config;
    uint32_t limit_us = (uint32_t)config->limits.timeout_ms * 1000;
    bool closed_is_on = config->contact == 0;
    uint8_t state = 0;
    modbus_set_response_timeout(board, limit_us / 1000000, limit_us % 1000000);
    modbus_set_slave(board, (int)config->unit);
    if (modbus_connect(board))
        return fail(relay, "connect", error);
    if (ask == SWITCH_GET && modbus_read_bits(board, (int)config->coil, 1, &state) != 1)
        return fail(relay, "read", error);
    if (ask != SWITCH_GET &&
        modbus_write_bit(board, (int)config->coil, (ask == SWITCH_ON) == closed_is_on) != 1)
        return fail(relay, "write", error);
    if (ask == SWITCH_GET)
        *on = (state != 0) == closed_is_on;
    return 0;
}

/* A serial line is shared by its boards: one question at a time. */
static int call(void *self, enum switch_ask ask, bool *on, struct error *error)
{
    static pthread_mutex_t line = PTHREAD_MUTEX_INITIALIZER;
    const struct relay *relay = self;
    modbus_t *board = context(relay);
    if (!board)
        return fail(relay, "options", error);
    if (relay->config->serial)
        pthread_mutex_lock(&line);
    int failed = ask_board(relay, board, ask, on, error);
    modbus_close(board);
    if (relay->config->serial)
        pthread_mutex_unlock(&line);
    modbus_free(board);
    return failed;
}

static int relay_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct relay *relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){.config = config};
    snprintf(relay->name, sizeof relay->name, "modbus %s unit %d coil %d",
             config->host ? config->host : config->serial, (int)config->unit, (int)config->coil);
    relay->wire =
        (struct switch_wire){.self = relay, .name = relay->name, .gets = config->reads, .call = call};
    relay->owner = slow_switch_new(env, &relay->wire, &config->limits);
    *self = relay;
    return 0;
}

static void relay_leave(void *self)
{
    struct relay *relay = self;
    slow_switch_leave(relay->owner);
    free(relay);
}

static void relay_close(void *self)
{
    struct relay *relay = self;
    slow_switch_close(relay->owner);
    free(relay);
}

static int start(void *self, bool on, struct power_report *report, struct error *error)
{
    return slow_switch_start(((struct relay *)self)->owner, on, report, error);
}

static int get(void *self, bool *on, struct error *error)
{
    return slow_switch_get(((struct relay *)self)->owner, on, error);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->limits.latency_ms * 1000;
}

static uint64_t safe_us(const void *config)
{
    return switch_safe_us(&((const struct config *)config)->limits);
}

/* A port of its own is a board of its own: gateways have a serial line behind each. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char *where = config->host ? claim_host(config->host, config->port) : claim_device(config->serial);
    char unit[16], coil[16];
    snprintf(unit, sizeof unit, "%d", (int)config->unit);
    snprintf(coil, sizeof coil, "%d", (int)config->coil);
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "modbus", (const char *const[]){where, unit, coil, NULL});
    free(where);
}

static const char *const ways[] = {"host", "serial", NULL};
static const struct option_rule rules[] = {{OPTION_ONE_OF, ways, .wanted = "either \"host\" or \"serial\""},
                                           {0}};

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    if (relay_open(env, config, &self, error))
        return -1;
    int failed = ((struct relay *)self)->wire.gets ? get(self, &on, error) : 0;
    relay_leave(self);
    if (failed)
        snprintf(advice, size,
                 "is the board there, are unit, coil and, of a serial line, the baud rate right?");
    return failed;
}

static const struct power_ops ops = {
    .start = start, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_modbus_driver = {.name = "modbus",
                                           .help = "relay boards with Modbus, by TCP or a serial line",
                                           .kind = DRIVER_POWER,
                                           .options = options,
                                           .config_size = sizeof(struct config),
                                           .claim = claim,
                                           .rules = rules,
                                           .open = relay_open,
                                           .close = relay_close,
                                           .leave = relay_leave,
                                           .power = &ops,
                                           .examine = examine};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Console "serial": a serial port through libserialport, any baud rate. An adapter that was unplugged is
 * looked for again, with growing pauses; after REOPEN_LIMIT_US without success that is the rig's fault. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/driver/console/console_port.h"
#include "harness/driver/console/serial_port.h"
#include "harness/driver/table.h"

/* each look at /dev costs: umockdev allows a process 50 opens */
#define REOPEN_FIRST_US 100000u
#define REOPEN_LIMIT_US 3000000u
#define WITH_POWER_US 20000u /* a board prints as soon as its port is there */

struct config {
    char *port, *usb, *number, *location;
    int64_t baud;
    int dtr, rts;
    bool with_power;
};

static const char *const levels[] = {"high", "low", "leave", NULL}; /* enum serial_level */
static const struct option_spec options[] = {
    {.name = "port",
     .help = "the device, better by a stable name (/dev/serial/by-path/...)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, port)},
    {.name = "usb",
     .help = "instead of port: the adapter's VENDOR:PRODUCT, as lsusb shows it",
     .type = OPTION_STRING,
     .pattern = "^[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}$",
     .wanted = "VENDOR:PRODUCT in hexadecimal, as 0403:6001",
     .offset = offsetof(struct config, usb)},
    {.name = "serial",
     .help = "instead of port: the adapter's serial number",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, number)},
    {.name = "location",
     .help = "instead of port: where the adapter is plugged in (1-1.4), for those without a number",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, location)},
    {.name = "baud",
     .help = "bits a second",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, baud),
     .standard = "115200",
     .low = 50,
     .high = 12000000},
    {.name = "with_power",
     .help = "the adapter hangs on the board's own power (USB of the board itself): its port goes and comes "
             "with it, and whether "
             "it comes is the board's affair",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, with_power)},
    {.name = "dtr",
     .help = "DTR on open: high, low or leave",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, dtr),
     .standard = "leave",
     .choices = levels},
    {.name = "rts",
     .help = "RTS on open: high, low or leave",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, rts),
     .standard = "leave",
     .choices = levels},
    {0},
};

struct serial {
    struct console_port port; /* first member */
    const struct config *config;
    struct serial_port device;
    struct loop_source *retry;
    uint64_t lost_us, pause_us;
};

static void drop(struct serial *serial)
{
    console_port_detach(&serial->port);
    serial_port_close(&serial->device);
}

static int attach(struct serial *serial, struct error *error)
{
    const struct config *config = serial->config;
    const struct serial_wanted wanted = {config->port, config->usb, config->number, config->location};
    const struct serial_settings settings = {
        .baud = config->baud, .dtr = (enum serial_level)config->dtr, .rts = (enum serial_level)config->rts};
    if (serial_port_open(&serial->device, &wanted, &settings, error))
        return -1;
    console_port_attach(&serial->port, serial->device.fd);
    return 0;
}

/* An unplugged adapter may come back; when it does not, it is the rig's fault. */
static void on_retry(void *arg, uint64_t now_us)
{
    struct serial *serial = arg;
    struct error error = {0};
    if (!attach(serial, &error)) {
        event_put(serial->port.env.sink, EVENT_NOTE, serial->port.role, "reopened", serial->device.name);
        return;
    }
    if (serial->config->with_power) {
        loop_timer_set(serial->retry, now_us + WITH_POWER_US);
        return;
    }
    if (now_us - serial->lost_us > REOPEN_LIMIT_US) {
        event_put(serial->port.env.sink, EVENT_RIG, serial->port.role, "lost", error.text);
        return;
    }
    loop_timer_set(serial->retry, now_us + serial->pause_us);
    serial->pause_us *= 2;
}

static void on_lost(struct console_port *port, const char *why)
{
    struct serial *serial = (struct serial *)port;
    event_put(port->env.sink, EVENT_NOTE, port->role, "lost", why);
    drop(serial);
    serial->lost_us = clock_now_us();
    serial->pause_us = 2 * REOPEN_FIRST_US;
    loop_timer_set(serial->retry,
                   serial->lost_us + (serial->config->with_power ? WITH_POWER_US : REOPEN_FIRST_US));
}

static int serial_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct serial *serial = mem_alloc(sizeof *serial);
    console_port_init(&serial->port, env, on_lost);
    serial->config = config;
    serial->device.fd = -1;
    serial->retry = loop_add_timer(env->loop, LOOP_NEVER, on_retry, serial);
    serial->port.may_be_away = serial->config->with_power;
    if (attach(serial, error) && serial->device.absent && serial->config->with_power) {
        loop_timer_set(serial->retry, clock_now_us() + WITH_POWER_US);
        *error = (struct error){0};
    } else if (serial->port.fd < 0) {
        loop_remove(serial->retry);
        console_port_release(&serial->port);
        free(serial);
        return -1;
    }
    *self = serial;
    return 0;
}

static void serial_close(void *self)
{
    struct serial *serial = self;
    loop_remove(serial->retry);
    drop(serial);
    console_port_release(&serial->port);
    free(serial);
}

static int write_data(void *self, const void *data, size_t len, struct error *error)
{
    return console_port_write(self, data, len, error);
}

static struct link *get_link(void *self)
{
    return &((struct serial *)self)->port.link;
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char port[PATH_MAX];
    if (config->port) {
        file_path_tidy(config->port, port, sizeof port);
        snprintf(key, size, "tty:%s", port);
    } else
        snprintf(key, size, "tty:%s/%s/%s", config->usb ? config->usb : "",
                 config->number ? config->number : "", config->location ? config->location : "");
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    if (serial_open(env, config, &self, error)) {
        const char *hint = strstr(error->text, "Permission denied")
                               ? "you may not open it: join the group dialout (usermod -aG dialout USER)"
                           : strstr(error->text, "in use") ? "end what uses it (fuser -v names it)"
                                                           : "ports that are there: ";
        int len = snprintf(advice, size, "%s", hint);
        if (hint[len - 1] == ' ' && (size_t)len < size)
            serial_list(advice + len, size - (size_t)len);
        return -1;
    }
    serial_close(self);
    return 0;
}

static const struct console_ops ops = {.write = write_data, .link = get_link};
static const char *const ways[] = {"port", "usb", "serial", "location", NULL};
static const struct option_rule rules[] = {
    {OPTION_ANY_OF, ways,
     .wanted = "which port: at least one of \"port\", \"usb\", \"serial\", \"location\""},
    {0}};

const struct driver console_serial_driver = {.name = "serial",
                                             .help = "a serial port, any baud rate",
                                             .kind = DRIVER_CONSOLE,
                                             .options = options,
                                             .config_size = sizeof(struct config),
                                             .claim = claim,
                                             .rules = rules,
                                             .open = serial_open,
                                             .close = serial_close,
                                             .console = &ops,
                                             .examine = examine};

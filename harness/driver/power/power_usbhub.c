/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "usbhub": a board that lives on a port of a USB hub, and a hub that switches the power of each port
 * ("per-port power switching"), as uhubctl does it, through libusb.
 *
 * A hub with USB 3 is two hubs in one case, each with a location of its own; power comes from its port as
 * long as one of the two wants it. That a hub says "off" proves nothing: many say so and do not cut (its
 * power switches are saved, and the specification asks for the bit only). `verified` means the bit.
 *
 * The kernel holds the hub's interface, which requests to a port do not need; so several runs may use a hub,
 * each a port of its own. */
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"
#include "harness/driver/usb_hub.h"

#define USB_LIMIT_MS 1000
/* on a rack's clock, where a silent hub is told from a busy computer */
#define USB_VIRTUAL_LIMIT_MS 120000
#define LOCATION "^[0-9]{1,3}(-[0-9]{1,3}([.][0-9]{1,3}){0,6})?$"
#define LOCATION_WANTED "where it is plugged in, as 1-1.4, or the bus of a root hub, as 1"

struct config {
    char *location, *companion, *lock;
    int64_t port, latency_ms;
};

static const struct option_spec options[] = {
    {.name = "location",
     .help = "where the hub is plugged in: bus and ports, 1-1.4 (`uhubctl` and `otarig init --list` show it)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, location),
     .required = true,
     .pattern = LOCATION,
     .wanted = LOCATION_WANTED},
    {.name = "port",
     .help = "of the hub, from 1",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, port),
     .required = true,
     .low = 1,
     .high = 255},
    {.name = "companion",
     .help = "of a USB 3 hub: the location of its other half (2-1.4), which has to let go, too",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, companion),
     .pattern = LOCATION,
     .wanted = LOCATION_WANTED},
    {.name = "latency_ms",
     .help = "the power moves at most so many ms after the hub took the command",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, latency_ms),
     .standard = "100",
     .low = 0,
     .high = 60000},
    {.name = "lock",
     .help = "name of the switch, for the lock (default: location and port)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct half {
    const char *location; /* NULL: there is none */
    libusb_device_handle *handle;
    struct usb_hub_about about;
};

struct outlet {
    const struct config *config;
    libusb_context *usb;
    struct half halves[2];
    bool safe_on;
    bool off; /* as we left it */
};

static unsigned limit_ms(void)
{
    return clock_is_virtual() ? USB_VIRTUAL_LIMIT_MS : USB_LIMIT_MS;
}

/* ---- the hub ---- */

static void half_close(struct half *half)
{
    if (half->handle)
        libusb_close(half->handle);
    half->handle = NULL;
}

static int fail(struct half *half, const char *what, int code, struct error *error)
{
    const char *advice = code == LIBUSB_ERROR_ACCESS
                             ? " (a udev rule must let you open it, see its page in docs)"
                         : code == LIBUSB_ERROR_NO_DEVICE ? " (unplugged?)"
                                                          : "";
    half_close(half);
    return error_set(error, ERROR_RIG, "USB hub %s: %s: %s%s", half->location, what, libusb_strerror(code),
                     advice);
}

/* The caller's reference; NULL: not there. */
static libusb_device *find(libusb_context *usb, const char *location)
{
    libusb_device **devices = NULL, *found = NULL;
    char at[40];
    ssize_t count = libusb_get_device_list(usb, &devices);
    for (ssize_t i = 0; i < count && !found; i++) {
        usb_location(devices[i], at, sizeof at);
        if (!strcmp(at, location))
            found = libusb_ref_device(devices[i]);
    }
    if (devices)
        libusb_free_device_list(devices, 1);
    return found;
}

static int half_check(struct half *half, int64_t port, struct error *error)
{
    int code = usb_hub_look(half->handle, &half->about, limit_ms());
    if (code)
        return fail(half, "its descriptor", code, error);
    if (half->about.switching == USB_HUB_EACH_PORT ||
        (half->about.ports == 1 && half->about.switching != USB_HUB_NEVER))
        return port <= half->about.ports
                   ? 0
                   : error_set(error, ERROR_RIG, "USB hub %s: it has %u ports, no port %d", half->location,
                               half->about.ports, (int)port);
    return error_set(error, ERROR_RIG, "USB hub %s: it switches %s", half->location,
                     half->about.switching == USB_HUB_NEVER ? "no port" : "all its ports at once");
}

static int half_open(const struct outlet *outlet, struct half *half, struct error *error)
{
    libusb_device *device = find(outlet->usb, half->location);
    if (!device)
        return error_set(error, ERROR_RIG, "USB hub %s: nothing is plugged in there", half->location);
    if (!usb_is_hub(device)) {
        libusb_unref_device(device);
        return error_set(error, ERROR_RIG, "USB hub %s: what is plugged in there is no hub", half->location);
    }
    int code = libusb_open(device, &half->handle);
    libusb_unref_device(device);
    if (code) {
        half->handle = NULL;
        return fail(half, "open", code, error);
    }
    if (half_check(half, outlet->config->port, error)) {
        half_close(half);
        return -1;
    }
    return 0;
}

/* Those that were unplugged may be back. */
static int hold(struct outlet *outlet, struct error *error)
{
    for (struct half *half = outlet->halves; half < outlet->halves + 2 && half->location; half++)
        if (!half->handle && half_open(outlet, half, error))
            return -1;
    return 0;
}

/* ---- the driver ---- */

/* Power is there as long as one half gives it. */
static int read_back(struct outlet *outlet, bool *on, struct error *error)
{
    *on = false;
    for (struct half *half = outlet->halves; half < outlet->halves + 2 && half->location; half++) {
        bool gives;
        int code =
            usb_hub_get(half->handle, &half->about, (unsigned)outlet->config->port, &gives, limit_ms());
        if (code)
            return fail(half, "status of the port", code, error);
        *on |= gives;
    }
    return 0;
}

/* The kernel, too, switches a port on: where a device of the board vanished with its power, and when it
 * resumes or resets the hub (drivers/usb/core/hub.c, hub_port_connect(), hub_power_on()). A board that
 * started by that has done nothing wrong. */
static int check_still_off(struct outlet *outlet, struct error *error)
{
    bool is = false;
    if (!outlet->off)
        return 0;
    outlet->off = false; /* what follows, as the safe state, is not held up by it */
    if (read_back(outlet, &is, error))
        return -1;
    return is ? error_set(
                    error, ERROR_RIG,
                    "USB hub %s port %d: somebody switched it on while it was to be off (the kernel does, "
                    "where a device of the board was connected: docs/drivers/power-usbhub.md)",
                    outlet->config->location, (int)outlet->config->port)
              : 0;
}

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct outlet *outlet = self;
    bool is = !on;
    *report = (struct power_report){.commanded_us = clock_now_us()};
    if (hold(outlet, error) || (on && check_still_off(outlet, error)))
        return -1;
    for (struct half *half = outlet->halves; half < outlet->halves + 2 && half->location; half++) {
        int code = usb_hub_set(half->handle, (unsigned)outlet->config->port, on, limit_ms());
        if (code)
            return fail(half, on ? "power on" : "power off", code, error);
    }
    report->returned_us = clock_now_us();
    if (read_back(outlet, &is, error))
        return -1;
    report->verified = is == on;
    outlet->off = report->verified && !on;
    return report->verified ? 0
                            : error_set(error, ERROR_RIG, "USB hub %s port %d: switched %s, but it tells %s",
                                        outlet->config->location, (int)outlet->config->port,
                                        on ? "on" : "off", is ? "on" : "off");
}

static int get(void *self, bool *on, struct error *error)
{
    return hold(self, error) ? -1 : read_back(self, on, error);
}

static void outlet_leave(void *self)
{
    struct outlet *outlet = self;
    half_close(&outlet->halves[0]);
    half_close(&outlet->halves[1]);
    if (outlet->usb)
        libusb_exit(outlet->usb);
    free(outlet);
}

static int outlet_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    *outlet = (struct outlet){.config = config,
                              .halves = {{.location = config->location}, {.location = config->companion}},
                              .safe_on = env->safe_on};
    int code = libusb_init(&outlet->usb);
    if (code)
        error_set(error, ERROR_SYSTEM, "libusb: %s", libusb_strerror(code));
    if (code || hold(outlet, error)) {
        outlet_leave(outlet);
        return -1;
    }
    *self = outlet;
    return 0;
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    struct power_report report;
    if (set(outlet, outlet->safe_on, &report, NULL)) /* once more: perhaps it was unplugged meanwhile */
        set(outlet, outlet->safe_on, &report, NULL);
    outlet_leave(outlet);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->latency_ms * 1000;
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char port[8];
    snprintf(port, sizeof port, "%d", (int)config->port);
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "usbhub", (const char *const[]){config->location, port, NULL});
}

static void claim_companion(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char port[8];
    snprintf(port, sizeof port, "%d", (int)config->port);
    if (config->companion)
        claim_put(key, size, "usbhub", (const char *const[]){config->companion, port, NULL});
}

static const char *check(const void *data)
{
    const struct config *config = data;
    return config->companion && !strcmp(config->companion, config->location)
               ? "a \"companion\" at a location of its own"
               : NULL;
}

/* "1-1 (4 ports, each by itself), 1-3 (all ports at once)" */
static void list_hubs(libusb_context *usb, char *text, size_t size)
{
    static const char *const how[] = {"all ports at once", "each port by itself", "no port"};
    libusb_device **devices = NULL;
    size_t len = 0;
    snprintf(text, size, "none");
    ssize_t count = libusb_get_device_list(usb, &devices);
    for (ssize_t i = 0; i < count && len < size; i++) {
        struct usb_hub_about about;
        libusb_device_handle *handle = NULL;
        char location[40];
        if (!usb_is_hub(devices[i]))
            continue;
        usb_location(devices[i], location, sizeof location);
        bool told = !libusb_open(devices[i], &handle) && !usb_hub_look(handle, &about, limit_ms());
        len += (size_t)snprintf(text + len, size - len, "%s%s (%s)", len ? ", " : "", location,
                                told ? how[about.switching] : "you may not open it");
        if (handle)
            libusb_close(handle);
    }
    if (devices)
        libusb_free_device_list(devices, 1);
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    libusb_context *usb = NULL;
    void *self;
    bool on;
    int failed = outlet_open(env, data, &self, error);
    if (!failed) {
        failed = get(self, &on, error);
        outlet_leave(self);
    }
    if (failed && !libusb_init(&usb)) {
        int len = snprintf(advice, size, "hubs that are there, and what they switch: ");
        list_hubs(usb, advice + len, size - (size_t)len);
        libusb_exit(usb);
    }
    return failed;
}

static const struct power_ops ops = {.set = set, .get = get, .latency_us = latency_us};
const struct driver power_usbhub_driver = {.name = "usbhub",
                                           .help = "a port of a USB hub that switches each port (uhubctl)",
                                           .kind = DRIVER_POWER,
                                           .options = options,
                                           .config_size = sizeof(struct config),
                                           .claim = claim,
                                           .claim_also = claim_companion,
                                           .check = check,
                                           .open = outlet_open,
                                           .close = outlet_close,
                                           .leave = outlet_leave,
                                           .power = &ops,
                                           .examine = examine};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "hidrelay": the small relay boards with ids 16c0:05df, as the tool usbrelay switches them.
 *
 * A call takes some milliseconds on a healthy board; one that hangs is given up by the kernel after five
 * seconds. The board is asked for its relays after each command: `verified` means what it believes, its
 * contacts it does not see. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/driver.h"
#include "harness/driver/hid_relay.h"
#include "harness/driver/table.h"

struct config {
    char *serial, *lock;
    int64_t channel, vendor, product, latency_ms;
    int contact;
};

static const char *const contacts[] = {"closed", "open", NULL};
static const struct option_spec options[] = {
    {.name = "serial",
     .help = "the board's own name of five letters, as `otarig init --list` and usbrelay show it",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, serial),
     .required = true,
     .pattern = "^[!-~]{1,5}$",
     .wanted = "one to five letters, as BITFT"},
    {.name = "channel",
     .help = "relay, from 1",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, channel),
     .required = true,
     .low = 1,
     .high = 8},
    {.name = "powered",
     .help =
         "the board has power while the relay is closed (normally open contact) or open (normally closed)",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, contact),
     .standard = "closed",
     .choices = contacts},
    {.name = "latency_ms",
     .help = "the contact moves at most so many ms after the command",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, latency_ms),
     .standard = "20",
     .low = 0,
     .high = 10000},
    {.name = "vendor",
     .help = "USB vendor id",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, vendor),
     .standard = "0x16c0",
     .low = 0,
     .high = 0xffff},
    {.name = "product",
     .help = "USB product id",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, product),
     .standard = "0x05df",
     .low = 0,
     .high = 0xffff},
    {.name = "lock",
     .help = "name of the relay, for the lock (default: serial and channel)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct relay {
    const struct config *config;
    struct hid_relay board;
    bool safe_on;
};

static bool closed_for(const struct relay *relay, bool on)
{
    return on == (relay->config->contact == 0);
}

/* One that was unplugged may be back. */
static int hold(struct relay *relay, struct error *error)
{
    const struct config *config = relay->config;
    if (relay->board.device)
        return 0;
    if (hid_relay_open(&relay->board, config->serial, config->vendor, config->product, error))
        return -1;
    if (!relay->board.count || config->channel <= relay->board.count)
        return 0;
    hid_relay_close(&relay->board);
    return error_set(error, ERROR_RIG, "relay board %s: it has %u relays, no relay %d", config->serial,
                     relay->board.count, (int)config->channel);
}

static int lost(struct relay *relay, const char *what, struct error *error)
{
    char why[120];
    hid_relay_why(&relay->board, why, sizeof why);
    hid_relay_close(&relay->board);
    return error_set(error, ERROR_RIG, "relay board %s: %s: %s (unplugged? see `otarig doctor`)",
                     relay->config->serial, what, why);
}

static int read_back(struct relay *relay, bool *on, struct error *error)
{
    uint8_t closed;
    if (hid_relay_get(&relay->board, &closed))
        return lost(relay, "state", error);
    *on = (closed >> (relay->config->channel - 1) & 1) == closed_for(relay, true);
    return 0;
}

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct relay *relay = self;
    bool is = !on;
    *report = (struct power_report){.commanded_us = clock_now_us()};
    if (hold(relay, error))
        return -1;
    if (hid_relay_set(&relay->board, (unsigned)relay->config->channel, closed_for(relay, on)))
        return lost(relay, "command", error);
    report->returned_us = clock_now_us();
    if (read_back(relay, &is, error))
        return -1;
    report->verified = is == on;
    return report->verified ? 0
                            : error_set(error, ERROR_RIG, "relay board %s: relay %d was %s, but reads %s",
                                        relay->config->serial, (int)relay->config->channel,
                                        closed_for(relay, on) ? "closed" : "opened",
                                        closed_for(relay, is) ? "closed" : "open");
}

static int get(void *self, bool *on, struct error *error)
{
    return hold(self, error) ? -1 : read_back(self, on, error);
}

static int relay_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct relay *relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){.config = config, .safe_on = env->safe_on};
    if (hold(relay, error)) {
        free(relay);
        return -1;
    }
    *self = relay;
    return 0;
}

static void relay_leave(void *self)
{
    hid_relay_close(&((struct relay *)self)->board);
    free(self);
}

static void relay_close(void *self)
{
    struct relay *relay = self;
    struct power_report report;
    if (set(relay, relay->safe_on, &report, NULL)) /* once more: perhaps it was unplugged meanwhile */
        set(relay, relay->safe_on, &report, NULL);
    relay_leave(relay);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->latency_ms * 1000;
}

/* Twice: looking for the board, the command, and the question. */
static uint64_t safe_us(const void *config)
{
    return 2 * 3 * HID_RELAY_LIMIT_US;
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char channel[8];
    snprintf(channel, sizeof channel, "%d", (int)config->channel);
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "hidrelay", (const char *const[]){config->serial, channel, NULL});
}

/* "BITFT (USBRelay2), one that you may not open (USBRelay4)" */
static void list_boards(const struct config *config, char *text, size_t size)
{
    struct hid_relay_found list[16];
    size_t count = hid_relay_list(config->vendor, config->product, list, sizeof list / sizeof *list), len = 0;
    snprintf(text, size, "none");
    for (size_t i = 0; i < count && len < size; i++)
        len +=
            (size_t)snprintf(text + len, size - len, "%s%s (%s)", i ? ", " : "",
                             list[i].name[0] ? list[i].name : "one that you may not open", list[i].product);
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    int failed = relay_open(env, config, &self, error);
    if (!failed) {
        failed = get(self, &on, error);
        relay_leave(self);
    }
    if (failed) {
        int len = snprintf(advice, size, "boards that are there: ");
        list_boards(config, advice + len, size - (size_t)len);
    }
    return failed;
}

static const struct power_ops ops = {.set = set, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_hidrelay_driver = {.name = "hidrelay",
                                             .help = "USB relay boards 16c0:05df (usbrelay)",
                                             .kind = DRIVER_POWER,
                                             .options = options,
                                             .config_size = sizeof(struct config),
                                             .claim = claim,
                                             .open = relay_open,
                                             .close = relay_close,
                                             .leave = relay_leave,
                                             .power = &ops,
                                             .examine = examine};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "ftdi": relay boards with an FTDI chip in bit-bang mode (SainSmart and the like: FT245R, bit n is
 * relay n+1).
 *
 * The outputs keep their last value over close, reopen and a dead process; leaving bit-bang mode makes the
 * relays twitch (both: facts of the FT245R's BITMODE_RESET, AN232B-01 "Bit bang modes"). So: read the pins,
 * enter the mode, write the whole byte at once, and never leave the mode. All channels of one board in one
 * process share one handle; a second process cannot claim the board.
 *
 * A call lasts 2 ms on a healthy full-speed board; one that hangs is given up after USB_LIMIT_MS. read_pins
 * tells the level of the pin, not of the contact behind it: `verified` means the pin.
 *
 * A free pin may be wired to the rail of a board (`sense`), through a divider to 3.3 V: it is an input, and
 * after each command it is read until the rail has followed. A reading is one vendor request (SIO_READ_PINS,
 * at most a full-speed frame or two), one in each turn of the loop. Until the place with the pin is open the
 * pin is driven at the level that was read from it, so nothing fights. */
#include <ftdi.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"

#define ALL_PINS 0xff
#define USB_LIMIT_MS 1000
/* on a rack's clock, where a silent board is told from a busy computer */
#define USB_VIRTUAL_LIMIT_MS 120000
#define SENSE_AGAIN_US 200u
/* of ftdi_usb_open_desc() and ftdi_usb_open_dev(), libftdi1 1.5 (API documentation of ftdi_usb_open_dev) */
enum { OPEN_NOT_FOUND = -3, OPEN_NOT_ALLOWED = -4, OPEN_IN_USE = -5 };

struct config {
    char *serial, *description;
    int64_t channel, vendor, product, sense, sense_ms;
    int active;
};

static const char *const levels[] = {"high", "low", NULL};
static const struct option_spec options[] = {
    {.name = "serial",
     .help = "serial number of the relay board (EEPROM)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, serial),
     .required = true},
    {.name = "channel",
     .help = "relay, 1 to 8",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, channel),
     .required = true,
     .low = 1,
     .high = 8},
    {.name = "active",
     .help = "pin level that powers the board: high or low",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, active),
     .standard = "high",
     .choices = levels},
    {.name = "description",
     .help = "product string of the board, when the serial number alone does not do",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, description)},
    {.name = "sense",
     .help = "pin that is wired to the rail of the board, 1 to 8: tells when the power really moved",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, sense),
     .standard = "0",
     .low = 0,
     .high = 8},
    {.name = "sense_ms",
     .help = "the rail must follow a command within so many ms; a next command before that asks no more",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, sense_ms),
     .standard = "100",
     .low = 1,
     .high = 10000},
    {.name = "vendor",
     .help = "USB vendor id",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, vendor),
     .standard = "0x0403",
     .low = 0,
     .high = 0xffff},
    {.name = "product",
     .help = "USB product id",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, product),
     .standard = "0x6001",
     .low = 0,
     .high = 0xffff},
    {0},
};

struct relay;

struct relay_board {
    struct relay_board *next;
    char *serial;
    struct relay *relays;         /* who uses it */
    struct ftdi_context *context; /* NULL: lost (unplugged) */
    uint8_t pins;                 /* as commanded */
    uint8_t inputs;               /* pins that sense */
};

struct relay {
    struct relay *next;
    struct relay_board *board;
    const struct config *config;
    struct sink *sink;
    char *role;
    bool safe_on;
    /* the sensed rail */
    struct loop_source *timer; /* NULL: nothing is sensed */
    int level;                 /* as it was last seen; -1: not known */
    bool wanted;
    uint64_t commanded_us, old_us; /* old_us: it had not moved when that was asked for; 0: not known */
};

static struct relay_board *boards;

/* ---- the shared handle ---- */

static void board_drop(struct relay_board *board)
{
    if (!board->context)
        return;
    ftdi_usb_close(board->context);
    /* a context remembers a bit-bang mode the chip may have lost: never used twice */
    ftdi_free(board->context);
    board->context = NULL;
}

/* One relay's call found the board gone: its caller gets an error, and everybody else on the board is told
 * that their power may have moved. */
static int lost(struct relay_board *board, const struct relay *finder, const char *what, struct error *error)
{
    struct error why = {0};
    error_set(&why, ERROR_RIG, "relay board %s: %s: %s (unplugged? see `otarig doctor`)", board->serial, what,
              board->context ? ftdi_get_error_string(board->context) : "not open");
    board_drop(board);
    for (const struct relay *relay = board->relays; relay; relay = relay->next)
        if (relay != finder && relay->sink)
            event_put(relay->sink, EVENT_RIG, relay->role, "lost", why.text);
    return error_set(error, why.kind, "%s", why.text);
}

static int cannot_open(struct relay_board *board, int code, struct error *error)
{
    const char *advice = code == OPEN_NOT_FOUND     ? "plugged in?"
                         : code == OPEN_NOT_ALLOWED ? "a udev rule must let you open it"
                         : code == OPEN_IN_USE      ? "held by another otarig, or by the kernel's ftdi_sio"
                                                    : "see `otarig doctor`";
    error_set(error, ERROR_RIG, "relay board %s: %s (%s)", board->serial,
              ftdi_get_error_string(board->context), advice);
    board_drop(board);
    return -1;
}

/* Reads the pins before the mode is entered. `wanted` NULL: they stay as they are; else the byte is written
 * at once, so that a board that comes back goes to what was commanded in one step. */
static int board_attach(struct relay_board *board, const struct relay *finder, const struct config *config,
                        const uint8_t *wanted, struct error *error)
{
    uint8_t pins = 0, back = 0;
    board->context = ftdi_new();
    if (!board->context)
        return error_set(error, ERROR_SYSTEM, "libftdi has no memory");
    board->context->usb_read_timeout = board->context->usb_write_timeout =
        clock_is_virtual() ? USB_VIRTUAL_LIMIT_MS : USB_LIMIT_MS;
    int code = ftdi_usb_open_desc(board->context, (int)config->vendor, (int)config->product,
                                  config->description, board->serial);
    if (code < 0)
        return cannot_open(board, code, error);
    if (ftdi_read_pins(board->context, &pins) < 0)
        return lost(board, finder, "read pins", error);
    if (wanted)
        pins = *wanted;
    if (ftdi_set_bitmode(board->context, (uint8_t)~board->inputs, BITMODE_BITBANG) < 0)
        return lost(board, finder, "bit-bang mode", error);
    if (ftdi_write_data(board->context, &pins, 1) != 1)
        return lost(board, finder, "write", error);
    if (ftdi_read_pins(board->context, &back) < 0)
        return lost(board, finder, "read pins", error);
    board->pins = pins;
    if ((back ^ pins) & ~board->inputs)
        return error_set(error, ERROR_RIG, "relay board %s: wrote 0x%02x, reads back 0x%02x", board->serial,
                         pins, back);
    return 0;
}

static struct relay_board *board_find(const char *serial)
{
    struct relay_board *board = boards;
    while (board && strcmp(board->serial, serial) != 0)
        board = board->next;
    return board;
}

static void board_free(struct relay_board *board)
{
    board_drop(board);
    free(board->serial);
    free(board);
}

static struct relay_board *board_take(const struct config *config, struct error *error)
{
    struct relay_board *board = board_find(config->serial);
    if (board)
        return board;
    board = mem_alloc(sizeof *board);
    board->serial = mem_string(config->serial);
    if (board_attach(board, NULL, config, NULL, error)) {
        board_free(board);
        return NULL;
    }
    board->next = boards;
    boards = board;
    return board;
}

static void board_leave(struct relay_board *board, const struct relay *relay)
{
    for (struct relay **at = &board->relays; *at; at = &(*at)->next)
        if (*at == relay) {
            *at = relay->next;
            break;
        }
    if (board->relays)
        return;
    for (struct relay_board **at = &boards; *at; at = &(*at)->next)
        if (*at == board) {
            *at = board->next;
            break;
        }
    board_free(board);
}

/* ---- one channel ---- */

static uint8_t mask_of(const struct relay *relay)
{
    return (uint8_t)(1u << (relay->config->channel - 1));
}

static bool level_of(const struct relay *relay, bool on)
{
    return on == (relay->config->active == 0);
}

/* ---- the sensed rail ---- */

static uint8_t sense_mask(const struct config *config)
{
    return config->sense ? (uint8_t)(1u << (config->sense - 1)) : 0;
}

static void tell_edge(const struct relay *relay, uint64_t seen_us)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "commanded_us", (double)relay->commanded_us);
    cJSON_AddNumberToObject(fields, "achieved_us", (double)seen_us);
    cJSON_AddNumberToObject(fields, "within_us", (double)(seen_us - relay->old_us));
    event_put_full(relay->sink, EVENT_POWER, relay->role, "edge", relay->wanted ? "on" : "off",
                   EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static void tell_rail(const struct relay *relay, const char *what)
{
    struct error text = {0};
    error_set(&text, ERROR_RIG, "relay board %s, channel %d: switched %s, but the rail at pin %d %s",
              relay->board->serial, (int)relay->config->channel, relay->wanted ? "on" : "off",
              (int)relay->config->sense, what);
    event_put(relay->sink, EVENT_RIG, relay->role, "rail", text.text);
}

static void look(void *arg, uint64_t now_us)
{
    struct relay *relay = arg;
    uint64_t asked_us = clock_now_us();
    uint8_t pins;
    if (!relay->board->context)
        return; /* lost: everybody was told */
    if (ftdi_read_pins(relay->board->context, &pins) < 0) {
        lost(relay->board, NULL, "read pins", NULL);
        return;
    }
    relay->level = (pins & sense_mask(relay->config)) != 0;
    if (relay->level == relay->wanted) {
        if (relay->old_us)
            tell_edge(relay, clock_now_us());
        return;
    }
    relay->old_us = asked_us;
    if (asked_us > relay->commanded_us + (uint64_t)relay->config->sense_ms * 1000)
        tell_rail(relay, "did not follow");
    else
        loop_timer_set(relay->timer, clock_now_us() + SENSE_AGAIN_US);
}

/* The command is out, and the pins were asked for at `asked_us` since; what was being looked for before it is
 * not any more. */
static void look_for(struct relay *relay, bool on, uint64_t commanded_us, uint8_t pins, uint64_t asked_us)
{
    if (!relay->timer)
        return;
    bool moves = relay->level >= 0 && relay->level != on, is_there = relay->level == on;
    relay->wanted = on;
    relay->commanded_us = commanded_us;
    relay->old_us = moves ? commanded_us : 0;
    if (is_there)
        return;
    if (((pins & sense_mask(relay->config)) != 0) != on)
        relay->old_us = asked_us;
    relay->level = -1;
    loop_timer_set(relay->timer, commanded_us);
}

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct relay *relay = self;
    struct relay_board *board = relay->board;
    uint8_t mask = mask_of(relay), back = 0;
    uint8_t pins = (uint8_t)(level_of(relay, on) ? board->pins | mask : board->pins & ~mask);
    *report = (struct power_report){.commanded_us = clock_now_us()};
    if (!board->context) { /* it came back: the times are those of the whole way */
        int result = board_attach(board, relay, relay->config, &pins, error);
        report->returned_us = clock_now_us();
        report->verified = !result;
        relay->level = -1; /* whoever pulled the cable may have moved it */
        if (!result)
            look_for(relay, on, report->commanded_us, on ? ALL_PINS : 0, report->commanded_us);
        return result;
    }
    if (ftdi_write_data(board->context, &pins, 1) != 1)
        return lost(board, relay, "write", error);
    report->returned_us = clock_now_us();
    board->pins = pins;
    uint64_t asked_us = report->returned_us;
    if (ftdi_read_pins(board->context, &back) < 0)
        return lost(board, relay, "read pins", error);
    report->verified = !((back ^ pins) & ~board->inputs);
    look_for(relay, on, report->commanded_us, back, asked_us);
    if (!report->verified)
        return error_set(error, ERROR_RIG, "relay board %s: wrote 0x%02x, reads back 0x%02x", board->serial,
                         pins, back);
    return 0;
}

static int get(void *self, bool *on, struct error *error)
{
    struct relay *relay = self;
    uint8_t pins = 0;
    if (!relay->board->context && board_attach(relay->board, relay, relay->config, NULL, error))
        return -1;
    if (ftdi_read_pins(relay->board->context, &pins) < 0)
        return lost(relay->board, relay, "read pins", error);
    *on = level_of(relay, true) == ((pins & mask_of(relay)) != 0);
    return 0;
}

/* From here on the pin is an input. */
static int sense_begin(struct relay *relay, const struct driver_env *env, struct error *error)
{
    struct relay_board *board = relay->board;
    uint8_t mask = sense_mask(relay->config), pins;
    if (!mask || !env->loop || !env->sink)
        return 0;
    board->inputs |= mask;
    if (ftdi_set_bitmode(board->context, (uint8_t)~board->inputs, BITMODE_BITBANG) < 0)
        return lost(board, relay, "bit-bang mode", error);
    if (ftdi_read_pins(board->context, &pins) < 0)
        return lost(board, relay, "read pins", error);
    relay->level = (pins & mask) != 0;
    relay->timer = loop_add_timer(env->loop, LOOP_NEVER, look, relay);
    return 0;
}

static void relay_leave(void *self)
{
    struct relay *relay = self;
    loop_remove(relay->timer);
    board_leave(relay->board, relay);
    free(relay->role);
    free(relay);
}

static int relay_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct relay_board *board = board_take(config, error);
    if (!board)
        return -1;
    struct relay *relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){.next = board->relays,
                            .board = board,
                            .config = config,
                            .sink = env->sink,
                            .role = mem_string(env->role),
                            .safe_on = env->safe_on,
                            .level = -1};
    board->relays = relay;
    if (sense_begin(relay, env, error)) {
        relay_leave(relay);
        return -1;
    }
    *self = relay;
    return 0;
}

static void relay_close(void *self)
{
    struct relay *relay = self;
    struct power_report report;
    struct error error = {0};
    if (set(relay, relay->safe_on, &report, &error)) /* once more: perhaps it was unplugged meanwhile */
        set(relay, relay->safe_on, &report, NULL);
    relay_leave(relay);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    snprintf(key, size, "ftdi:%s:%d", config->serial, (int)config->channel);
}

static void claim_sense(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->sense)
        snprintf(key, size, "ftdi:%s:%d", config->serial, (int)config->sense);
}

static const char *check(const void *data)
{
    const struct config *config = data;
    return config->sense && config->sense == config->channel ? "a sense pin that is not the relay's own"
                                                             : NULL;
}

/* "OTR00001, OTR00002" or "none that you may open" */
static void list_boards(const struct config *config, char *text, size_t size)
{
    struct ftdi_context *context = ftdi_new();
    struct ftdi_device_list *list = NULL;
    size_t len = 0;
    snprintf(text, size, "none");
    if (context)
        ftdi_usb_find_all(context, &list, (int)config->vendor, (int)config->product);
    for (struct ftdi_device_list *at = list; at && len < size; at = at->next) {
        char serial[64] = "";
        int code = ftdi_usb_get_strings(context, at->dev, NULL, 0, NULL, 0, serial, sizeof serial);
        len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
                                code < 0 ? "(one that you may not open)" : serial);
    }
    ftdi_list_free(&list);
    ftdi_free(context);
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    void *self;
    bool on;
    if (relay_open(env, config, &self, error)) {
        char there[160];
        list_boards(config, there, sizeof there);
        snprintf(advice, size,
                 "boards %04x:%04x that are there: %s; a udev rule must let you open it (SUBSYSTEM==\"usb\", "
                 "ATTR{idVendor}==\"%04x\", MODE=\"0660\", GROUP=\"plugdev\")",
                 (unsigned)config->vendor, (unsigned)config->product, there, (unsigned)config->vendor);
        return -1;
    }
    int result = get(self, &on, error);
    relay_leave(self);
    return result;
}

static uint64_t sense_us(const void *data)
{
    const struct config *config = data;
    return config->sense ? (uint64_t)config->sense_ms * 1000 : 0;
}

static const struct power_ops ops = {.set = set, .get = get, .sense_us = sense_us};
const struct driver power_ftdi_driver = {.name = "ftdi",
                                         .help = "FTDI relay board in bit-bang mode (SainSmart 4/8, FT245R)",
                                         .kind = DRIVER_POWER,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .claim_also = claim_sense,
                                         .check = check,
                                         .open = relay_open,
                                         .close = relay_close,
                                         .leave = relay_leave,
                                         .power = &ops,
                                         .examine = examine};

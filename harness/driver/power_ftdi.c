/* Power "ftdi": relay boards with an FTDI chip in bit-bang mode (SainSmart and the like: FT245R, bit n is
 * relay n+1).
 *
 * The outputs keep their last value over close, reopen and a dead process; leaving bit-bang mode makes the
 * relays twitch (both: facts of the FT245R's BITMODE_RESET, AN232B-01 "Bit bang modes"). So: read the pins,
 * enter the mode, write the whole byte at once, and never leave the mode. All channels of one board in one
 * process share one handle. */
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

struct config {
    char *serial;
    int64_t channel, vendor, product;
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
    {.name = "vendor",
     .help = "USB vendor id",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, vendor),
     .standard = "0x0403",
     .low = 0,
     .high = 0xffff},
    {.name = "product",
     .help = "USB product id",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, product),
     .standard = "0x6001",
     .low = 0,
     .high = 0xffff},
    {0},
};

struct relay_board {
    struct relay_board *next;
    char *serial;
    unsigned users;
    struct ftdi_context *context; /* NULL: lost (unplugged) */
    uint8_t pins;
};

struct relay {
    struct relay_board *board;
    const struct config *config;
    bool safe_on;
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

static int lost(struct relay_board *board, const char *what, struct error *error)
{
    char text[120];
    snprintf(text, sizeof text, "%s", board->context ? ftdi_get_error_string(board->context) : "not open");
    board_drop(board);
    return error_set(error, ERROR_RIG, "relay board %s: %s: %s (unplugged? see `otarig doctor`)",
                     board->serial, what, text);
}

/* Reads the pins before the mode is entered, so that entering it changes nothing. */
static int board_attach(struct relay_board *board, const struct config *config, struct error *error)
{
    uint8_t before = 0, after = 0;
    board->context = ftdi_new();
    if (!board->context)
        return error_set(error, ERROR_SYSTEM, "libftdi has no memory");
    board->context->usb_read_timeout = board->context->usb_write_timeout = 1000;
    if (ftdi_usb_open_desc(board->context, (int)config->vendor, (int)config->product, NULL, board->serial) <
        0) {
        char text[120];
        snprintf(text, sizeof text, "%s", ftdi_get_error_string(board->context));
        ftdi_free(board->context);
        board->context = NULL;
        return error_set(error, ERROR_RIG,
                         "relay board %s: %s (plugged in? allowed by udev? held by ftdi_sio?)", board->serial,
                         text);
    }
    if (ftdi_read_pins(board->context, &before) < 0)
        return lost(board, "read pins", error);
    if (ftdi_set_bitmode(board->context, ALL_PINS, BITMODE_BITBANG) < 0)
        return lost(board, "bit-bang mode", error);
    if (ftdi_write_data(board->context, &before, 1) != 1)
        return lost(board, "write", error);
    if (ftdi_read_pins(board->context, &after) < 0)
        return lost(board, "read pins", error);
    board->pins = before;
    if (after != before)
        return error_set(error, ERROR_RIG, "relay board %s: wrote 0x%02x, reads back 0x%02x", board->serial,
                         before, after);
    return 0;
}

static struct relay_board *board_take(const struct config *config, struct error *error)
{
    for (struct relay_board *board = boards; board; board = board->next)
        if (!strcmp(board->serial, config->serial)) {
            board->users++;
            return board;
        }
    struct relay_board *board = mem_alloc(sizeof *board);
    board->serial = mem_string(config->serial);
    if (board_attach(board, config, error)) {
        board_drop(board);
        free(board->serial);
        free(board);
        return NULL;
    }
    board->users = 1;
    board->next = boards;
    boards = board;
    return board;
}

static void board_release(struct relay_board *board)
{
    if (--board->users)
        return;
    for (struct relay_board **at = &boards; *at; at = &(*at)->next)
        if (*at == board) {
            *at = board->next;
            break;
        }
    board_drop(board);
    free(board->serial);
    free(board);
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

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct relay *relay = self;
    struct relay_board *board = relay->board;
    uint8_t mask = mask_of(relay), back = 0;
    if (!board->context && board_attach(board, relay->config, error))
        return -1;
    uint8_t pins = (uint8_t)(level_of(relay, on) ? board->pins | mask : board->pins & ~mask);
    report->commanded_us = clock_now_us();
    if (ftdi_write_data(board->context, &pins, 1) != 1)
        return lost(board, "write", error);
    report->returned_us = clock_now_us();
    board->pins = pins;
    if (ftdi_read_pins(board->context, &back) < 0)
        return lost(board, "read pins", error);
    report->verified = back == pins;
    if (!report->verified)
        return error_set(error, ERROR_RIG, "relay board %s: wrote 0x%02x, reads back 0x%02x", board->serial,
                         pins, back);
    return 0;
}

static int get(void *self, bool *on, struct error *error)
{
    struct relay *relay = self;
    uint8_t pins = 0;
    if (!relay->board->context && board_attach(relay->board, relay->config, error))
        return -1;
    if (ftdi_read_pins(relay->board->context, &pins) < 0)
        return lost(relay->board, "read pins", error);
    *on = level_of(relay, true) == ((pins & mask_of(relay)) != 0);
    return 0;
}

static int relay_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct relay_board *board = board_take(config, error);
    if (!board)
        return -1;
    struct relay *relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){.board = board, .config = config, .safe_on = env->safe_on};
    *self = relay;
    return 0;
}

static void relay_close(void *self)
{
    struct relay *relay = self;
    struct power_report report;
    set(relay, relay->safe_on, &report, NULL);
    board_release(relay->board);
    free(relay);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    snprintf(key, size, "ftdi:%s:%d", config->serial, (int)config->channel);
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    if (relay_open(env, config, &self, error)) {
        snprintf(advice, size,
                 "check the cable and `lsusb -d 0403:6001 -v`; a udev rule must let you open it");
        return -1;
    }
    int result = get(self, &on, error);
    board_release(((struct relay *)self)->board);
    free(self);
    return result;
}

static const struct power_ops ops = {.set = set, .get = get};
const struct driver power_ftdi_driver = {.name = "ftdi",
                                         .help = "FTDI relay board in bit-bang mode (SainSmart 4/8, FT245R)",
                                         .kind = DRIVER_POWER,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .open = relay_open,
                                         .close = relay_close,
                                         .power = &ops,
                                         .examine = examine};

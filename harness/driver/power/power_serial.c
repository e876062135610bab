/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "serial": relay boards behind a serial port, and relays on its DTR or RTS line. A command is a few
 * bytes; the call returns when the last has left the port. Where the board can be asked, it is.
 *
 * LCUS: A0, channel, 1 or 0, sum of the three (the boards' seller's sheet; jumpstarter's noyito driver).
 * Numato: "relay on 0" and a prompt (Numato Lab, "USB Relay Module User Guide"). Devantech: "USB-RLY08B
 * technical documentation". KMTronic: FF, channel, 1 or 0 ("USB Relay commands"). DLP-IO8: "DLP-IO8-G data
 * sheet", table 1. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/console/serial_port.h"
#include "harness/driver/table.h"

#define ANSWER_LIMIT_MS 500 /* of a board that is there; Numato's take 20 */
#define BITS_PER_BYTE 10u   /* with start and stop bit */

enum protocol { LCUS, NUMATO, DEVANTECH, KMTRONIC, DLP_IO8, LINE_DTR, LINE_RTS };
static const char *const protocol_names[] = {"lcus",    "numato", "devantech", "kmtronic",
                                             "dlp-io8", "dtr",    "rts",       NULL};
static const struct {
    int64_t baud, channels;
    bool gets;
} protocols[] = {
    [LCUS] = {9600, 16, false},    [NUMATO] = {115200, 16, true},  [DEVANTECH] = {9600, 8, true},
    [KMTRONIC] = {9600, 8, false}, [DLP_IO8] = {115200, 8, false}, [LINE_DTR] = {9600, 1, true},
    [LINE_RTS] = {9600, 1, true},
};

struct config {
    char *port, *usb, *number, *location, *lock;
    int64_t channel, baud, latency_ms;
    int protocol, active;
};

static const char *const contacts[] = {"closed", "open", NULL};
static const struct option_spec options[] = {
    {.name = "protocol",
     .help = "what the board understands; dtr, rts: a relay on that line of the port",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, protocol),
     .required = true,
     .choices = protocol_names},
    {.name = "channel",
     .help = "relay, from 1",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, channel),
     .standard = "1",
     .low = 1,
     .high = 16},
    {.name = "port",
     .help = "the device, better by a stable name (/dev/serial/by-path/...)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, port)},
    {.name = "usb",
     .help = "instead of port: the board's VENDOR:PRODUCT, as lsusb shows it",
     .type = OPTION_STRING,
     .pattern = "^[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}$",
     .wanted = "VENDOR:PRODUCT in hexadecimal, as 0403:6001",
     .offset = offsetof(struct config, usb)},
    {.name = "serial",
     .help = "instead of port: the board's serial number",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, number)},
    {.name = "location",
     .help = "instead of port: where the board is plugged in (1-1.4), for those without a number",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, location)},
    {.name = "baud",
     .help = "bits a second; 0: what the protocol's boards have",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, baud),
     .standard = "0",
     .low = 50,
     .high = 12000000,
     .or_zero = true},
    {.name = "powered",
     .help =
         "the board has power while the relay is closed (normally open contact) or open (normally closed)",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, active),
     .standard = "closed",
     .choices = contacts},
    {.name = "latency_ms",
     .help = "the contact moves at most so many ms after the command",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, latency_ms),
     .standard = "20",
     .low = 0,
     .high = 10000},
    {.name = "lock",
     .help = "name of the relay, for the lock (default: its port and channel)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct relay {
    const struct config *config;
    struct serial_port port;
    bool safe_on;
};

static bool closed_for(const struct relay *relay, bool on)
{
    return on == (relay->config->active == 0);
}

/* ---- the port ---- */

static int fail(const struct relay *relay, const char *what, struct error *error)
{
    return error_set_errno(error, ERROR_RIG, errno, "%s: %s", relay->port.name, what);
}

static int64_t baud_of(const struct config *config)
{
    return config->baud ? config->baud : protocols[config->protocol].baud;
}

/* Places on one board have the port open at the same time, see hold(). */
static int port_open(struct relay *relay, struct error *error)
{
    const struct config *config = relay->config;
    const struct serial_wanted wanted = {config->port, config->usb, config->number, config->location};
    const struct serial_settings settings = {.baud = baud_of(config),
                                             .dtr = SERIAL_LEAVE,
                                             .rts = SERIAL_LEAVE,
                                             .shared = true,
                                             .lines_stay = true};
    return serial_port_open(&relay->port, &wanted, &settings, error);
}

static void port_close(struct relay *relay)
{
    serial_port_close(&relay->port);
}

/* The end of what hold() began. After a failure what is still to be sent is given up: Linux would hold the
 * close for it, and a command must not come late. Only here: what waits in the port is ours as long as it is
 * held, and else another place's. */
static void release(struct relay *relay, bool failed)
{
    if (failed)
        tcflush(relay->port.fd, TCOFLUSH);
    flock(relay->port.fd, LOCK_UN);
    if (failed)
        port_close(relay);
}

/* Until the last bit has left the port. tcdrain() has no limit: a stopped adapter would hold us, and the port
 * with us, for ever. What the kernel and the adapter have taken is out a line's time later. */
static int wait_sent(const struct relay *relay, size_t len, struct error *error)
{
    uint64_t end_us = clock_host_us() + ANSWER_LIMIT_MS * 1000;
    int left = 0;
    while (!ioctl(relay->port.fd, TIOCOUTQ, &left) && left > 0) {
        if (clock_host_us() >= end_us)
            return error_set(error, ERROR_RIG, "%s: %d bytes of a command have not left it within %d ms",
                             relay->port.name, left, ANSWER_LIMIT_MS);
        usleep(500);
    }
    usleep((useconds_t)(len * BITS_PER_BYTE * 1000000 / (uint64_t)baud_of(relay->config)));
    return 0;
}

static int send_all(const struct relay *relay, const void *data, size_t len, struct error *error)
{
    const char *at = data;
    size_t total = len;
    struct pollfd room = {.fd = relay->port.fd, .events = POLLOUT};
    while (len) {
        ssize_t n = write(relay->port.fd, at, len);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(relay, "write", error);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (poll(&room, 1, ANSWER_LIMIT_MS) == 0)
            return error_set(error, ERROR_RIG, "%s: takes no byte for %d ms", relay->port.name,
                             ANSWER_LIMIT_MS);
    }
    return wait_sent(relay, total, error);
}

/* Until `enough` says so. -1: not in time. The answer is NUL-terminated. */
static int hear(const struct relay *relay, char *answer, size_t size,
                bool (*enough)(const char *answer, size_t len), size_t *len, struct error *error)
{
    uint64_t end_us = clock_host_us() + ANSWER_LIMIT_MS * 1000;
    struct pollfd input = {.fd = relay->port.fd, .events = POLLIN};
    *len = 0;
    while (!enough(answer, *len)) {
        uint64_t now_us = clock_host_us();
        if (now_us >= end_us || *len + 1 >= size)
            return error_set(error, ERROR_RIG,
                             "%s: no answer of the relay board within %d ms (protocol, baud?)",
                             relay->port.name, ANSWER_LIMIT_MS);
        if (poll(&input, 1, (int)((end_us - now_us) / 1000) + 1) <= 0)
            continue;
        ssize_t n = read(relay->port.fd, answer + *len, size - 1 - *len);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return n ? fail(relay, "read", error)
                     : error_set(error, ERROR_RIG, "%s: unplugged?", relay->port.name);
        *len += n > 0 ? (size_t)n : 0;
        answer[*len] = 0;
    }
    return 0;
}

/* ---- the protocols ---- */

static bool one_byte(const char *answer, size_t len)
{
    return len >= 1;
}

static bool has_prompt(const char *answer, size_t len)
{
    return len && memchr(answer, '>', len);
}

/* "0" to "9", "A" to "F". */
static int numato_ask(const struct relay *relay, const char *verb, char *answer, size_t size,
                      struct error *error)
{
    char text[40];
    size_t len;
    snprintf(text, sizeof text, "relay %s %X\r", verb, (unsigned)relay->config->channel - 1);
    tcflush(relay->port.fd, TCIFLUSH);
    return send_all(relay, text, strlen(text), error) || hear(relay, answer, size, has_prompt, &len, error)
               ? -1
               : 0;
}

static int line_set(const struct relay *relay, bool closed, struct error *error)
{
    int bit = relay->config->protocol == LINE_DTR ? TIOCM_DTR : TIOCM_RTS;
    return ioctl(relay->port.fd, closed ? TIOCMBIS : TIOCMBIC, &bit) ? fail(relay, "modem lines", error) : 0;
}

static int command(const struct relay *relay, bool closed, struct error *error)
{
    static const char high[] = "12345678", low[] = "QWERTYUI";
    uint8_t channel = (uint8_t)relay->config->channel, state = closed;
    char answer[200];
    switch ((enum protocol)relay->config->protocol) {
    case LCUS:
        return send_all(relay, (uint8_t[]){0xa0, channel, state, (uint8_t)(0xa0 + channel + state)}, 4,
                        error);
    case NUMATO:
        return numato_ask(relay, closed ? "on" : "off", answer, sizeof answer, error);
    case DEVANTECH:
        return send_all(relay, (uint8_t[]){(uint8_t)((closed ? 0x65 : 0x6f) + channel - 1)}, 1, error);
    case KMTRONIC:
        return send_all(relay, (uint8_t[]){0xff, channel, state}, 3, error);
    case DLP_IO8:
        return send_all(relay, &(closed ? high : low)[channel - 1], 1, error);
    case LINE_DTR:
    case LINE_RTS:
        return line_set(relay, closed, error);
    }
    return -1;
}

static int numato_read(const struct relay *relay, bool *closed, struct error *error)
{
    char answer[200];
    if (numato_ask(relay, "read", answer, sizeof answer, error))
        return -1;
    /* the echo comes first, and it has "relay read" in it */
    const char *line = strpbrk(answer, "\r\n");
    line = line ? line + strspn(line, "\r\n ") : answer;
    size_t len = strcspn(line, "\r\n>");
    *closed = len == 2 && !strncmp(line, "on", 2);
    return *closed || (len == 3 && !strncmp(line, "off", 3))
               ? 0
               : error_set(error, ERROR_RIG, "%s: expected on or off, found '%.*s'", relay->port.name,
                           (int)len, line);
}

static int read_back(const struct relay *relay, bool *closed, struct error *error)
{
    char answer[8];
    size_t len;
    int bits;
    switch ((enum protocol)relay->config->protocol) {
    case NUMATO:
        return numato_read(relay, closed, error);
    case DEVANTECH:
        tcflush(relay->port.fd, TCIFLUSH);
        if (send_all(relay, "\x5b", 1, error) || hear(relay, answer, sizeof answer, one_byte, &len, error))
            return -1;
        *closed = (uint8_t)answer[0] >> (relay->config->channel - 1) & 1;
        return 0;
    case LINE_DTR:
    case LINE_RTS:
        if (ioctl(relay->port.fd, TIOCMGET, &bits))
            return fail(relay, "modem lines", error);
        *closed = bits & (relay->config->protocol == LINE_DTR ? TIOCM_DTR : TIOCM_RTS);
        return 0;
    default:
        return error_set(error, ERROR_INPUT, "%s: boards of this protocol cannot be asked", relay->port.name);
    }
}

/* ---- the driver ---- */

/* Places on one board have one port each for themselves, so that whoever is in the middle of a question holds
 * the others up, also those of other programs of ours. */
static int hold(const struct relay *relay, struct error *error)
{
    uint64_t end_us = clock_host_us() + ANSWER_LIMIT_MS * 2000;
    while (flock(relay->port.fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK || clock_host_us() >= end_us)
            return fail(relay, "held by somebody else", error);
        usleep(1000);
    }
    return 0;
}

static int set_held(struct relay *relay, bool on, struct power_report *report, struct error *error)
{
    bool wanted = closed_for(relay, on), closed = !wanted;
    report->commanded_us = clock_now_us();
    if (command(relay, wanted, error))
        return -1;
    report->returned_us = clock_now_us();
    if (!protocols[relay->config->protocol].gets)
        return 0;
    if (read_back(relay, &closed, error))
        return -1;
    report->verified = closed == wanted;
    return report->verified ? 0
                            : error_set(error, ERROR_RIG, "%s: relay %d was %s, but reads %s",
                                        relay->port.name, (int)relay->config->channel,
                                        wanted ? "closed" : "opened", closed ? "closed" : "open");
}

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct relay *relay = self;
    *report = (struct power_report){.commanded_us = clock_now_us()};
    /* one that was unplugged may be back */
    if (relay->port.fd < 0 && port_open(relay, error)) {
        port_close(relay);
        return -1;
    }
    if (hold(relay, error)) {
        port_close(relay);
        return -1;
    }
    int failed = set_held(relay, on, report, error);
    release(relay, failed);
    return failed;
}

static int get(void *self, bool *on, struct error *error)
{
    struct relay *relay = self;
    bool closed;
    if ((relay->port.fd < 0 && port_open(relay, error)) || hold(relay, error))
        return -1;
    int failed = read_back(relay, &closed, error);
    release(relay, failed);
    *on = closed == closed_for(relay, true);
    return failed;
}

static int relay_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct relay *relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){.config = config, .port.fd = -1, .safe_on = env->safe_on};
    if (port_open(relay, error)) {
        port_close(relay);
        free(relay);
        return -1;
    }
    *self = relay;
    return 0;
}

static void relay_leave(void *self)
{
    port_close(self);
    free(self);
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

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->latency_ms * 1000;
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char *port = config->port ? claim_device(config->port) : NULL, channel[16];
    const char *where = port               ? port
                        : config->number   ? config->number
                        : config->location ? config->location
                                           : config->usb;
    snprintf(channel, sizeof channel, "%d", (int)config->channel);
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "relay", (const char *const[]){where, channel, NULL});
    free(port);
}

static const char *const ways[] = {"port", "usb", "serial", "location", NULL};
static const struct option_rule rules[] = {
    {OPTION_ONE_OF, ways,
     .wanted = "one of \"port\", \"usb\", \"serial\" and \"location\", by which its port is found"},
    {0}};

static const char *check(const void *data)
{
    const struct config *config = data;
    if (config->channel > protocols[config->protocol].channels)
        return "a \"channel\" that boards of this protocol have";
    return NULL;
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    void *self;
    bool on;
    if (relay_open(env, config, &self, error)) {
        snprintf(advice, size, "is it plugged in, and may you open it (group dialout)?");
        return -1;
    }
    int failed = protocols[config->protocol].gets ? get(self, &on, error) : 0;
    relay_leave(self);
    if (failed)
        snprintf(advice, size, "is it the right port, and the right \"protocol\"?");
    return failed;
}

static const struct power_ops ops = {.set = set, .get = get, .latency_us = latency_us};
const struct driver power_serial_driver = {
    .name = "serial",
    .help = "relay boards behind a serial port (LCUS, Numato, Devantech, KMTronic, DLP-IO8), DTR, RTS",
    .kind = DRIVER_POWER,
    .options = options,
    .config_size = sizeof(struct config),
    .claim = claim,
    .rules = rules,
    .check = check,
    .open = relay_open,
    .close = relay_close,
    .leave = relay_leave,
    .power = &ops,
    .examine = examine};

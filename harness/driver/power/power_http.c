/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "http": outlets behind HTTP. A preset knows what a kind of device is asked for and what it answers;
 * the preset "generic" takes that from the rack file. That a device answers is no proof that it acted: where
 * it can be asked for its state, that is awaited, and even that is only what it believes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json_pointer.h"
#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/http_switch.h"
#include "harness/driver/table.h"

struct config {
    struct http_device device;
    struct switch_limits limits;
    int preset, method;
    char *outlet, *host, *on, *off, *get, *on_body, *off_body, *pointer, *answer_pointer, *is_on, *is_off,
        *lock;
};

/* What a kind of device is asked for. */
struct preset {
    const char *method, *on, *off, *get, *on_body, *off_body;
    const char *pointer;        /* of the state in the answer to `get`; NULL: all of it */
    const char *pointer_alone;  /* the same of a device with one outlet only */
    const char *answer_pointer; /* of the state in the answer to a command; NULL: it tells none */
    const char *id_pointer;     /* of the outlet's name in the answer to `get`; NULL: it tells none */
    const char *outlet;         /* where the rack file names none; NULL: it has to */
    bool needs_host;
};

static const char *const preset_names[] = {"shelly1",        "shelly2",   "tasmota", "esphome",
                                           "home-assistant", "pdudaemon", "generic", NULL};
enum { GENERIC = 6 };
/* Shelly: "Gen 1 Device API Reference" /relay/0, "Gen 2 API, Switch component"; Tasmota: "Commands, With Web
 * Requests"; ESPHome: "Web Server API"; Home Assistant: "REST API"; pdudaemon: README, "HTTP". */
static const struct preset presets[] = {
    {.on = "/relay/{outlet}?turn=on",
     .off = "/relay/{outlet}?turn=off",
     .get = "/relay/{outlet}",
     .pointer = "/ison",
     .answer_pointer = "/ison",
     .outlet = "0"},
    {.on = "/rpc/Switch.Set?id={outlet}&on=true",
     .off = "/rpc/Switch.Set?id={outlet}&on=false",
     .get = "/rpc/Switch.GetStatus?id={outlet}",
     .pointer = "/output",
     .id_pointer = "/id",
     .outlet = "0"},
    {.on = "/cm?cmnd=Power{outlet}%20On",
     .off = "/cm?cmnd=Power{outlet}%20Off",
     .get = "/cm?cmnd=Power{outlet}",
     .pointer = "/POWER{outlet}",
     .pointer_alone = "/POWER",
     .answer_pointer = "/POWER{outlet}",
     .outlet = "1"},
    {.method = "POST",
     .on = "/switch/{outlet}/turn_on",
     .off = "/switch/{outlet}/turn_off",
     .get = "/switch/{outlet}",
     .pointer = "/state"},
    {.method = "POST",
     .on = "/api/services/homeassistant/turn_on",
     .off = "/api/services/homeassistant/turn_off",
     .on_body = "{\"entity_id\":\"{outlet}\"}",
     .off_body = "{\"entity_id\":\"{outlet}\"}",
     .get = "/api/states/{outlet}",
     .pointer = "/state",
     .id_pointer = "/entity_id"},
    {.on = "/power/control/on?hostname={host}&port={outlet}",
     .off = "/power/control/off?hostname={host}&port={outlet}",
     .needs_host = true},
    [GENERIC] = {.outlet = ""},
};

static const char *const methods[] = {"GET", "POST", "PUT", NULL};
#define TEXT(member, text, like, want) HTTP_TEXT(struct config, member, #member, text, false, like, want)
static const struct option_spec options[] = {
    HTTP_DEVICE_OPTIONS(struct config),
    {.name = "preset",
     .help = "the kind of device; generic: as \"on\", \"off\" and \"get\" say",
     .type = OPTION_CHOICE,
     .required = true,
     .offset = offsetof(struct config, preset),
     .choices = preset_names},
    TEXT(outlet, "which of its outlets: {outlet} in paths and bodies", NULL, NULL),
    TEXT(host, "pdudaemon: the PDU, as it is called there: {host}", NULL, NULL),
    TEXT(on, "generic: the path that switches it on", HTTP_PATH, HTTP_PATH_WANTED),
    TEXT(off, "generic: the path that switches it off", HTTP_PATH, HTTP_PATH_WANTED),
    TEXT(get, "generic: the path that tells its state", HTTP_PATH, HTTP_PATH_WANTED),
    {.name = "method",
     .help = "generic: of \"on\" and \"off\"",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, method),
     .standard = "GET",
     .choices = methods},
    TEXT(on_body, "generic: what is sent along with \"on\" (JSON)", NULL, NULL),
    TEXT(off_body, "generic: what is sent along with \"off\" (JSON)", NULL, NULL),
    TEXT(pointer, "generic: JSON pointer of the state in the answer to \"get\" (default: all of the answer)",
         JSON_POINTER_PATTERN, JSON_POINTER_WANTED),
    TEXT(answer_pointer, "generic: the same in the answer to \"on\" and \"off\" (default: they tell none)",
         JSON_POINTER_PATTERN, JSON_POINTER_WANTED),
    TEXT(is_on, "generic: what it tells when it is on (default: on, 1, true)", NULL, NULL),
    TEXT(is_off, "generic: what it tells when it is off (default: off, 0, false)", NULL, NULL),
    TEXT(lock,
         "name of the physical switch, for the lock (default: url, host and outlet, or on and its body)",
         NULL, NULL),
    SWITCH_LIMITS(struct config, "1000"),
    {0},
};

struct outlet {
    const struct config *config;
    struct preset preset;
    struct http_word words[3];
    struct http_switch http;
    struct slow_switch *owner;
    char name[200];
};

/* ---- what is asked for, and what the answer says ---- */

static struct preset preset_of(const struct config *config)
{
    struct preset preset = presets[config->preset];
    if (config->preset != GENERIC)
        return preset;
    return (struct preset){.method = methods[config->method],
                           .on = config->on,
                           .off = config->off,
                           .get = config->get,
                           .on_body = config->on_body,
                           .off_body = config->off_body,
                           .pointer = config->pointer,
                           .answer_pointer = config->answer_pointer,
                           .outlet = ""};
}

static const char *outlet_of(const struct outlet *outlet)
{
    return outlet->config->outlet ? outlet->config->outlet : outlet->preset.outlet;
}

static void wish(void *arg, enum switch_ask ask, struct http_wish *wish)
{
    const struct outlet *outlet = arg;
    const struct preset *preset = &outlet->preset;
    wish->words = outlet->words;
    wish->method = ask == SWITCH_GET ? NULL : preset->method;
    wish->path = ask == SWITCH_GET ? preset->get : ask == SWITCH_ON ? preset->on : preset->off;
    wish->body = ask == SWITCH_GET ? NULL : ask == SWITCH_ON ? preset->on_body : preset->off_body;
}

static int take_word(const struct config *config, const char *name, const char *text, bool *on,
                     struct error *error)
{
    return switch_state(text, config->is_on, config->is_off, on)
               ? 0
               : error_set(error, ERROR_RIG, "%s: tells '%.60s', which is neither on nor off", name, text);
}

/* "/POWER{outlet}" of outlet 2 is "/POWER2". */
static void fill_pointer(const struct outlet *outlet, const char *pointer, char *out, size_t size)
{
    const char *at = strstr(pointer, "{outlet}");
    if (at)
        snprintf(out, size, "%.*s%s%s", (int)(at - pointer), pointer, outlet_of(outlet),
                 at + strlen("{outlet}"));
    else
        snprintf(out, size, "%s", pointer);
}

static int read_at(const struct outlet *outlet, const char *name, const struct http_answer *answer,
                   const char *pointer, char *text, size_t size, struct error *error)
{
    char filled[200];
    struct error other = {0};
    const char *alone = outlet->preset.pointer_alone;
    if (!pointer)
        return http_device_read(name, answer, NULL, text, size, error);
    fill_pointer(outlet, pointer, filled, sizeof filled);
    if (!http_device_read(name, answer, filled, text, size, error))
        return 0;
    /* a device with one outlet leaves its number out */
    return alone && !strcmp(outlet_of(outlet), outlet->preset.outlet) &&
                   !http_device_read(name, answer, alone, text, size, &other)
               ? 0
               : -1;
}

static int check_id(const struct outlet *outlet, const char *name, const struct http_answer *answer,
                    struct error *error)
{
    char id[120];
    if (!outlet->preset.id_pointer)
        return 0;
    if (http_device_read(name, answer, outlet->preset.id_pointer, id, sizeof id, error))
        return -1;
    return strcmp(id, outlet_of(outlet))
               ? error_set(error, ERROR_RIG, "%s: answers for outlet '%.60s', not for '%.60s'", name, id,
                           outlet_of(outlet))
               : 0;
}

/* `on` is for SWITCH_GET. */
static int judge(void *arg, enum switch_ask ask, const char *name, const struct http_answer *answer, bool *on,
                 struct error *error)
{
    const struct outlet *outlet = arg;
    char text[200];
    bool told;
    const struct preset *preset = &outlet->preset;
    if (ask == SWITCH_GET)
        return read_at(outlet, name, answer, preset->pointer, text, sizeof text, error) ||
                       take_word(outlet->config, name, text, on, error) ||
                       check_id(outlet, name, answer, error)
                   ? -1
                   : 0;
    if (!preset->answer_pointer)
        return http_device_read(name, answer, NULL, text, sizeof text, error);
    if (read_at(outlet, name, answer, preset->answer_pointer, text, sizeof text, error) ||
        take_word(outlet->config, name, text, &told, error))
        return -1;
    return told == (ask == SWITCH_ON) ? 0
                                      : error_set(error, ERROR_RIG, "%s: switched %s, but it answers '%.60s'",
                                                  name, ask == SWITCH_ON ? "on" : "off", text);
}

/* ---- the driver ---- */

static struct outlet *outlet_new(const struct driver_env *env, const struct config *config)
{
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    *outlet = (struct outlet){.config = config, .preset = preset_of(config)};
    outlet->words[0] = (struct http_word){"{outlet}", outlet_of(outlet)};
    outlet->words[1] = (struct http_word){"{host}", config->host};
    snprintf(outlet->name, sizeof outlet->name, "%s%s%s", config->device.url,
             outlet_of(outlet)[0] ? " outlet " : "", outlet_of(outlet));
    outlet->http = (struct http_switch){.loop = env->loop,
                                        .device = &config->device,
                                        .timeout_ms = config->limits.timeout_ms,
                                        .arg = outlet,
                                        .wish = wish,
                                        .judge = judge};
    http_switch_init(&outlet->http, outlet->name, outlet->preset.get);
    outlet->owner = slow_switch_new(env, &outlet->http.wire, &config->limits);
    return outlet;
}

static int outlet_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    *self = outlet_new(env, config);
    return 0;
}

static void outlet_leave(void *self)
{
    struct outlet *outlet = self;
    slow_switch_leave(outlet->owner);
    free(outlet);
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    slow_switch_close(outlet->owner);
    free(outlet);
}

static int start(void *self, bool on, struct power_report *report, struct error *error)
{
    return slow_switch_start(((struct outlet *)self)->owner, on, report, error);
}

static int get(void *self, bool *on, struct error *error)
{
    return slow_switch_get(((struct outlet *)self)->owner, on, error);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->limits.latency_ms * 1000;
}

static uint64_t safe_us(const void *config)
{
    return switch_safe_us(&((const struct config *)config)->limits);
}

/* Without an outlet's name the command is the name, also where only its body tells the outlets apart. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    const char *outlet = config->outlet ? config->outlet : presets[config->preset].outlet;
    char *where = claim_url(config->device.url);
    if (config->lock)
        claim_named(key, size, config->lock);
    else if (outlet && outlet[0])
        claim_put(key, size, "http",
                  (const char *const[]){where, outlet, config->host /* NULL: an end */, NULL});
    else
        claim_put(key, size, "http",
                  (const char *const[]){where, config->on ? config->on : "", config->on_body, NULL});
    free(where);
}

static const char *const commands[] = {"on", "off", NULL};
static const char *const details[] = {"get",   "method", "on_body", "off_body", "pointer", "answer_pointer",
                                      "is_on", "is_off", NULL};
static const char *const hosts[] = {"host", NULL};
static const struct option_rule rules[] = {
    {OPTION_EXACTLY_WHERE, commands, "preset", "generic",
     "\"on\" and \"off\" with the preset \"generic\", and only there"},
    {OPTION_ONLY_WHERE, details, "preset", "generic",
     "\"get\" and what belongs to it only with the preset \"generic\""},
    {OPTION_EXACTLY_WHERE, hosts, "preset", "pdudaemon",
     "\"host\" with the preset \"pdudaemon\", and only there"},
    HTTP_DEVICE_RULES,
    {0}};

static const char *check(const void *data)
{
    const struct config *config = data;
    const struct preset *preset = &presets[config->preset];
    if (!preset->outlet && !config->outlet)
        return "an \"outlet\" for this preset";
    if (config->method == 0 && (config->on_body || config->off_body))
        return "the \"method\" POST or PUT for bodies";
    return http_device_check(&config->device);
}

/* Switches nothing. A device that cannot be asked is not heard of: pdudaemon has no such question. */
static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    struct outlet *outlet = outlet_new(env, config);
    bool on;
    int failed = outlet->preset.get ? outlet->http.wire.call(&outlet->http, SWITCH_GET, &on, error) : 0;
    outlet_leave(outlet);
    if (failed)
        snprintf(advice, size, "is it there, is its address right, and does it want a user or a token?");
    return failed;
}

static const struct power_ops ops = {
    .start = start, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_http_driver = {
    .name = "http",
    .help = "outlets behind HTTP: Shelly, Tasmota, ESPHome, Home Assistant, pdudaemon, or as you say",
    .kind = DRIVER_POWER,
    .options = options,
    .config_size = sizeof(struct config),
    .claim = claim,
    .rules = rules,
    .check = check,
    .open = outlet_open,
    .close = outlet_close,
    .leave = outlet_leave,
    .power = &ops,
    .examine = examine};

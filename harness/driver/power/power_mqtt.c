/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "mqtt": plugs that a broker reaches (Tasmota, zigbee2mqtt, any topic), through libmosquitto. Each
 * question is a connection of its own. That a broker has taken a command says nothing of the plug: its state
 * is asked for, and a state that the broker kept from before does not count where the plug can be asked. A
 * plug that cannot be asked tells its state by itself, perhaps only once: who commands it listens first. */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/json_pointer.h"
#include "harness/base/mem.h"
#include "harness/base/secret.h"
#include "harness/driver/claim.h"
#include "harness/driver/power/slow_switch.h"
#include "harness/driver/table.h"

#define STATE_MAX 65536 /* zigbee2mqtt tells all that it knows of a plug at once */
#define TOPIC_PATTERN "^[^+#]+$"
#define TOPIC_WANTED "a topic without + and #"

struct config {
    char *host, *user, *password_from, *ca_file, *device, *outlet, *lock;
    char *topic, *on_payload, *off_payload, *state_topic, *get_topic, *get_payload, *pointer, *is_on, *is_off;
    struct switch_limits limits;
    int64_t port;
    int preset;
    bool tls;
};

/* {device} and {outlet} are filled in. Tasmota: "MQTT", cmnd/ and stat/; zigbee2mqtt: "MQTT topics and
 * messages". */
struct words {
    const char *topic, *on, *off, *state, *get, *get_payload, *pointer;
};
enum { TASMOTA, ZIGBEE2MQTT, GENERIC };
static const char *const preset_names[] = {"tasmota", "zigbee2mqtt", "generic", NULL};
static const struct words presets[] = {
    {"cmnd/{device}/POWER{outlet}", "ON", "OFF", "stat/{device}/POWER{outlet}", "cmnd/{device}/POWER{outlet}",
     "", NULL},
    {"zigbee2mqtt/{device}/set", "{\"state\":\"ON\"}", "{\"state\":\"OFF\"}", "zigbee2mqtt/{device}",
     "zigbee2mqtt/{device}/get", "{\"state\":\"\"}", "/state"},
    {NULL, "ON", "OFF", NULL, NULL, "", NULL},
};

#define TEXT(member, text, must, like, want)                                                                 \
    {                                                                                                        \
        .name = #member, .help = text, .type = OPTION_STRING, .offset = offsetof(struct config, member),     \
        .required = must, .pattern = like, .wanted = want                                                    \
    }
static const struct option_spec options[] = {
    TEXT(host, "where the broker is", true, "^[^ @/:]+$", "a host name or an address"),
    {.name = "port",
     .help = "of the broker; 0: 1883, with TLS 8883",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, port),
     .standard = "0",
     .low = 0,
     .high = 65535},
    {.name = "preset",
     .help = "the kind of plug; generic: as \"topic\" and what follows it say",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, preset),
     .required = true,
     .choices = preset_names},
    TEXT(device, "the plug, as its topics call it: {device}", false, TOPIC_PATTERN, TOPIC_WANTED),
    TEXT(outlet, "which of its outlets: {outlet}", false, TOPIC_PATTERN, TOPIC_WANTED),
    TEXT(topic, "generic: of the commands", false, TOPIC_PATTERN, TOPIC_WANTED),
    TEXT(on_payload, "generic: what switches it on (default: ON)", false, NULL, NULL),
    TEXT(off_payload, "generic: what switches it off (default: OFF)", false, NULL, NULL),
    TEXT(state_topic, "generic: where it tells its state", false, TOPIC_PATTERN, TOPIC_WANTED),
    TEXT(get_topic, "generic: what makes it tell its state (default: it does by itself)", false,
         TOPIC_PATTERN, TOPIC_WANTED),
    TEXT(get_payload, "generic: and what is sent there (default: nothing)", false, NULL, NULL),
    TEXT(pointer, "generic: JSON pointer of the state (default: all of the message)", false,
         JSON_POINTER_PATTERN, JSON_POINTER_WANTED),
    TEXT(is_on, "generic: what it tells when it is on (default: on, 1, true)", false, NULL, NULL),
    TEXT(is_off, "generic: what it tells when it is off (default: off, 0, false)", false, NULL, NULL),
    TEXT(user, "who we are", false, NULL, NULL),
    TEXT(password_from, "where the password is: file:PATH or env:NAME", false, SECRET_PATTERN, SECRET_WANTED),
    {.name = "tls",
     .help = "the connection is encrypted, and the broker's certificate verified",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, tls),
     .standard = "false"},
    TEXT(ca_file, "certificates to trust (default: the system's)", false, NULL, NULL),
    TEXT(lock, "name of the physical switch, for the lock (default: host, port and topic)", false, NULL,
         NULL),
    SWITCH_LIMITS(struct config, "1000"),
    {0},
};

struct outlet {
    const struct config *config;
    struct words words;
    struct switch_wire wire;
    struct slow_switch *owner;
    char *told; /* its state, as it told by itself after the last command; NULL: not */
    char name[200];
};

/* ---- one question ---- */

struct talk {
    const struct outlet *outlet;
    struct mosquitto *client;
    bool connected, subscribed, published;
    int refused; /* CONNACK's code */
    char *now,
        *kept; /* what the plug told meanwhile, and what the broker had kept from before; NULL: nothing */
    bool told, wanted; /* something that counts; what a command wants */
    bool commands;     /* what counts is the state that the command wants */
    bool may_be_old;   /* what the broker had kept counts */
};

static void fill(const struct outlet *outlet, const char *template, char *out, size_t size)
{
    const struct config *config = outlet->config;
    size_t len = 0;
    for (const char *c = template; *c && len + 1 < size;) {
        const char *value = !strncmp(c, "{device}", 8)   ? (config->device ? config->device : "")
                            : !strncmp(c, "{outlet}", 8) ? (config->outlet ? config->outlet : "")
                                                         : NULL;
        if (value) {
            len += (size_t)snprintf(out + len, size - len, "%s", value);
            c += 8;
        } else
            out[len++] = *c++;
    }
    out[len < size ? len : size - 1] = 0;
}

static void on_connect(struct mosquitto *client, void *arg, int code)
{
    struct talk *talk = arg;
    talk->refused = code;
    talk->connected = !code;
}

static void on_subscribe(struct mosquitto *client, void *arg, int id, int count, const int *granted)
{
    ((struct talk *)arg)->subscribed = true;
}

static void on_publish(struct mosquitto *client, void *arg, int id)
{
    ((struct talk *)arg)->published = true;
}

static bool reads(const struct outlet *outlet, const char *message, bool *on)
{
    const char *pointer = outlet->words.pointer;
    char text[100];
    cJSON *root = pointer ? cJSON_Parse(message) : NULL;
    bool found = !pointer || json_pointer_text(json_pointer(root, pointer), text, sizeof text);
    cJSON_Delete(root);
    return found && switch_state(pointer ? text : message, outlet->config->is_on, outlet->config->is_off, on);
}

static bool shows(const struct talk *talk, const char *message)
{
    bool on;
    return message && reads(talk->outlet, message, &on) && on == talk->wanted;
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message)
{
    struct talk *talk = arg;
    char **place = message->retain ? &talk->kept : &talk->now;
    if (message->payloadlen > STATE_MAX)
        return;
    free(*place);
    *place = mem_printf("%.*s", message->payloadlen, message->payload ? (const char *)message->payload : "");
    if (talk->commands)
        talk->told = shows(talk, talk->now) || shows(talk, talk->kept);
    else
        talk->told = talk->now || talk->may_be_old;
}

static int fail(const struct talk *talk, int code, struct error *error)
{
    bool unreached = !talk->connected && (code == MOSQ_ERR_ERRNO || code == MOSQ_ERR_CONN_LOST ||
                                          code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_REFUSED);
    return error_set(error, ERROR_RIG, "%s: %s", talk->outlet->name,
                     unreached ? "the broker cannot be reached" : mosquitto_strerror(code));
}

/* Until *done, at most so long. */
static int await(struct talk *talk, const bool *done, uint64_t end_us, const char *what, struct error *error)
{
    while (!*done) {
        int code = mosquitto_loop(talk->client, 50, 1);
        if (talk->refused)
            return error_set(error, ERROR_RIG, "%s: the broker says: %s", talk->outlet->name,
                             mosquitto_connack_string(talk->refused));
        if (code)
            return fail(talk, code, error);
        if (!*done && clock_host_us() >= end_us)
            return error_set(error, ERROR_RIG, "%s: %s within %d ms", talk->outlet->name, what,
                             (int)talk->outlet->config->limits.timeout_ms);
    }
    return 0;
}

static int set_credentials(const struct outlet *outlet, struct mosquitto *client, struct error *error)
{
    const struct config *config = outlet->config;
    char password[SECRET_MAX];
    if (secret_read(config->password_from, password, error))
        return -1;
    int code = config->user
                   ? mosquitto_username_pw_set(client, config->user, config->password_from ? password : NULL)
                   : MOSQ_ERR_SUCCESS;
    secret_forget(password, sizeof password);
    if (!code && config->tls) {
        if (config->ca_file)
            code = mosquitto_tls_set(client, config->ca_file, NULL, NULL, NULL, NULL);
        else
            code = mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
        if (!code)
            code = mosquitto_tls_opts_set(client, 1, NULL, NULL);
    }
    return code ? error_set(error, ERROR_INPUT, "%s: %s", outlet->name, mosquitto_strerror(code)) : 0;
}

/* From one address of ours, or (NULL) from any: that chooses among the addresses of the broker. */
static int connect_from(struct talk *talk, const char *own, uint64_t end_us, struct error *error)
{
    const struct config *config = talk->outlet->config;
    int port = config->port ? (int)config->port : config->tls ? 8883 : 1883;
    int code = mosquitto_connect_bind_async(talk->client, config->host, port, 30, own);
    if (code)
        return fail(talk, code, error);
    return await(talk, &talk->connected, end_us, "no connection with the broker", error);
}

/* A connection that is not waited for is tried with the broker's first address alone. A name may lead to one
 * of IPv6 first while its broker hears IPv4 only. */
static int connect_broker(struct talk *talk, uint64_t end_us, struct error *error)
{
    struct error other = {0};
    if (!connect_from(talk, NULL, end_us, error))
        return 0;
    if (talk->refused || clock_host_us() >= end_us || connect_from(talk, "0.0.0.0", end_us, &other))
        return -1;
    *error = (struct error){0};
    return 0;
}

static int begin(struct talk *talk, uint64_t end_us, struct error *error)
{
    const struct outlet *outlet = talk->outlet;
    talk->client = mosquitto_new(NULL, true, talk);
    if (!talk->client)
        return error_set(error, ERROR_SYSTEM, "libmosquitto has no memory");
    mosquitto_connect_callback_set(talk->client, on_connect);
    mosquitto_subscribe_callback_set(talk->client, on_subscribe);
    mosquitto_publish_callback_set(talk->client, on_publish);
    mosquitto_message_callback_set(talk->client, on_message);
    return set_credentials(outlet, talk->client, error) ? -1 : connect_broker(talk, end_us, error);
}

static int publish(struct talk *talk, const char *topic, const char *payload, uint64_t end_us,
                   struct error *error)
{
    char filled_topic[300], filled[400];
    fill(talk->outlet, topic, filled_topic, sizeof filled_topic);
    fill(talk->outlet, payload, filled, sizeof filled);
    talk->published = false;
    int code = mosquitto_publish(talk->client, NULL, filled_topic, (int)strlen(filled), filled, 1, false);
    if (code)
        return error_set(error, ERROR_RIG, "%s: %s: %s", talk->outlet->name, filled_topic,
                         mosquitto_strerror(code));
    return await(talk, &talk->published, end_us, "the broker took nothing", error);
}

static int take_state(const struct outlet *outlet, const char *message, bool *on, struct error *error)
{
    return reads(outlet, message, on)
               ? 0
               : error_set(error, ERROR_RIG, "%s: tells '%.60s', which is neither on nor off", outlet->name,
                           message);
}

static int subscribe(struct talk *talk, uint64_t end_us, struct error *error)
{
    char topic[300];
    fill(talk->outlet, talk->outlet->words.state, topic, sizeof topic);
    int code = mosquitto_subscribe(talk->client, NULL, topic, 1);
    if (code)
        return error_set(error, ERROR_RIG, "%s: %s: %s", talk->outlet->name, topic, mosquitto_strerror(code));
    return await(talk, &talk->subscribed, end_us, "no subscription", error);
}

static int read_state(struct talk *talk, uint64_t end_us, bool *on, struct error *error)
{
    const struct words *words = &talk->outlet->words;
    talk->may_be_old = !words->get;
    if (subscribe(talk, end_us, error) ||
        (words->get && publish(talk, words->get, words->get_payload, end_us, error)) ||
        await(talk, &talk->told, end_us, "the plug tells no state", error))
        return -1;
    return take_state(talk->outlet, talk->now ? talk->now : talk->kept, on, error);
}

static int command(struct talk *talk, struct outlet *outlet, uint64_t end_us, struct error *error)
{
    const struct words *words = &outlet->words;
    struct error silent = {0};
    bool listens = words->state && !words->get;
    talk->commands = true;
    free(outlet->told);
    outlet->told = NULL;
    if ((listens && subscribe(talk, end_us, error)) ||
        publish(talk, words->topic, talk->wanted ? words->on : words->off, end_us, error))
        return -1;
    /* it need not tell what it was before already */
    if (listens)
        await(talk, &talk->told, end_us, "silent", &silent);
    outlet->told = talk->now ? mem_string(talk->now) : NULL;
    return 0;
}

static int ask_broker(struct talk *talk, struct outlet *outlet, enum switch_ask ask, bool *on,
                      struct error *error)
{
    uint64_t end_us = clock_host_us() + (uint64_t)outlet->config->limits.timeout_ms * 1000;
    if (begin(talk, end_us, error))
        return -1;
    return ask == SWITCH_GET ? read_state(talk, end_us, on, error) : command(talk, outlet, end_us, error);
}

static int call(void *self, enum switch_ask ask, bool *on, struct error *error)
{
    struct outlet *outlet = self;
    struct talk talk = {.outlet = outlet, .wanted = ask == SWITCH_ON};
    if (ask == SWITCH_GET && outlet->told) {
        /* once: whoever asks again wants to know what has become of it */
        int failed = take_state(outlet, outlet->told, on, error);
        free(outlet->told);
        outlet->told = NULL;
        return failed;
    }
    int failed = ask_broker(&talk, outlet, ask, on, error);
    if (talk.client) {
        mosquitto_disconnect(talk.client);
        mosquitto_destroy(talk.client);
    }
    free(talk.now);
    free(talk.kept);
    return failed;
}

/* ---- the driver ---- */

static struct words words_of(const struct config *config)
{
    struct words words = presets[config->preset];
    if (config->preset != GENERIC)
        return words;
    return (struct words){.topic = config->topic,
                          .on = config->on_payload ? config->on_payload : words.on,
                          .off = config->off_payload ? config->off_payload : words.off,
                          .state = config->state_topic,
                          .get = config->get_topic,
                          .get_payload = config->get_payload ? config->get_payload : "",
                          .pointer = config->pointer};
}

static int outlet_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    static bool begun;
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    if (!begun)
        mosquitto_lib_init();
    begun = true;
    *outlet = (struct outlet){.config = config, .words = words_of(config)};
    snprintf(outlet->name, sizeof outlet->name, "mqtt %s %s%s%s", config->host,
             config->device ? config->device : outlet->words.topic, config->outlet ? " outlet " : "",
             config->outlet ? config->outlet : "");
    outlet->wire =
        (struct switch_wire){.self = outlet, .name = outlet->name, .gets = outlet->words.state, .call = call};
    outlet->owner = slow_switch_new(env, &outlet->wire, &config->limits);
    *self = outlet;
    return 0;
}

static void outlet_leave(void *self)
{
    struct outlet *outlet = self;
    slow_switch_leave(outlet->owner);
    free(outlet->told);
    free(outlet);
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    slow_switch_close(outlet->owner);
    free(outlet->told);
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

/* The topic names the plug, whichever preset leads to it. Two outlets may have one topic and differ in what
 * is sent there. A broker is the same with and without TLS. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    const struct outlet outlet = {.config = config, .words = words_of(config)};
    int64_t port = config->port == 1883 || config->port == 8883 ? 0 : config->port;
    char *broker = claim_host(config->host, port), topic[304], payload[400];
    bool plain;
    fill(&outlet, outlet.words.topic, topic, sizeof topic - 1);
    fill(&outlet, outlet.words.on, payload, sizeof payload);
    if (config->preset == TASMOTA && !config->outlet)
        strcat(topic, "1"); /* of a plug with one outlet: POWER is POWER1 */
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "mqtt",
                  (const char *const[]){broker, topic, switch_word(payload, &plain) ? NULL : payload, NULL});
    free(broker);
}

static const char *const commands[] = {"topic", NULL};
static const char *const details[] = {"on_payload", "off_payload", "state_topic", "get_topic", "get_payload",
                                      "pointer",    "is_on",       "is_off",      NULL};
static const char *const trust[] = {"ca_file", NULL}, *const secrets[] = {"password_from", NULL};
static const char *const asked[] = {"get_topic", "pointer", "is_on", "is_off", NULL};
static const struct option_rule rules[] = {
    {OPTION_EXACTLY_WHERE, commands, "preset", "generic",
     "\"topic\" with the preset \"generic\", and only there"},
    {OPTION_ONLY_WHERE, details, "preset", "generic", "topics and payloads only with the preset \"generic\""},
    {OPTION_ONLY_WHERE, trust, "tls", "true", "\"ca_file\" only with \"tls\""},
    {OPTION_NEEDS, asked, "state_topic", NULL, "a \"state_topic\" for what belongs to it"},
    {OPTION_NEEDS, secrets, "user", NULL, "a \"user\" whose password that is"},
    {0}};

static const char *check(const void *data)
{
    const struct config *config = data;
    return config->preset != GENERIC && !config->device ? "a \"device\" for this preset" : NULL;
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    if (outlet_open(env, config, &self, error))
        return -1;
    int failed = ((struct outlet *)self)->wire.gets ? get(self, &on, error) : 0;
    outlet_leave(self);
    if (failed)
        snprintf(advice, size, "is the broker there, the plug connected with it, and its name right?");
    return failed;
}

static const struct power_ops ops = {
    .start = start, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_mqtt_driver = {.name = "mqtt",
                                         .help =
                                             "plugs behind an MQTT broker: Tasmota, zigbee2mqtt, any topic",
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

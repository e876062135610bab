/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "mqtt" with the real mosquitto, and a plug that talks with it as Tasmota and zigbee2mqtt
 * do. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/power/test_switch_bench.h"
#include "harness/io/child.h"

#define BROKER "/usr/sbin/mosquitto"

static struct switch_bench bench;
static struct child *broker;
static char folder[] = "/tmp/otarig-mqtt.XXXXXX";
static unsigned port;

/* ---- the plug: a client of its own, on a thread of libmosquitto's ---- */

static struct plug {
    struct mosquitto *client;
    bool deaf, mute, zigbee; /* deaf: does nothing; mute: tells nothing */
    bool chatty, numbers;    /* it tells much at once; its states are 1 and 0 */
    bool unasked;            /* it tells its state once after each command, and there is no way to ask */
    bool on;
    unsigned commands;
} plug;

static void tell(void)
{
    char text[1200], more[1000] = "";
    if (plug.chatty)
        snprintf(more, sizeof more, "\"update\":\"%0900d\",", 0);
    if (plug.numbers)
        snprintf(text, sizeof text, "{\"relay\":{\"state\":%d}}", plug.on);
    else
        snprintf(text, sizeof text, plug.zigbee ? "{%s\"linkquality\":90,\"state\":\"%s\"}" : "%s%s", more,
                 plug.on ? "ON" : "OFF");
    if (!plug.mute)
        mosquitto_publish(plug.client, NULL, plug.zigbee ? "zigbee2mqtt/bench" : "stat/bench/POWER2",
                          (int)strlen(text), text, 1, false);
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message)
{
    char text[100];
    snprintf(text, sizeof text, "%.*s", message->payloadlen,
             message->payload ? (const char *)message->payload : "");
    bool asks = strstr(message->topic, "/get") || !text[0];
    plug.commands += !asks;
    if (!asks && !plug.deaf)
        plug.on = strstr(text, "ON") != NULL;
    if (!asks || !plug.unasked)
        tell();
}

static void on_connect(struct mosquitto *client, void *arg, int code)
{
    mosquitto_subscribe(client, NULL, plug.zigbee ? "zigbee2mqtt/bench/+" : "cmnd/bench/POWER2", 1);
}

static void on_subscribe(struct mosquitto *client, void *arg, int id, int count, const int *granted)
{
    __atomic_store_n((bool *)arg, true, __ATOMIC_SEQ_CST);
}

static void plug_in(const struct plug *kind)
{
    bool ready = false;
    plug = *kind;
    plug.client = mosquitto_new(NULL, true, &ready);
    mosquitto_message_callback_set(plug.client, on_message);
    mosquitto_connect_callback_set(plug.client, on_connect);
    mosquitto_subscribe_callback_set(plug.client, on_subscribe);
    mosquitto_username_pw_set(plug.client, "plug", "plug");
    mosquitto_int_option(plug.client, MOSQ_OPT_TCP_NODELAY, 1); /* it tells before anybody can come back */
    cr_assert_eq(mosquitto_connect(plug.client, "127.0.0.1", (int)port, 30), 0);
    cr_assert_eq(mosquitto_loop_start(plug.client), 0);
    uint64_t end_us = clock_host_us() + 30000000;
    while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST) && clock_host_us() < end_us)
        usleep(10000);
    cr_assert(ready, "the plug does not get through");
}

static void plug_out(void)
{
    mosquitto_disconnect(plug.client);
    mosquitto_loop_stop(plug.client, false);
    mosquitto_destroy(plug.client);
}

/* ---- the broker ---- */

static bool answers(void)
{
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool found = !connect(fd, (struct sockaddr *)&there, sizeof there);
    close(fd);
    return found;
}

static char *put_file(const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && !fclose(file));
    return path;
}

static bool start_broker(struct loop *loop, bool closed)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    struct error error = {0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(mkdtemp(folder) && !chmod(folder, 0777)); /* it gives up being root */
    cr_assert(!bind(fd, (struct sockaddr *)&here, len) && !getsockname(fd, (struct sockaddr *)&here, &len));
    port = ntohs(here.sin_port);
    close(fd);
    char *passwords = put_file("passwords", "plug:plug\nme:s3cret\n"),
         *make = mem_printf("mosquitto_passwd -U %s 2>/dev/null; chmod 0644 %s", passwords, passwords),
         *text =
             mem_printf("listener %u 127.0.0.1\nallow_anonymous %s\n%s%s\npersistence false\nlog_type all\n"
                        "log_dest file %s/log\n",
                        port, closed ? "false" : "true", closed ? "password_file " : "",
                        closed ? passwords : "", folder),
         *conf = put_file("mosquitto.conf", text);
    cr_assert(system(make) >= 0);
    const char *const argv[] = {BROKER, "-c", conf, NULL};
    const struct child_spec spec = {.name = "mosquitto", .argv = argv};
    const struct child_events events = {0};
    broker = access(BROKER, X_OK) ? NULL : child_start(loop, &spec, &events, NULL, &error);
    uint64_t end_us = clock_host_us() + 60000000;
    while (broker && !answers() && child_running(broker) && clock_host_us() < end_us)
        loop_turn(loop, 20000, NULL);
    free(passwords);
    free(make);
    free(text);
    free(conf);
    return broker;
}

static bool begin(bool closed, const struct plug *kind, const char *options)
{
    struct loop *loop = loop_new();
    mosquitto_lib_init();
    bool there = start_broker(loop, closed);
    if (there)
        plug_in(kind);
    char *text = mem_printf("{\"host\":\"127.0.0.1\",\"port\":%u,%s}", port, options);
    switch_bench_begin(&bench, &power_mqtt_driver, text);
    loop_free(bench.loop);
    bench.loop = loop;
    free(text);
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    return there;
}

static void end(void)
{
    bench.driver->close(bench.self);
    bench.self = NULL;
    if (broker)
        plug_out();
    child_free(broker);
    switch_bench_end(&bench);
    char *command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
    memcpy(folder, "/tmp/otarig-mqtt.XXXXXX", sizeof folder);
}

#define BEGIN(closed, kind, options)                                                                         \
    if (!begin(closed, kind, options)) {                                                                     \
        bench.driver->leave(bench.self);                                                                     \
        cr_skip_test("no mosquitto");                                                                        \
    }

static void switches(const struct plug *kind, const char *options)
{
    bool on = false;
    BEGIN(false, kind, options);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s: %s", options, bench.error.text);
    cr_expect(bench.report.verified && plug.on);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s: %s", options, bench.error.text);
    cr_expect(!plug.on && plug.commands == 2);
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    bench.driver->close(bench.self);
    cr_expect(!plug.on, "close leaves the safe state");
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    end();
}

#define TASMOTA "\"preset\":\"tasmota\",\"device\":\"bench\",\"outlet\":\"2\""
Test(power_mqtt, tasmota)
{
    switches(&(struct plug){0}, TASMOTA);
}

Test(power_mqtt, zigbee2mqtt)
{
    switches(&(struct plug){.zigbee = true}, "\"preset\":\"zigbee2mqtt\",\"device\":\"bench\"");
}

Test(power_mqtt, a_plug_that_tells_much_at_once)
{
    switches(&(struct plug){.zigbee = true, .chatty = true},
             "\"preset\":\"zigbee2mqtt\",\"device\":\"bench\"");
}

#define TOPICS "\"preset\":\"generic\",\"topic\":\"cmnd/bench/POWER2\",\"state_topic\":\"stat/bench/POWER2\""
Test(power_mqtt, a_state_may_be_a_number)
{
    switches(&(struct plug){.numbers = true},
             TOPICS ",\"get_topic\":\"cmnd/bench/POWER2\",\"pointer\":\"/relay/state\"");
}

/* Where the broker's log has this; -1: nowhere. */
static long logged(const char *text)
{
    char *path = mem_printf("%s/log", folder), *line = NULL;
    FILE *file = fopen(path, "r");
    size_t room = 0;
    long count = 0, found = -1;
    cr_assert(file);
    for (; found < 0 && getline(&line, &room, file) > 0; count++)
        found = strstr(line, text) ? count : -1;
    free(line);
    free(path);
    fclose(file);
    return found;
}

/* What it tells is heard although it tells it at once, and to nobody who comes later. */
Test(power_mqtt, a_plug_that_tells_its_state_once)
{
    BEGIN(false, (&(struct plug){.unasked = true}), TOPICS ",\"retries\":0");
    for (int turn = 0; turn < 3; turn++) {
        cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
        cr_expect(bench.report.verified && plug.on);
        cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
        cr_expect(bench.report.verified && !plug.on);
    }
    long listens = logged("stat/bench/POWER2 (QoS"), commands = logged("'cmnd/bench/POWER2'");
    cr_expect(listens >= 0 && listens < commands, "line %ld, then line %ld", listens, commands);
    end();
}

Test(power_mqtt, any_topic)
{
    switches(&(struct plug){0},
             "\"preset\":\"generic\",\"topic\":\"cmnd/{device}/POWER2\",\"device\":\"bench\","
             "\"state_topic\":\"stat/bench/POWER2\",\"get_topic\":\"cmnd/bench/POWER2\","
             "\"is_on\":\"ON\",\"is_off\":\"OFF\"");
}

static void fails(bool closed, const struct plug *kind, const char *options, const char *said)
{
    BEGIN(closed, kind, options);
    cr_expect_eq(switch_bench_set(&bench, true), -1, "%s", options);
    cr_expect(strstr(bench.error.text, said), "'%s' lacks '%s'", bench.error.text, said);
    cr_expect_null(strstr(bench.error.text, "s3cret"));
    end();
}

#define NOW ",\"retries\":0,\"follow_ms\":200,\"timeout_ms\":600"
Test(power_mqtt, a_plug_that_does_not_act_or_does_not_tell)
{
    fails(false, &(struct plug){.deaf = true}, TASMOTA NOW, "switched on, but it tells off 200 ms later");
    fails(false, &(struct plug){.mute = true}, TASMOTA NOW, "the plug tells no state within 600 ms");
    fails(false, &(struct plug){0}, "\"preset\":\"tasmota\",\"device\":\"another\"" NOW,
          "the plug tells no state");
    fails(false, &(struct plug){.unasked = true, .deaf = true}, TOPICS NOW, "the plug tells no state");
    fails(false, &(struct plug){.unasked = true, .mute = true}, TOPICS NOW, "the plug tells no state");
}

/* The broker takes the command; whether somebody hears it nobody knows. */
Test(power_mqtt, without_a_state_nothing_is_verified)
{
    BEGIN(false, (&(struct plug){.deaf = true}), "\"preset\":\"generic\",\"topic\":\"cmnd/bench/POWER2\"");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_not(bench.report.verified);
    end();
}

Test(power_mqtt, a_broker_that_wants_a_password)
{
    setenv("OTARIG_TEST_SECRET", "s3cret", 1);
    BEGIN(true, (&(struct plug){0}), TASMOTA ",\"user\":\"me\",\"password_from\":\"env:OTARIG_TEST_SECRET\"");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    end();
    fails(true, &(struct plug){0}, TASMOTA NOW, "the broker says: Connection Refused");
    setenv("OTARIG_TEST_SECRET", "s3cret?", 1);
    fails(true, &(struct plug){0},
          TASMOTA NOW ",\"user\":\"me\",\"password_from\":\"env:OTARIG_TEST_SECRET\"",
          "the broker says: Connection Refused");
}

Test(power_mqtt, no_broker)
{
    switch_bench_begin(&bench, &power_mqtt_driver, "{\"host\":\"127.0.0.1\",\"port\":9," TASMOTA NOW "}");
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "the broker cannot be reached"), "%s", bench.error.text);
    switch_bench_end(&bench);
}

/* Its queue is full, so the computer it runs on answers no further connection. */
static int full_port(int waiting[8])
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(!bind(fd, (struct sockaddr *)&here, len) && !listen(fd, 0) &&
              !getsockname(fd, (struct sockaddr *)&here, &len));
    port = ntohs(here.sin_port);
    for (int i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&here, len);
    }
    return fd;
}

Test(power_mqtt, a_broker_that_takes_no_connection_costs_no_more_than_the_limit)
{
    int waiting[8], fd = full_port(waiting);
    char *text = mem_printf("{\"host\":\"127.0.0.1\",\"port\":%u," TASMOTA NOW "}", port);
    switch_bench_begin(&bench, &power_mqtt_driver, text);
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "no connection with the broker within 600 ms"), "%s",
              bench.error.text);
    switch_bench_end(&bench);
    for (int i = 0; i < 8; i++)
        close(waiting[i]);
    close(fd);
    free(text);
}

Test(power_mqtt, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_mqtt_driver, text, "test: " said)
#define HERE "{\"host\":\"h\",\"preset\":\"tasmota\""
    REFUSES("{\"preset\":\"tasmota\"}", "$.host: expected where the broker is (required), found nothing");
    REFUSES("{\"host\":\"mqtt://h\",\"preset\":\"tasmota\"}",
            "$.host: expected a host name or an address, found \"mqtt://h\"");
    REFUSES(HERE "}", "$: expected a \"device\" for this preset, found an object");
    REFUSES(HERE ",\"device\":\"#\"}", "$.device: expected a topic without + and #, found \"#\"");
    REFUSES(HERE ",\"device\":\"d\",\"topic\":\"x\"}",
            "$: expected \"topic\" with the preset \"generic\", and only there, found an object");
    REFUSES(HERE ",\"device\":\"d\",\"pointer\":\"/x\"}",
            "$: expected topics and payloads only with the preset \"generic\", found an object");
    REFUSES(HERE ",\"device\":\"d\",\"ca_file\":\"/x\"}",
            "$: expected \"ca_file\" only with \"tls\", found an object");
    REFUSES(HERE ",\"device\":\"d\",\"port\":70000}",
            "$.port: expected a whole number from 0 to 65535, found 70000");
    REFUSES(HERE ",\"device\":\"d\",\"password_from\":\"s3cret\"}",
            "$.password_from: expected file:PATH or env:NAME, where the secret is (it must not stand here), "
            "found "
            "\"s3cret\"");
    REFUSES(HERE ",\"device\":\"d\",\"password_from\":\"env:X\"}",
            "$: expected a \"user\" whose password that is, found an object");
    REFUSES("{\"host\":\"h\",\"preset\":\"generic\",\"topic\":\"t\",\"pointer\":\"/x\"}",
            "$: expected a \"state_topic\" for what belongs to it, found an object");
    REFUSES("{\"host\":\"h\",\"preset\":\"generic\",\"topic\":\"t/+/x\"}",
            "$.topic: expected a topic without + and #, found \"t/+/x\"");
}

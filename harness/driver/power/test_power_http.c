/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "http" with a strip that answers as the makers' devices do, and that may be wrong in all
 * the ways that such devices are. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/power/test_strip.h"

static struct switch_bench bench;
static struct test_strip strip;

/* `options` has one %u, for the port. */
static void begin(const char *const *words, const char *options, bool safe_on)
{
    struct loop *loop = loop_new();
    test_strip_start(&strip, loop, words);
    char *text = mem_alloc(strlen(options) + 20);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sprintf(text, options, strip.port);
#pragma GCC diagnostic pop
    switch_bench_begin(&bench, &power_http_driver, text);
    free(text);
    loop_free(bench.loop);
    bench.loop = loop;
    cr_assert_eq(switch_bench_open(&bench, safe_on), 0, "%s", bench.error.text);
}

static void end(void)
{
    if (bench.self)
        bench.driver->close(bench.self);
    bench.self = NULL;
    test_strip_stop(&strip);
    switch_bench_end(&bench);
}

/* What it has printed so far is heard. */
static void hear(int outlet, int wanted)
{
    uint64_t end_us = clock_host_us() + 10000000;
    while (strip.contact[outlet] != wanted && clock_host_us() < end_us)
        loop_turn(bench.loop, 10000, NULL);
}

#define AT "{\"url\":\"http://127.0.0.1:%u\","
static const struct {
    const char *name, *options;
    bool tells; /* its answers name the outlet, or the state */
} makers[] = {
    {"shelly1", AT "\"preset\":\"shelly1\",\"outlet\":\"2\"", false},
    {"shelly2", AT "\"preset\":\"shelly2\",\"outlet\":\"2\"", true},
    {"tasmota", AT "\"preset\":\"tasmota\",\"outlet\":\"3\"", true},
    {"esphome", AT "\"preset\":\"esphome\",\"outlet\":\"outlet_2\"", false},
    {"home-assistant", AT "\"preset\":\"home-assistant\",\"outlet\":\"switch.outlet_2\"", true},
    {"generic",
     AT "\"preset\":\"generic\",\"on\":\"/plain/{outlet}\",\"off\":\"/plain/{outlet}\",\"get\":\"/plain/"
        "{outlet}\","
        "\"method\":\"POST\",\"on_body\":\"{\\\"go\\\":\\\"up\\\"}\",\"off_body\":\"{\\\"go\\\":\\\"{outlet}"
        "\\\"}\","
        "\"is_on\":\"up\",\"is_off\":\"down\",\"outlet\":\"2\"",
     false},
};
#define MAKERS (sizeof makers / sizeof *makers)

static void begin_maker(size_t i, const char *const *words, const char *more)
{
    char *options = mem_printf("%s%s}", makers[i].options, more);
    cr_log_info("%s", makers[i].name);
    begin(words, options, false);
    free(options);
}

Test(power_http, each_maker_switches_and_is_read_back)
{
    for (size_t i = 0; i < MAKERS; i++) {
        bool on = false;
        begin_maker(i, NULL, "");
        cr_expect_eq(switch_bench_set(&bench, true), 0, "%s: %s", makers[i].name, bench.error.text);
        cr_expect(bench.report.verified);
        cr_expect(bench.report.commanded_us < bench.report.returned_us);
        hear(2, 1);
        cr_expect_eq(strip.contact[2], 1, "%s", makers[i].name);
        cr_expect(switch_bench_get(&bench, &on) == 0 && on);
        cr_expect_eq(switch_bench_set(&bench, false), 0, "%s: %s", makers[i].name, bench.error.text);
        hear(2, 0);
        cr_expect_eq(strip.contact[2], 0, "%s", makers[i].name);
        cr_expect_eq(strip.contact[0], -1);
        end();
    }
}

Test(power_http, closing_leaves_the_safe_state_and_leaving_does_not)
{
    begin(NULL, AT "\"preset\":\"shelly1\"}", true);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    hear(0, 0);
    bench.driver->close(bench.self);
    bench.self = NULL;
    hear(0, 1);
    cr_expect_eq(strip.contact[0], 1);
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    unsigned before = strip.commands;
    bench.driver->leave(bench.self);
    bench.self = NULL;
    loop_turn(bench.loop, 50000, NULL);
    cr_expect_eq(strip.commands, before);
    end();
}

/* The safe state comes after a command that is still on its way, never before it. */
Test(power_http, a_command_under_way_does_not_come_after_the_safe_state)
{
    static const char *const words[] = {"hold=200", NULL};
    begin(words, AT "\"preset\":\"shelly1\",\"follow_ms\":0}", false);
    cr_assert_eq(bench.driver->power->start(bench.self, true, &bench.report, &bench.error), 0);
    for (int i = 0; i < 10; i++)
        loop_turn(bench.loop, 5000, NULL);
    bench.driver->close(bench.self);
    bench.self = NULL;
    for (int i = 0; i < 40; i++)
        loop_turn(bench.loop, 20000, NULL);
    cr_expect_neq(strip.contact[0], 1, "%s", strip.heard);
    end();
}

/* 200, and nothing done. */
Test(power_http, a_deaf_device_is_noticed)
{
    static const char *const words[] = {"defect=deaf", NULL};
    for (size_t i = 0; i < MAKERS; i++) {
        begin_maker(i, words, ",\"follow_ms\":250,\"retries\":0");
        cr_expect_eq(switch_bench_set(&bench, true), -1, "%s", makers[i].name);
        cr_expect_eq(bench.error.kind, ERROR_RIG);
        cr_expect(strstr(bench.error.text, "switched on, but it"), "%s", bench.error.text);
        end();
    }
}

Test(power_http, a_slow_device_is_waited_for)
{
    static const char *const words[] = {"defect=slow", "late=400", NULL};
    begin_maker(1, words, "");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified);
    cr_expect_eq(strip.contact[2] == 1 || (hear(2, 1), strip.contact[2]) == 1, 1);
    end();
    begin_maker(1, words, ",\"follow_ms\":100");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "it tells off 100 ms later"), "%s", bench.error.text);
    end();
}

/* It believes itself: only who senses the rail, or the board, can tell. What is told is not called proven. */
Test(power_http, a_lie_cannot_be_seen_here_and_claims_no_edge)
{
    static const char *const lying[] = {"defect=lying", NULL}, *const late[] = {"defect=late", "late=600",
                                                                                NULL};
    begin_maker(1, lying, "");
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    cr_expect_str_eq(bench.edge, "");
    end();
    begin_maker(1, late, "");
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    cr_expect_str_eq(bench.edge, "");
    end();
    cr_expect(bench.driver->power->latency_us && !bench.driver->power->sense_us);
}

Test(power_http, an_answer_for_another_outlet_is_noticed)
{
    static const char *const words[] = {"defect=confused", NULL};
    for (size_t i = 0; i < MAKERS; i++) {
        if (!makers[i].tells)
            continue;
        begin_maker(i, words, ",\"follow_ms\":0,\"retries\":0");
        cr_expect_eq(switch_bench_set(&bench, true), -1, "%s", makers[i].name);
        cr_expect(strstr(bench.error.text, "answers for outlet") ||
                      strstr(bench.error.text, "nothing at /POWER3"),
                  "%s", bench.error.text);
        end();
    }
}

static void fails(const char *const *words, const char *more, const char *said)
{
    begin_maker(1, words, more);
    cr_expect_eq(switch_bench_set(&bench, true), -1, "%s", said);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect(strstr(bench.error.text, said), "'%s' lacks '%s'", bench.error.text, said);
    end();
}

#define NOW ",\"retries\":0,\"follow_ms\":0"
Test(power_http, what_is_no_answer_is_said)
{
    static const char *const status[] = {"status=503", NULL}, *const garbage[] = {"body=<html>hello", NULL},
                             *const other[] = {"body={\"id\":2,\"output\":{}}", NULL},
                             *const word[] = {"body={\"id\":2,\"output\":\"maybe\"}", NULL},
                             *const redirects[] = {"redirects=1", NULL}, *const hangs[] = {"hold=3000", NULL};
    fails(status, NOW, "/rpc/Switch.Set: status 503: no");
    fails(garbage, NOW, "/rpc/Switch.GetStatus: its answer is no JSON: <html>hello");
    fails(other, NOW, "no plain value at /output");
    fails(word, NOW, "tells 'maybe', which is neither on nor off");
    fails(redirects, NOW, "status 302");
    fails(hangs, NOW ",\"timeout_ms\":200", "no end within 200 ms");
}

Test(power_http, nobody_there)
{
    switch_bench_begin(&bench, &power_http_driver,
                       "{\"url\":\"http://127.0.0.1:9\",\"preset\":\"shelly1\",\"follow_ms\":0}");
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "http://127.0.0.1:9/relay/0: "), "%s", bench.error.text);
    cr_expect_eq(bench.notes, 1, "it was tried again");
    switch_bench_end(&bench);
}

/* ---- who we are, and who they are ---- */

static char folder[] = "/tmp/otarig-http.XXXXXX";

static char *put_file(const char *name, const char *text, mode_t mode)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && !fclose(file) && !chmod(path, mode));
    return path;
}

static void remove_folder(void)
{
    char *command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
}

Test(power_http, a_password_and_a_token_come_from_elsewhere)
{
    static const char *const basic[] = {"user=me", "password=s3cret word", NULL},
                             *const digest[] = {"user=me", "password=s3cret word", "digest=1", NULL},
                             *const token[] = {"token=t0ken", NULL};
    cr_assert(mkdtemp(folder));
    char *path = put_file("password", "s3cret word\n", 0600);
    char *user = mem_printf(",\"user\":\"me\",\"password_from\":\"file:%s\"", path);
    const char *const *const ways[] = {basic, digest};
    for (size_t i = 0; i < 2; i++) {
        begin_maker(1, ways[i], user);
        cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
        hear(2, 1);
        cr_expect_eq(strip.commands, 1, "one command is one command, also where it is asked for a name");
        end();
        fails(ways[i], NOW, "status 401");
        setenv("OTARIG_TEST_SECRET", "wrong", 1);
        fails(ways[i], NOW ",\"user\":\"me\",\"password_from\":\"env:OTARIG_TEST_SECRET\"", "status 401");
    }
    setenv("OTARIG_TEST_SECRET", "t0ken", 1);
    begin_maker(4, token, ",\"token_from\":\"env:OTARIG_TEST_SECRET\"");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    end();
    remove_folder();
    free(user);
    free(path);
}

Test(power_http, a_secret_that_is_not_there_or_not_secret)
{
    cr_assert(mkdtemp(folder));
    char *open_path = put_file("open", "x\n", 0644), *empty = put_file("empty", "\n", 0600);
    const struct {
        char *from;
        const char *said;
    } rows[] = {{open_path, "anybody can read this secret"},
                {empty, "the secret is empty"},
                {"/nonexistent/secret", "/nonexistent/secret"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *more = mem_printf(",\"token_from\":\"file:%s\"", rows[i].from);
        begin_maker(1, NULL, more);
        cr_expect_eq(switch_bench_set(&bench, true), -1);
        cr_expect_eq(bench.error.kind, ERROR_INPUT);
        cr_expect(strstr(bench.error.text, rows[i].said), "%s", bench.error.text);
        end();
        free(more);
    }
    unsetenv("OTARIG_TEST_SECRET");
    begin_maker(1, NULL, ",\"token_from\":\"env:OTARIG_TEST_SECRET\"");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "OTARIG_TEST_SECRET"), "%s", bench.error.text);
    end();
    remove_folder();
    free(open_path);
    free(empty);
}

/* A certificate that nobody vouches for is refused, unless the rack file names it or asks for no proof. */
Test(power_http, certificates_are_verified)
{
    cr_assert(mkdtemp(folder));
    char *make = mem_printf(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=strip -addext subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/cert 2>/dev/null",
        folder, folder);
    if (system(make))
        cr_skip_test("no openssl program");
    char *cert = mem_printf("cert=%s/cert", folder), *key = mem_printf("key=%s/key", folder),
         *trusted = mem_printf(
             "{\"url\":\"https://127.0.0.1:%%u\",\"preset\":\"shelly2\",\"ca_file\":\"%s/cert\"}", folder);
    const char *const words[] = {cert, key, NULL};
    begin(words, "{\"url\":\"https://127.0.0.1:%u\",\"preset\":\"shelly2\",\"retries\":0}", false);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "certificate"), "%s", bench.error.text);
    cr_expect_eq(strip.commands, 0);
    end();
    begin(words, trusted, false);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    end();
    begin(words, "{\"url\":\"https://127.0.0.1:%u\",\"preset\":\"shelly2\",\"verify\":false}", false);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    end();
    remove_folder();
    free(make);
    free(cert);
    free(key);
    free(trusted);
}

/* ---- what is wrong with a rack file ---- */

Test(power_http, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_http_driver, text, "test: " said)
#define HERE "{\"url\":\"http://h\","
    REFUSES("{\"preset\":\"shelly1\"}",
            "$.url: expected where it is: http://HOST or https://HOST (required), found nothing");
    REFUSES(
        "{\"url\":\"ftp://h\",\"preset\":\"shelly1\"}",
        "$.url: expected http://HOST or https://HOST, without user and password in it, found \"ftp://h\"");
    REFUSES("{\"url\":\"http://me:word@h\",\"preset\":\"shelly1\"}",
            "$.url: expected http://HOST or https://HOST, without user and password in it, found "
            "\"http://me:word@h\"");
    REFUSES(
        HERE "\"preset\":\"shelly9\"}",
        "$.preset: expected one of \"shelly1\", \"shelly2\", \"tasmota\", \"esphome\", \"home-assistant\", "
        "\"pdudaemon\", \"generic\", found \"shelly9\"");
    REFUSES(HERE "\"preset\":\"generic\",\"on\":\"/on\"}",
            "$: expected \"on\" and \"off\" with the preset \"generic\", and only there, found an object");
    REFUSES(HERE "\"preset\":\"shelly1\",\"get\":\"/x\"}",
            "$: expected \"get\" and what belongs to it only with the preset \"generic\", found an object");
    REFUSES(HERE "\"preset\":\"pdudaemon\",\"outlet\":\"1\"}",
            "$: expected \"host\" with the preset \"pdudaemon\", and only there, found an object");
    REFUSES(HERE "\"preset\":\"esphome\"}", "$: expected an \"outlet\" for this preset, found an object");
    REFUSES(HERE "\"preset\":\"generic\",\"on\":\"on\",\"off\":\"/off\"}",
            "$.on: expected a path that begins with / (a space is %20), found \"on\"");
    REFUSES(HERE "\"preset\":\"generic\",\"on\":\"/on\",\"off\":\"/o ff\"}",
            "$.off: expected a path that begins with / (a space is %20), found \"/o ff\"");
    REFUSES(HERE
            "\"preset\":\"generic\",\"on\":\"/on\",\"off\":\"/off\",\"get\":\"/get\",\"pointer\":\"state\"}",
            "$.pointer: expected a JSON pointer, such as /relays/0/state, found \"state\"");
    REFUSES(HERE "\"preset\":\"generic\",\"on\":\"/on\",\"off\":\"/off\",\"on_body\":\"x\"}",
            "$: expected the \"method\" POST or PUT for bodies, found an object");
    REFUSES(HERE "\"preset\":\"shelly1\",\"password_from\":\"hunter2\"}",
            "$.password_from: expected file:PATH or env:NAME, where the secret is (it must not stand here), "
            "found "
            "\"hunter2\"");
    REFUSES(HERE "\"preset\":\"shelly1\",\"password_from\":\"env:X\"}",
            "$: expected a \"user\" whose password that is, found an object");
    REFUSES(HERE "\"preset\":\"shelly1\",\"user\":\"me\",\"token_from\":\"env:X\"}",
            "$: expected either \"user\" or \"token_from\", found an object");
    REFUSES(HERE "\"preset\":\"shelly1\",\"ca_file\":\"/x\"}",
            "$: expected a \"url\" that begins with https:, as there are certificates, found an object");
    REFUSES(HERE "\"preset\":\"shelly1\",\"timeout_ms\":5}",
            "$.timeout_ms: expected a whole number from 10 to 60000, found 5");
    REFUSES(HERE "\"preset\":\"shelly1\",\"latency_ms\":-1}",
            "$.latency_ms: expected a whole number from 0 to 60000, found -1");
    REFUSES(HERE "\"preset\":\"shelly1\",\"verify\":\"no\"}",
            "$.verify: expected true or false, found \"no\"");
}

Test(power_http, the_url_and_the_outlet_name_the_switch)
{
    char a[128], b[128], c[128];
    switch_bench_begin(&bench, &power_http_driver, HERE "\"preset\":\"shelly1\"}");
    power_http_driver.claim(bench.config, a, sizeof a);
    switch_bench_end(&bench);
    switch_bench_begin(&bench, &power_http_driver,
                       HERE "\"preset\":\"shelly1\",\"outlet\":\"0\",\"user\":\"x\"}");
    power_http_driver.claim(bench.config, b, sizeof b);
    switch_bench_end(&bench);
    switch_bench_begin(&bench, &power_http_driver, HERE "\"preset\":\"shelly1\",\"outlet\":\"1\"}");
    power_http_driver.claim(bench.config, c, sizeof c);
    switch_bench_end(&bench);
    cr_expect_str_eq(a, b);
    cr_expect_str_neq(a, c);
}

Test(power_http, examine_switches_nothing)
{
    static const char *const closed[] = {"user=me", "password=x", NULL};
    char advice[300] = "";
    begin(NULL, AT "\"preset\":\"tasmota\"}", false);
    const struct driver_env env = {.loop = bench.loop, .sink = &bench.sink, .place = "p1", .role = "power"};
    cr_expect_eq(power_http_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), 0, "%s",
                 bench.error.text);
    cr_expect_eq(strip.commands, 0);
    end();
    begin(closed, AT "\"preset\":\"tasmota\"}", false);
    const struct driver_env other = {.loop = bench.loop, .sink = &bench.sink, .place = "p1", .role = "power"};
    cr_expect_eq(power_http_driver.examine(&other, bench.config, advice, sizeof advice, &bench.error), -1);
    cr_expect(strstr(bench.error.text, "status 401") && advice[0], "%s", bench.error.text);
    end();
}

/* ---- the real pdudaemon ---- */

static unsigned free_port(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&here, len) &&
              !getsockname(fd, (struct sockaddr *)&here, &len));
    close(fd);
    return ntohs(here.sin_port);
}

static bool answers(unsigned port)
{
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool found = !connect(fd, (struct sockaddr *)&there, sizeof there);
    close(fd);
    return found;
}

static struct child *start_pdudaemon(struct loop *loop, unsigned port)
{
    struct error error = {0};
    char *text = mem_printf(
             "{\"daemon\":{\"hostname\":\"127.0.0.1\",\"port\":%u,\"logging_level\":\"ERROR\",\"listener\":"
             "\"http\"},\"pdus\":{\"bench\":{\"driver\":\"localcmdline\",\"cmd_on\":\"echo on %%s >>%s/out\","
             "\"cmd_off\":\"echo off %%s >>%s/out\"},\"dead\":{\"driver\":\"localcmdline\",\"cmd_on\":"
             "\"false %%s\",\"cmd_off\":\"false %%s\"}}}",
             port, folder, folder),
         *conf = put_file("conf", text, 0600);
    const char *const argv[] = {"pdudaemon", "--conf", conf, "--listener", "http", NULL};
    const struct child_spec spec = {.name = "pdudaemon", .argv = argv, .directory = folder};
    const struct child_events events = {0};
    struct child *child = child_start(loop, &spec, &events, NULL, &error);
    uint64_t end_us = clock_host_us() + 60000000;
    while (child && !answers(port) && child_running(child) && clock_host_us() < end_us)
        loop_turn(loop, 50000, NULL);
    free(text);
    free(conf);
    return child;
}

/* Of the file that its PDU writes, once it has so many lines. */
static void expect_file(struct loop *loop, const char *wanted)
{
    char *path = mem_printf("%s/out", folder), found[100] = "";
    uint64_t end_us = clock_host_us() + 30000000;
    while (strcmp(found, wanted) && clock_host_us() < end_us) {
        FILE *file = fopen(path, "r");
        size_t len = file ? fread(found, 1, sizeof found - 1, file) : 0;
        found[len] = 0;
        if (file)
            fclose(file);
        loop_turn(loop, 20000, NULL);
    }
    cr_expect_str_eq(found, wanted);
    free(path);
}

Test(power_http, pdudaemon_switches_and_its_answer_proves_nothing)
{
    unsigned port = free_port();
    struct loop *loop = loop_new();
    cr_assert(mkdtemp(folder));
    struct child *daemon = start_pdudaemon(loop, port);
    static const char *const hosts[] = {"bench", "dead", "nobody"};
    for (size_t i = 0; daemon && i < 3; i++) {
        char *options =
            mem_printf("{\"url\":\"http://127.0.0.1:%u\",\"preset\":\"pdudaemon\",\"host\":\"%s\",\"outlet\":"
                       "\"3\",\"timeout_ms\":30000,\"retries\":0}",
                       port, hosts[i]);
        switch_bench_begin(&bench, &power_http_driver, options);
        cr_assert_eq(switch_bench_open(&bench, false), 0);
        if (i == 2) {
            cr_expect_eq(switch_bench_set(&bench, true), -1);
            cr_expect(strstr(bench.error.text, "/power/control/on: status 500"), "%s", bench.error.text);
        } else {
            cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
            cr_expect_not(bench.report.verified);
        }
        if (i == 0) {
            expect_file(loop, "on 3\n");
            cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
            expect_file(loop, "on 3\noff 3\n");
        }
        switch_bench_end(&bench);
        free(options);
    }
    child_free(daemon);
    loop_free(loop);
    remove_folder();
    if (!daemon)
        cr_skip_test("no pdudaemon");
}

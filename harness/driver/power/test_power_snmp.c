/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "snmp" with the real snmpd, whose objects can be written. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/power/test_switch_bench.h"
#include "harness/io/child.h"

static struct switch_bench bench;
static struct child *agent;
static char folder[] = "/tmp/otarig-snmp.XXXXXX";
static unsigned port;

static unsigned free_port(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&here, len) &&
              !getsockname(fd, (struct sockaddr *)&here, &len));
    close(fd);
    return ntohs(here.sin_port);
}

/* Objects of an APC strip, of a Raritan's outlet 4 whose state says "on", and of an Eaton one's outlet 2. */
static const char configuration[] = "rwcommunity private\nrwcommunity other 127.0.0.1\n"
                                    "createUser lab SHA \"a passphrase\" AES \"another one\"\n"
                                    "createUser open SHA \"a passphrase\"\n"
                                    "rwuser lab authpriv\nrwuser open authnopriv\n"
                                    "override -rw .1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.3 integer 2\n"
                                    "override -rw .1.3.6.1.4.1.13742.6.4.1.2.1.2.1.4 integer 0\n"
                                    "override .1.3.6.1.4.1.13742.6.4.1.2.1.3.1.4 integer 7\n"
                                    "override -rw .1.3.6.1.2.1.105.1.1.1.3.1.12 integer 1\n"
                                    "override -rw .1.3.6.1.4.1.99999.1.0 integer 0\n"
                                    "override .1.3.6.1.4.1.99999.2.0 octet_str \"on\"\n";

static void expect_ready(struct loop *loop);

static void begin(const char *options)
{
    struct error error = {0};
    struct loop *loop = loop_new();
    cr_assert(mkdtemp(folder));
    port = free_port();
    char *conf = mem_printf("%s/snmpd.conf", folder), *at = mem_printf("udp:127.0.0.1:%u", port),
         *persistent = mem_printf("SNMP_PERSISTENT_DIR=%s", folder);
    FILE *file = fopen(conf, "w");
    cr_assert(file && fputs(configuration, file) >= 0 && !fclose(file));
    const char *const argv[] = {
        "/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", conf, "-I", "-smux,mteTrigger,mteTriggerConf", at, NULL};
    const char *const environment[] = {persistent, NULL};
    const struct child_spec spec = {.name = "snmpd", .argv = argv, .environment = environment};
    const struct child_events events = {0};
    agent = access(argv[0], X_OK) ? NULL : child_start(loop, &spec, &events, NULL, &error);
    if (agent)
        expect_ready(loop);
    char *text = mem_printf("{\"host\":\"127.0.0.1:%u\",%s}", port, options);
    switch_bench_begin(&bench, &power_snmp_driver, text);
    loop_free(bench.loop);
    bench.loop = loop;
    free(conf);
    free(at);
    free(persistent);
    free(text);
}

static void end(void)
{
    if (bench.self)
        bench.driver->close(bench.self);
    bench.self = NULL;
    child_free(agent);
    switch_bench_end(&bench);
    char *command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
    memcpy(folder, "/tmp/otarig-snmp.XXXXXX", sizeof folder);
}

#define NEEDS_AGENT()                                                                                        \
    if (!agent) {                                                                                            \
        end();                                                                                               \
        cr_skip_test("no snmpd");                                                                            \
    }

/* Its port is taken once it listens. */
static void expect_ready(struct loop *loop)
{
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    uint64_t end_us = clock_host_us() + 60000000;
    bool taken = false;
    while (!taken && child_running(agent) && clock_host_us() < end_us) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        taken = bind(fd, (struct sockaddr *)&there, sizeof there) != 0;
        close(fd);
        loop_turn(loop, 20000, NULL);
    }
    cr_assert(taken, "snmpd does not start");
}

static void switches(const char *options)
{
    bool on = false;
    begin(options);
    NEEDS_AGENT();
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s: %s", options, bench.error.text);
    cr_expect(bench.report.verified);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s: %s", options, bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    end();
}

#define APC "\"preset\":\"apc\",\"outlet\":\"3\""
#define LAB                                                                                                  \
    APC ",\"version\":\"3\",\"user\":\"lab\",\"auth_from\":\"env:OTARIG_TEST_AUTH\",\"privacy_from\":\"env:" \
        "OTARIG_TEST_PRIVACY\""
Test(power_snmp, version_2c)
{
    switches(APC);
}

Test(power_snmp, version_1)
{
    switches(APC ",\"version\":\"1\"");
}

Test(power_snmp, a_community_from_elsewhere)
{
    setenv("OTARIG_TEST_COMMUNITY", "other", 1);
    switches(APC ",\"community_from\":\"env:OTARIG_TEST_COMMUNITY\"");
}

Test(power_snmp, version_3_with_privacy)
{
    setenv("OTARIG_TEST_AUTH", "a passphrase", 1);
    setenv("OTARIG_TEST_PRIVACY", "another one", 1);
    switches(LAB);
}

Test(power_snmp, version_3_without_privacy)
{
    setenv("OTARIG_TEST_AUTH", "a passphrase", 1);
    switches(
        APC
        ",\"version\":\"3\",\"user\":\"open\",\"auth_from\":\"env:OTARIG_TEST_AUTH\",\"privacy\":\"none\"");
}

Test(power_snmp, a_poe_switch_and_any_object)
{
    switches("\"preset\":\"poe\",\"outlet\":\"12\"");
    switches(
        "\"preset\":\"oid\",\"on_oid\":\".1.3.6.1.4.1.99999.1.0\",\"off_oid\":\"1.3.6.1.4.1.99999.1.0\","
        "\"get_oid\":\"1.3.6.1.4.1.99999.1.0\",\"on_value\":7,\"off_value\":-3,\"get_on\":7,\"get_off\":-3");
}

static void fails(const char *options, const char *said)
{
    begin(options);
    NEEDS_AGENT();
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), -1, "%s", options);
    cr_expect(strstr(bench.error.text, said), "'%s' lacks '%s'", bench.error.text, said);
    cr_expect_null(strstr(bench.error.text, "wrong passphrase"), "a secret is told: %s", bench.error.text);
    end();
}

#define NOW ",\"retries\":0,\"follow_ms\":200,\"timeout_ms\":800"
/* Its object takes the command, and its state stays. */
Test(power_snmp, a_strip_that_does_not_follow)
{
    fails("\"preset\":\"raritan\",\"outlet\":\"4\"" NOW, "switched off, but it tells on 200 ms later");
}

Test(power_snmp, what_is_wrong_is_said)
{
    setenv("OTARIG_TEST_COMMUNITY", "wrong passphrase", 1);
    setenv("OTARIG_TEST_AUTH", "wrong passphrase", 1);
    setenv("OTARIG_TEST_PRIVACY", "another one", 1);
    fails("\"preset\":\"apc\",\"outlet\":\"5\"" NOW, "snmp 127.0.0.1:");
    fails(APC ",\"community_from\":\"env:OTARIG_TEST_COMMUNITY\"" NOW, "no answer within 800 ms");
    fails(LAB NOW, "snmp 127.0.0.1:");
    fails("\"preset\":\"oid\",\"on_oid\":\"1.3.6.1.4.1.99999.1.0\",\"off_oid\":\"1.3.6.1.4.1.99999.1.0\","
          "\"get_oid\":"
          "\"1.3.6.1.4.1.99999.2.0\"" NOW,
          "there is no number");
    fails("\"preset\":\"oid\",\"on_oid\":\"1.3.6.1.4.1.99999.1.0\",\"off_oid\":\"1.3.6.1.4.1.99999.1.0\","
          "\"off_value\":5,"
          "\"get_oid\":\"1.3.6.1.4.1.99999.1.0\"" NOW,
          "tells 5, which is neither on nor off");
}

Test(power_snmp, a_short_passphrase)
{
    setenv("OTARIG_TEST_AUTH", "short", 1);
    begin(APC ",\"version\":\"3\",\"user\":\"open\",\"auth_from\":\"env:OTARIG_TEST_AUTH\",\"privacy\":"
              "\"none\"" NOW);
    NEEDS_AGENT();
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "at least 8 characters"), "%s", bench.error.text);
    end();
}

Test(power_snmp, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_snmp_driver, text, "test: " said)
#define HERE "{\"host\":\"h\",\"preset\":\"apc\""
    REFUSES("{\"preset\":\"apc\"}",
            "$.host: expected where it is: HOST or HOST:PORT (required), found nothing");
    REFUSES("{\"host\":\"udp:h:1\",\"preset\":\"apc\"}",
            "$.host: expected HOST or HOST:PORT, found \"udp:h:1\"");
    REFUSES("{\"host\":\"h\"}",
            "$.preset: expected whose objects; oid: as \"on_oid\" and \"off_oid\" say (required), "
            "found nothing");
    REFUSES(HERE "}", "$: expected an \"outlet\" for this preset, found an object");
    REFUSES(HERE ",\"outlet\":\"A3\"}",
            "$.outlet: expected numbers with dots between them, such as 1.3.6.1.4.1.318.1, found \"A3\"");
    REFUSES(HERE ",\"outlet\":\"3\",\"version\":\"2\"}",
            "$.version: expected one of \"1\", \"2c\", \"3\", found \"2\"");
    REFUSES(HERE ",\"outlet\":\"3\",\"community_from\":\"private\"}",
            "$.community_from: expected file:PATH or env:NAME, where the secret is (it must not stand here), "
            "found "
            "\"private\"");
    REFUSES(HERE ",\"outlet\":\"3\",\"version\":\"3\"}",
            "$: expected \"user\" with version \"3\", and only there, found an object");
    REFUSES(HERE ",\"outlet\":\"3\",\"auth_from\":\"env:X\"}",
            "$: expected what is for version \"3\" only there, found an object");
    REFUSES(HERE ",\"outlet\":\"3\",\"version\":\"3\",\"user\":\"u\"}",
            "$: expected \"auth_from\", or \"auth\": \"none\", found an object");
    REFUSES(HERE ",\"outlet\":\"3\",\"version\":\"3\",\"user\":\"u\",\"auth_from\":\"env:X\"}",
            "$: expected \"privacy_from\", or \"privacy\": \"none\", found an object");
    REFUSES(HERE ",\"outlet\":\"3\",\"on_value\":1}",
            "$: expected \"get_oid\" and values only with the preset \"oid\", found an object");
    REFUSES(
        "{\"host\":\"h\",\"preset\":\"oid\",\"on_oid\":\"1.3\"}",
        "$: expected \"on_oid\" and \"off_oid\" with the preset \"oid\", and only there, found an object");
    REFUSES(
        "{\"host\":\"h\",\"preset\":\"oid\",\"on_oid\":\"sysName.0\",\"off_oid\":\"1.3\"}",
        "$.on_oid: expected numbers with dots between them, such as 1.3.6.1.4.1.318.1, found \"sysName.0\"");
}

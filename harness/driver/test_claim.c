/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two racks must not share has one key however a rack file spells it; what they may share has two. */
#include "harness/driver/claim.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/driver/power/test_switch_bench.h"

struct claims {
    char key[128], also[128];
};

static struct claims claims_of(const struct driver *driver, const char *options)
{
    struct claims claims = {0};
    struct switch_bench bench;
    switch_bench_begin(&bench, driver, options);
    cr_assert_not_null(driver->claim, "%s", driver->name);
    driver->claim(bench.config, claims.key, sizeof claims.key);
    if (driver->claim_also)
        driver->claim_also(bench.config, claims.also, sizeof claims.also);
    switch_bench_end(&bench);
    return claims;
}

static void one(const struct driver *driver, const char *a, const char *b)
{
    struct claims left = claims_of(driver, a), right = claims_of(driver, b);
    cr_expect(left.key[0]);
    cr_expect_str_eq(left.key, right.key, "%s and %s: %s, %s", a, b, left.key, right.key);
}

static void two(const struct driver *driver, const char *a, const char *b)
{
    struct claims left = claims_of(driver, a), right = claims_of(driver, b);
    cr_expect(left.key[0] && right.key[0]);
    cr_expect_str_neq(left.key, right.key, "%s and %s: %s", a, b, left.key);
}

#define HTTP(url, more) "{\"url\":\"" url "\"," more "}"
#define GENERIC(on, more) HTTP("http://h", "\"preset\":\"generic\",\"on\":\"" on "\",\"off\":\"/off\"" more)
Test(claim, http)
{
    const struct driver *http = &power_http_driver;
    one(http, HTTP("http://Strip.lab/", "\"preset\":\"shelly2\""),
        HTTP("https://strip.lab:443", "\"preset\":\"shelly2\",\"outlet\":\"0\""));
    one(http, HTTP("http://h", "\"preset\":\"shelly2\",\"outlet\":\"4\""),
        GENERIC("/relay/{outlet}", ",\"outlet\":\"4\""));
    two(http, HTTP("http://h", "\"preset\":\"shelly2\""),
        HTTP("http://h", "\"preset\":\"shelly2\",\"outlet\":\"1\""));
    two(http, HTTP("http://h", "\"preset\":\"shelly2\""), HTTP("http://h:8080", "\"preset\":\"shelly2\""));
    two(http, HTTP("http://h/a", "\"preset\":\"shelly2\""), HTTP("http://h/b", "\"preset\":\"shelly2\""));
    /* the outlet may stand in the body alone */
    two(http, GENERIC("/set", ",\"method\":\"POST\",\"on_body\":\"{\\\"relay\\\":1}\""),
        GENERIC("/set", ",\"method\":\"POST\",\"on_body\":\"{\\\"relay\\\":2}\""));
    one(http, GENERIC("/set", ",\"method\":\"POST\",\"on_body\":\"{\\\"relay\\\":1}\""),
        GENERIC("/set", ",\"method\":\"PUT\",\"on_body\":\"{\\\"relay\\\":1}\",\"retries\":3"));
    two(http, HTTP("http://h", "\"preset\":\"pdudaemon\",\"host\":\"a\",\"outlet\":\"1\""),
        HTTP("http://h", "\"preset\":\"pdudaemon\",\"host\":\"b\",\"outlet\":\"1\""));
}

#define MQTT(more) "{\"host\":\"Broker\"," more "}"
#define TOPIC(topic) "\"preset\":\"generic\",\"topic\":\"" topic "\""
Test(claim, mqtt)
{
    const struct driver *mqtt = &power_mqtt_driver;
    one(mqtt, MQTT("\"preset\":\"tasmota\",\"device\":\"d\""),
        "{\"host\":\"broker\",\"tls\":true,\"preset\":\"tasmota\",\"device\":\"d\",\"outlet\":\"1\"}");
    one(mqtt, MQTT("\"preset\":\"tasmota\",\"device\":\"d\",\"outlet\":\"2\""), MQTT(TOPIC("cmnd/d/POWER2")));
    two(mqtt, MQTT("\"preset\":\"tasmota\",\"device\":\"d\""),
        MQTT("\"preset\":\"tasmota\",\"device\":\"d\",\"outlet\":\"2\""));
    two(mqtt, MQTT("\"preset\":\"tasmota\",\"device\":\"d\""),
        MQTT("\"port\":1884,\"preset\":\"tasmota\",\"device\":\"d\""));
    /* both outlets of a plug have one topic */
    two(mqtt, MQTT(TOPIC("zigbee2mqtt/d/set") ",\"on_payload\":\"{\\\"state_l1\\\":\\\"ON\\\"}\""),
        MQTT(TOPIC("zigbee2mqtt/d/set") ",\"on_payload\":\"{\\\"state_l2\\\":\\\"ON\\\"}\""));
    one(mqtt, MQTT(TOPIC("t") ",\"on_payload\":\"1\""), MQTT(TOPIC("t")));
}

Test(claim, modbus)
{
    const struct driver *modbus = &power_modbus_driver;
    one(modbus, "{\"host\":\"Relays\",\"coil\":3}",
        "{\"host\":\"relays\",\"port\":502,\"coil\":3,\"unit\":1}");
    two(modbus, "{\"host\":\"h\",\"coil\":3}", "{\"host\":\"h\",\"coil\":4}");
    two(modbus, "{\"host\":\"h\",\"coil\":3}", "{\"host\":\"h\",\"coil\":3,\"unit\":2}");
    two(modbus, "{\"host\":\"h\",\"coil\":3}", "{\"host\":\"h\",\"port\":503,\"coil\":3}");
    one(modbus, "{\"serial\":\"/dev/./null\",\"coil\":3}", "{\"serial\":\"/dev/null\",\"coil\":3}");
}

Test(claim, snmp)
{
    const struct driver *snmp = &power_snmp_driver;
    one(snmp, "{\"host\":\"PDU\",\"preset\":\"apc\",\"outlet\":\"1\"}",
        "{\"host\":\"pdu:161\",\"preset\":\"apc\",\"outlet\":\"1\"}");
    two(snmp, "{\"host\":\"pdu\",\"preset\":\"apc\",\"outlet\":\"1\"}",
        "{\"host\":\"pdu\",\"preset\":\"apc\",\"outlet\":\"2\"}");
}

/* A port has several names: what its links lead to counts. */
Test(claim, serial)
{
    const struct driver *serial = &power_serial_driver;
    char link[] = "/tmp/otarig-claim.XXXXXX", *folder = mkdtemp(link), text[200], path[100];
    cr_assert(folder);
    snprintf(path, sizeof path, "%s/relay", folder);
    cr_assert_eq(symlink("/dev/null", path), 0);
    snprintf(text, sizeof text, "{\"protocol\":\"lcus\",\"port\":\"%s\"}", path);
    one(serial, text, "{\"protocol\":\"lcus\",\"port\":\"/dev/null\",\"channel\":1}");
    two(serial, text, "{\"protocol\":\"lcus\",\"port\":\"/dev/null\",\"channel\":2}");
    one(serial, "{\"protocol\":\"lcus\",\"port\":\"/dev/none/../x\"}",
        "{\"protocol\":\"lcus\",\"port\":\"/dev/x\"}");
    unlink(path);
    rmdir(folder);
}

Test(claim, usbhub)
{
    const struct driver *hub = &power_usbhub_driver;
    one(hub, "{\"location\":\"1-1\",\"port\":2}", "{\"location\":\"1-1\",\"port\":2,\"companion\":\"2-1\"}");
    two(hub, "{\"location\":\"1-1\",\"port\":2}", "{\"location\":\"1-1\",\"port\":3}");
    two(hub, "{\"location\":\"1-1\",\"port\":2}", "{\"location\":\"1-1.1\",\"port\":2}");
    struct claims whole = claims_of(hub, "{\"location\":\"1-1\",\"port\":2,\"companion\":\"2-1\"}"),
                  half = claims_of(hub, "{\"location\":\"2-1\",\"port\":2}");
    cr_expect_str_eq(whole.also, half.key);
}

Test(claim, hidrelay)
{
    const struct driver *relay = &power_hidrelay_driver;
    one(relay, "{\"serial\":\"BITFT\",\"channel\":1}",
        "{\"serial\":\"BITFT\",\"channel\":1,\"powered\":\"open\"}");
    two(relay, "{\"serial\":\"BITFT\",\"channel\":1}", "{\"serial\":\"BITFT\",\"channel\":2}");
    two(relay, "{\"serial\":\"BITFT\",\"channel\":1}", "{\"serial\":\"OTHER\",\"channel\":1}");
}

Test(claim, sense)
{
    const struct driver *http = &sense_http_driver, *exec = &sense_exec_driver;
    one(http, "{\"url\":\"http://H\",\"get\":\"/x\",\"pointer\":\"/a\"}",
        "{\"url\":\"http://h:80/\",\"get\":\"/x\",\"pointer\":\"/a\",\"above\":\"1\"}");
    two(http, "{\"url\":\"http://h\",\"get\":\"/x\",\"pointer\":\"/a\"}",
        "{\"url\":\"http://h\",\"get\":\"/x\",\"pointer\":\"/b\"}");
    one(exec, "{\"get\":[\"gpioget\",\"0\",\"17\"]}", "{\"get\":[\"gpioget\",\"0\",\"17\"],\"every_ms\":5}");
    two(exec, "{\"get\":[\"gpioget\",\"0\",\"17\"]}", "{\"get\":[\"gpioget\",\"0\",\"18\"]}");
    one(exec, "{\"get\":[\"a\"],\"lock\":\"rail\"}", "{\"get\":[\"b\"],\"lock\":\"rail\"}");
}

Test(claim, otad)
{
    struct claims both =
                      claims_of(&server_otad_driver,
                                "{\"device\":\"d\",\"http\":\"LocalHost:80\",\"https\":\"localhost:443\"}"),
                  secure = claims_of(&server_otad_driver, "{\"device\":\"d\",\"https\":\"localhost:443\"}");
    cr_expect_str_eq(both.key, "listen:localhost:80");
    cr_expect_str_eq(both.also, "listen:localhost:443");
    cr_expect_str_eq(secure.also, both.also);
}

/* Whatever reaches it: a relay behind a gateway is one relay by Modbus and by HTTP. */
Test(claim, a_name_is_one_name_for_all_switches)
{
    struct claims a = claims_of(&power_modbus_driver, "{\"host\":\"h\",\"coil\":0,\"lock\":\"r1\"}"),
                  b = claims_of(&power_http_driver,
                                HTTP("http://h", "\"preset\":\"shelly1\",\"lock\":\"r1\"")),
                  c = claims_of(&power_serial_driver,
                                "{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"lock\":\"r1\"}");
    cr_expect_str_eq(a.key, b.key);
    cr_expect_str_eq(a.key, c.key);
}

Test(claim, what_is_too_long_is_still_told_apart)
{
    char a[300], b[300], key[128], other[128];
    memset(a, 'x', sizeof a - 1);
    a[sizeof a - 1] = 0;
    memcpy(b, a, sizeof b);
    b[250] = 'y';
    claim_put(key, sizeof key, "http", (const char *const[]){a, "1", NULL});
    claim_put(other, sizeof other, "http", (const char *const[]){b, "1", NULL});
    cr_expect(strlen(key) < sizeof key && !strncmp(key, "http:xxx", 8));
    cr_expect_str_neq(key, other);
    claim_put(other, sizeof other, "http", (const char *const[]){a, "2", NULL});
    cr_expect_str_neq(key, other);
    claim_put(other, sizeof other, "http", (const char *const[]){a, "1", NULL});
    cr_expect_str_eq(key, other);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "usbhub" with the real libusb and an emulated hub, and the stock uhubctl beside it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/power/test_relay_board.h"
#include "harness/driver/power/test_switch_bench.h"

#define UHUBCTL "/usr/sbin/uhubctl"

static struct switch_bench bench;
static struct test_relay_board hub;

static void begin_as(const char *protocol, const char *defect, const char *more)
{
    struct loop *loop = loop_new();
    test_relay_board_start(&hub, loop, protocol, defect);
    char *options = mem_printf("{\"location\":\"%s\"%s}", hub.where, more);
    switch_bench_begin(&bench, &power_usbhub_driver, options);
    free(options);
    loop_free(bench.loop);
    bench.loop = loop;
}

static void begin_closed(const char *defect, const char *more)
{
    begin_as("hub", defect, more);
}

static void begin(const char *defect, const char *more)
{
    begin_closed(defect, more);
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
}

static void end(void)
{
    if (bench.self)
        bench.driver->close(bench.self);
    bench.self = NULL;
    test_relay_board_stop(&hub);
    switch_bench_end(&bench);
}

Test(power_usbhub, a_port_moves_and_no_other)
{
    bool on = false;
    begin(NULL, ",\"port\":3");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified && bench.report.commanded_us <= bench.report.returned_us);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    bench.driver->close(bench.self); /* leaves the safe state */
    bench.self = NULL;
    test_relay_board_expect(&hub, "3 closed;3 open;3 closed;3 open;");
    end();
}

/* Its port has power as long as one of its halves gives it. */
Test(power_usbhub, a_hub_of_usb_3_is_two)
{
    bool on = false;
    begin_as("hub3", NULL, ",\"port\":6,\"companion\":\"1-2\"");
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified && switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    test_relay_board_expect(&hub, "6 closed;6 open;");
    end();
}

Test(power_usbhub, leaving_moves_nothing)
{
    begin(NULL, ",\"port\":7");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    bench.driver->leave(bench.self);
    bench.self = NULL;
    cr_assert_eq(switch_bench_open(&bench, true), 0, "%s", bench.error.text);
    bench.driver->close(bench.self);
    bench.self = NULL;
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), 0);
    test_relay_board_expect(&hub, "7 closed;7 open;");
    end();
}

/* Two runs, each with a port of its own. */
Test(power_usbhub, a_hub_has_several_users)
{
    struct switch_bench other;
    begin(NULL, ",\"port\":1");
    switch_bench_begin(&other, &power_usbhub_driver, "{\"location\":\"1-1\",\"port\":2}");
    cr_assert_eq(switch_bench_open(&other, false), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&other, true), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    switch_bench_end(&other);
    test_relay_board_expect(&hub, "1 closed;2 closed;1 open;2 open;");
    end();
}

/* As the kernel does: a board that ran meanwhile is not to be blamed. */
Test(power_usbhub, a_port_that_somebody_switches_on_is_no_proven_cut)
{
    struct switch_bench other;
    begin(NULL, ",\"port\":1");
    switch_bench_begin(&other, &power_usbhub_driver, "{\"location\":\"1-1\",\"port\":1}");
    cr_assert_eq(switch_bench_open(&other, false), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&other, true), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect(strstr(bench.error.text, "somebody switched it on while it was to be off"), "%s",
              bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "told once: %s", bench.error.text);
    switch_bench_end(&other);
    end();
}

static void cannot_open(const char *defect, const char *more, const char *said)
{
    begin_closed(defect, more);
    cr_expect_eq(switch_bench_open(&bench, false), -1, "%s", more);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect_str_eq(bench.error.text, said);
    bench.self = NULL;
    end();
}

Test(power_usbhub, a_hub_that_is_none_or_switches_no_port_alone)
{
    cannot_open("ganged", ",\"port\":1", "USB hub 1-1: it switches all its ports at once");
    cannot_open("unswitched", ",\"port\":1", "USB hub 1-1: it switches no port");
    cannot_open(NULL, ",\"port\":8", "USB hub 1-1: it has 7 ports, no port 8");
    cannot_open(NULL, ",\"port\":1,\"companion\":\"2-1\"", "USB hub 2-1: nothing is plugged in there");
}

Test(power_usbhub, a_hub_that_tells_another_state_is_the_rigs_fault)
{
    begin("wrong", ",\"port\":2");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_str_eq(bench.error.text, "USB hub 1-1 port 2: switched on, but it tells off");
    cr_expect_not(bench.report.verified);
    end();
}

/* It says yes and does nothing: only a sense, or the board, can tell. */
Test(power_usbhub, a_hub_that_does_not_cut_looks_well_from_here)
{
    begin("stuck", ",\"port\":2");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_eq(power_usbhub_driver.power->sense_us, NULL, "it claims to see no rail");
    test_relay_board_expect(&hub, "");
    end();
}

Test(power_usbhub, a_hub_that_answers_nothing_costs_no_more_than_the_limit)
{
    begin_closed("mute", ",\"port\":1");
    cr_expect_eq(switch_bench_open(&bench, false), -1);
    cr_expect(strstr(bench.error.text, "USB hub 1-1: its descriptor: "), "%s", bench.error.text);
    bench.self = NULL;
    end();
}

Test(power_usbhub, a_hub_that_was_pulled_is_taken_again)
{
    begin(NULL, ",\"port\":4");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_plug(&hub, false);
    cr_expect_eq(switch_bench_set(&bench, false), -1);
    cr_expect(strstr(bench.error.text, "unplugged?"), "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), -1);
    cr_expect_str_eq(bench.error.text, "USB hub 1-1: nothing is plugged in there");
    test_relay_board_plug(&hub, true);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(strstr(hub.moves, "4 closed;4 open;1 closed;"), "%s", hub.moves);
    end();
}

Test(power_usbhub, examine_switches_nothing_and_names_the_hubs)
{
    char advice[400] = "";
    const struct driver_env env = {.loop = NULL};
    begin_closed("ganged", ",\"port\":1");
    cr_expect_eq(power_usbhub_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), -1);
    cr_expect(strstr(advice, "1-1 (all ports at once)"), "%s", advice);
    bench.self = NULL;
    end();
    begin_closed(NULL, ",\"port\":1");
    cr_expect_eq(power_usbhub_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), 0,
                 "%s", bench.error.text);
    end();
    cr_expect_str_eq(hub.moves, "");
}

/* What uhubctl switched we see, and the other way round. */
static bool uhubctl(const char *arguments)
{
    char *command = mem_printf(UHUBCTL " -f -N -l 1-1 -p 5 %s", arguments), line[200],
         *whole = mem_string("");
    FILE *pipe = popen(command, "r");
    cr_assert(pipe);
    while (fgets(line, sizeof line, pipe)) {
        char *longer = mem_printf("%s%s", whole, line);
        free(whole);
        whole = longer;
    }
    cr_expect_eq(pclose(pipe), 0, "%s: %s", command, whole);
    const char *last = NULL;
    for (const char *at = whole; (at = strstr(at, "Port 5: ")); at++)
        last = at;
    cr_assert(last, "%s", whole);
    bool on = strstr(last, "power") != NULL;
    free(whole);
    free(command);
    return on;
}

Test(power_usbhub, uhubctl_agrees)
{
    bool on = false;
    if (access(UHUBCTL, X_OK))
        cr_skip_test("no uhubctl");
    begin(NULL, ",\"port\":5");
    cr_expect(uhubctl("-a on"));
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect_not(uhubctl(""));
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(uhubctl(""));
    end();
}

Test(power_usbhub, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_usbhub_driver, text, "test: " said)
    REFUSES("{\"port\":1}",
            "$.location: expected where the hub is plugged in: bus and ports, 1-1.4 (`uhubctl` and "
            "`otarig init --list` show it) (required), found nothing");
    REFUSES("{\"location\":\"1-1\"}", "$.port: expected of the hub, from 1 (required), found nothing");
    REFUSES("{\"location\":\"/dev/bus/usb/001/002\",\"port\":1}",
            "$.location: expected where it is plugged in, as 1-1.4, or the bus of a root hub, as 1, found "
            "\"/dev/bus/usb/001/002\"");
    REFUSES("{\"location\":\"1-1\",\"port\":0}", "$.port: expected a whole number from 1 to 255, found 0");
    REFUSES("{\"location\":\"1-1\",\"port\":1,\"companion\":\"x\"}",
            "$.companion: expected where it is plugged in, as 1-1.4, or the bus of a root hub, as 1, found "
            "\"x\"");
    REFUSES("{\"location\":\"1-1\",\"port\":1,\"companion\":\"1-1\"}",
            "$: expected a \"companion\" at a location of its own, found an object");
    REFUSES("{\"location\":\"1-1\",\"port\":1,\"latency_ms\":-1}",
            "$.latency_ms: expected a whole number from 0 to 60000, found -1");
    REFUSES("{\"location\":\"1-1\",\"port\":1,\"lock\":\"\"}",
            "$.lock: expected a text that is not empty, found \"\"");
}

int main(int argc, char **argv)
{
    return test_relay_board_main(argc, argv);
}

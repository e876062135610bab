/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "serial" with boards behind an emulated adapter that speak the makers' protocols. The
 * program runs itself again under umockdev's preload; each board brings a /dev of its own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/power/test_relay_board.h"
#include "harness/driver/power/test_switch_bench.h"

static struct switch_bench bench;
static struct test_relay_board board;

/* `more`: further options; one that begins with "{" is all of them. */
static void begin(const char *protocol, const char *defect, const char *more)
{
    struct loop *loop = loop_new();
    test_relay_board_start(&board, loop, protocol, defect);
    char *options = *more == '{'
                        ? mem_string(more)
                        : mem_printf("{\"protocol\":\"%s\",\"port\":\"%s\"%s}", protocol, board.where, more);
    switch_bench_begin(&bench, &power_serial_driver, options);
    free(options);
    loop_free(bench.loop);
    bench.loop = loop;
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
}

static void end(void)
{
    if (bench.self)
        bench.driver->close(bench.self);
    bench.self = NULL;
    test_relay_board_stop(&board);
    switch_bench_end(&bench);
}

static const struct {
    const char *name;
    bool gets;
} protocols[] = {
    {"lcus", false}, {"numato", true}, {"devantech", true}, {"kmtronic", false}, {"dlp-io8", false}};
#define PROTOCOLS (sizeof protocols / sizeof *protocols)

Test(power_serial, each_board_moves_its_relay_and_no_other)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        bool on = false;
        begin(protocols[i].name, NULL, ",\"channel\":3");
        cr_expect_eq(switch_bench_set(&bench, true), 0, "%s: %s", protocols[i].name, bench.error.text);
        cr_expect_eq(bench.report.verified, protocols[i].gets, "%s", protocols[i].name);
        cr_expect(bench.report.commanded_us <= bench.report.returned_us);
        if (protocols[i].gets)
            cr_expect(switch_bench_get(&bench, &on) == 0 && on, "%s", protocols[i].name);
        else
            cr_expect_eq(switch_bench_get(&bench, &on), -1, "%s", protocols[i].name);
        cr_expect_eq(switch_bench_set(&bench, false), 0, "%s: %s", protocols[i].name, bench.error.text);
        test_relay_board_expect(&board, "3 closed;3 open;");
        end();
    }
}

Test(power_serial, a_normally_closed_contact_is_the_other_way_round)
{
    bool on = false;
    begin("devantech", NULL, ",\"channel\":8,\"powered\":\"open\"");
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_expect(&board, "8 closed;8 open;");
    end();
}

Test(power_serial, closing_leaves_the_safe_state)
{
    begin("numato", NULL, ",\"channel\":11");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    bench.driver->close(bench.self);
    bench.self = NULL;
    test_relay_board_expect(&board, "11 closed;11 open;");
    end();
}

static void fails(const char *protocol, const char *defect, const char *said)
{
    begin(protocol, defect, "");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect(strstr(bench.error.text, said), "'%s' lacks '%s'", bench.error.text, said);
    test_relay_board_expect(&board, strcmp(defect, "stuck") ? "1 closed;" : "");
    end();
}

Test(power_serial, a_board_that_answers_wrong_is_the_rigs_fault)
{
    fails("numato", "mute", "no answer of the relay board within 500 ms");
    fails("devantech", "mute", "no answer of the relay board within 500 ms");
    fails("numato", "stuck", "relay 1 was closed, but reads open");
    fails("devantech", "stuck", "relay 1 was closed, but reads open");
    fails("numato", "babble", "expected on or off, found '#?!'");
}

/* What cannot be asked is not called verified: only a sense, or the board, can tell. */
Test(power_serial, a_stuck_board_that_cannot_be_asked_claims_nothing)
{
    begin("lcus", "stuck", "");
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    cr_expect_not(bench.report.verified);
    test_relay_board_expect(&board, "");
    end();
}

Test(power_serial, a_port_that_goes_away_is_an_error_and_no_hang)
{
    begin("devantech", NULL, "");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_plug(&board, false);
    cr_expect_eq(switch_bench_set(&bench, false), -1);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    end();
}

/* The other places of the board wait for the port, so nobody holds it for ever. */
Test(power_serial, a_command_that_never_leaves_the_port_is_an_error_and_no_hang)
{
    begin("lcus", "full", "");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_str_eq(bench.error.text, "/dev/ttyUSB0: 4 bytes of a command have not left it within 500 ms");
    end();
}

/* Opening raises the lines; closing must not drop what is to stay. */
Test(power_serial, a_relay_on_a_line)
{
    static const char *const lines[] = {"dtr", "rts"};
    for (int i = 0; i < 2; i++) {
        bool on = false;
        begin(lines[i], NULL, "");
        cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
        cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
        cr_expect(bench.report.verified && switch_bench_get(&bench, &on) == 0 && on);
        bench.driver->leave(bench.self);
        bench.self = NULL;
        test_relay_board_expect(&board, "1 closed;1 open;1 closed;");
        cr_assert_eq(switch_bench_open(&bench, true), 0, "%s", bench.error.text);
        end();
        cr_expect_str_eq(board.moves, "1 closed;1 open;1 closed;");
    }
}

/* libserialport finds it as the console driver's is found; any speed is set. */
Test(power_serial, a_board_by_its_adapter_and_at_a_speed_of_its_own)
{
    begin("lcus", NULL, "{\"protocol\":\"lcus\",\"usb\":\"1a86:7523\",\"baud\":14400}");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_expect(&board, "1 closed;");
    end();
}

Test(power_serial, a_file_that_is_no_port)
{
    switch_bench_begin(&bench, &power_serial_driver, "{\"protocol\":\"lcus\",\"port\":\"/dev/null\"}");
    cr_expect_eq(switch_bench_open(&bench, false), -1);
    cr_expect(strstr(bench.error.text, "/dev/null: no such serial port"), "%s", bench.error.text);
    bench.self = NULL;
    switch_bench_end(&bench);
}

Test(power_serial, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_serial_driver, text, "test: " said)
    REFUSES("{\"port\":\"/dev/x\"}", "$.protocol: expected what the board understands; dtr, rts: a relay on "
                                     "that line of the port (required), "
                                     "found nothing");
    REFUSES("{\"protocol\":\"usb\",\"port\":\"/dev/x\"}",
            "$.protocol: expected one of \"lcus\", \"numato\", \"devantech\", \"kmtronic\", \"dlp-io8\", "
            "\"dtr\", "
            "\"rts\", found \"usb\"");
    REFUSES("{\"protocol\":\"lcus\"}", "$: expected one of \"port\", \"usb\", \"serial\" and \"location\", "
                                       "by which its port is found, found an "
                                       "object");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"usb\":\"1a86:7523\"}",
            "$: expected one of \"port\", \"usb\", \"serial\" and \"location\", by which its port is found, "
            "found an "
            "object");
    REFUSES("{\"protocol\":\"lcus\",\"usb\":\"ch340\"}",
            "$.usb: expected VENDOR:PRODUCT in hexadecimal, as 0403:6001, found \"ch340\"");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"channel\":17}",
            "$.channel: expected a whole number from 1 to 16, found 17");
    REFUSES("{\"protocol\":\"dtr\",\"port\":\"/dev/x\",\"channel\":2}",
            "$: expected a \"channel\" that boards of this protocol have, found an object");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"baud\":9}",
            "$.baud: expected a whole number from 50 to 12000000, found 9");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"powered\":\"up\"}",
            "$.powered: expected one of \"closed\", \"open\", found \"up\"");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"latency_ms\":-1}",
            "$.latency_ms: expected a whole number from 0 to 10000, found -1");
    REFUSES("{\"protocol\":\"lcus\",\"port\":\"/dev/x\",\"lock\":\"\"}",
            "$.lock: expected a text that is not empty, found \"\"");
}

int main(int argc, char **argv)
{
    return test_relay_board_main(argc, argv);
}

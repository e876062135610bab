/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "hidrelay" with the real hidapi and two emulated boards, and the stock usbrelay beside it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/power/test_relay_board.h"
#include "harness/driver/power/test_switch_bench.h"

#define USBRELAY "/usr/bin/usbrelay"

static struct switch_bench bench;
static struct test_relay_board board;

static void begin_closed(const char *defect, const char *options)
{
    struct loop *loop = loop_new();
    test_relay_board_start(&board, loop, "hid", defect);
    switch_bench_begin(&bench, &power_hidrelay_driver, options);
    loop_free(bench.loop);
    bench.loop = loop;
}

static void begin(const char *defect, const char *options)
{
    begin_closed(defect, options);
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

#define FIRST "{\"serial\":\"BITFT\",\"channel\":1}"
#define SECOND "{\"serial\":\"BITFT\",\"channel\":2}"

Test(power_hidrelay, a_relay_moves_and_no_other)
{
    bool on = false;
    begin(NULL, SECOND);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified && bench.report.commanded_us <= bench.report.returned_us);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    bench.driver->close(bench.self); /* leaves the safe state */
    bench.self = NULL;
    test_relay_board_expect(&board, "2 closed;2 open;2 closed;2 open;");
    end();
}

Test(power_hidrelay, a_normally_closed_contact_is_the_other_way_round)
{
    bool on = false;
    begin(NULL, "{\"serial\":\"BITFT\",\"channel\":1,\"powered\":\"open\"}");
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_expect(&board, "1 closed;1 open;");
    end();
}

/* Two runs, each with a relay of its own. */
Test(power_hidrelay, a_board_has_several_users)
{
    struct switch_bench other;
    begin(NULL, FIRST);
    switch_bench_begin(&other, &power_hidrelay_driver, SECOND);
    cr_assert_eq(switch_bench_open(&other, false), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&other, true), 0, "%s", other.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    switch_bench_end(&other);
    test_relay_board_expect(&board, "1 closed;2 closed;1 open;2 open;");
    end();
}

static void cannot_open(const char *defect, const char *options, const char *said)
{
    begin_closed(defect, options);
    cr_expect_eq(switch_bench_open(&bench, false), -1, "%s", options);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect_str_eq(bench.error.text, said);
    bench.self = NULL;
    end();
}

Test(power_hidrelay, boards_that_cannot_be)
{
    cannot_open(NULL, "{\"serial\":\"NOONE\",\"channel\":1}", "relay board NOONE: not found (plugged in?)");
    cannot_open("twins", FIRST, "relay board BITFT: more than one board has this name");
    cannot_open(NULL, "{\"serial\":\"BITFT\",\"channel\":3}",
                "relay board BITFT: it has 2 relays, no relay 3");
    cannot_open("mute", FIRST, "relay board BITFT: not found (plugged in?)");
}

Test(power_hidrelay, a_board_that_tells_another_state_is_the_rigs_fault)
{
    begin("wrong", SECOND);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_str_eq(bench.error.text, "relay board BITFT: relay 2 was closed, but reads open");
    cr_expect_not(bench.report.verified);
    end();
}

/* It says yes and does nothing: only a sense, or the board under test, can tell. */
Test(power_hidrelay, a_stuck_contact_looks_well_from_here)
{
    begin("stuck", FIRST);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_null(power_hidrelay_driver.power->sense_us, "it claims to see no rail");
    test_relay_board_expect(&board, "");
    end();
}

Test(power_hidrelay, a_board_that_was_pulled_is_taken_again)
{
    begin(NULL, FIRST);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_plug(&board, false);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "unplugged?"), "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect_str_eq(bench.error.text, "relay board BITFT: not found (plugged in?)");
    test_relay_board_plug(&board, true);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    test_relay_board_expect(&board, "1 closed;1 open;1 closed;");
    end();
}

Test(power_hidrelay, examine_switches_nothing_and_names_the_boards)
{
    char advice[400] = "";
    const struct driver_env env = {.loop = NULL};
    begin_closed(NULL, "{\"serial\":\"NOONE\",\"channel\":1}");
    cr_expect_eq(power_hidrelay_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), -1);
    cr_expect_str_eq(advice, "boards that are there: BITFT (USBRelay2), OTHER (USBRelay2)");
    bench.self = NULL;
    end();
    begin_closed(NULL, FIRST);
    cr_expect_eq(power_hidrelay_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), 0,
                 "%s", bench.error.text);
    end();
    cr_expect_str_eq(board.moves, "");
}

/* What usbrelay switched we see, and the other way round. */
static bool usbrelay_tells(const char *argument, const char *wanted)
{
    char *command = mem_printf(USBRELAY " %s 2>/dev/null", argument), line[200];
    bool found = false;
    FILE *pipe = popen(command, "r");
    cr_assert(pipe);
    while (fgets(line, sizeof line, pipe)) {
        line[strcspn(line, "\n")] = 0;
        found |= !strcmp(line, wanted);
    }
    pclose(pipe);
    free(command);
    return found;
}

Test(power_hidrelay, usbrelay_agrees)
{
    bool on = false;
    if (access(USBRELAY, X_OK))
        cr_skip_test("no usbrelay");
    begin(NULL, SECOND);
    cr_expect(usbrelay_tells("", "BITFT_2=0"));
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(usbrelay_tells("", "BITFT_2=1"));
    usbrelay_tells("BITFT_2=0", "");
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    test_relay_board_expect(&board, "2 closed;2 open;");
    end();
}

Test(power_hidrelay, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_hidrelay_driver, text, "test: " said)
    REFUSES("{\"channel\":1}",
            "$.serial: expected the board's own name of five letters, as `otarig init --list` and "
            "usbrelay show it (required), found nothing");
    REFUSES("{\"serial\":\"BITFTX\",\"channel\":1}",
            "$.serial: expected one to five letters, as BITFT, found \"BITFTX\"");
    REFUSES("{\"serial\":\"A B\",\"channel\":1}",
            "$.serial: expected one to five letters, as BITFT, found \"A B\"");
    REFUSES("{\"serial\":\"BITFT\"}", "$.channel: expected relay, from 1 (required), found nothing");
    REFUSES("{\"serial\":\"BITFT\",\"channel\":9}",
            "$.channel: expected a whole number from 1 to 8, found 9");
    REFUSES("{\"serial\":\"BITFT\",\"channel\":1,\"powered\":\"up\"}",
            "$.powered: expected one of \"closed\", \"open\", found \"up\"");
    REFUSES("{\"serial\":\"BITFT\",\"channel\":1,\"vendor\":65536}",
            "$.vendor: expected a whole number from 0 to 65535, found 65536");
    REFUSES("{\"serial\":\"BITFT\",\"channel\":1,\"latency_ms\":-1}",
            "$.latency_ms: expected a whole number from 0 to 10000, found -1");
    REFUSES("{\"serial\":\"BITFT\",\"channel\":1,\"lock\":\"\"}",
            "$.lock: expected a text that is not empty, found \"\"");
}

int main(int argc, char **argv)
{
    return test_relay_board_main(argc, argv);
}

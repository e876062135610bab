/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "exec" with small programs as switches: a file is the outlet. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/power/test_switch_bench.h"

static char folder[] = "/tmp/otarig-exec.XXXXXX";
static struct switch_bench bench;

static int bench_open(const char *text, bool safe_on)
{
    cr_assert(mkdtemp(folder) && !chdir(folder));
    switch_bench_begin(&bench, &power_exec_driver, text);
    return switch_bench_open(&bench, safe_on);
}

static void bench_end(void)
{
    switch_bench_end(&bench);
    cr_assert_eq(chdir("/"), 0);
    char *command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
}

static char outlet(void)
{
    FILE *file = fopen("outlet", "r");
    int c = file ? fgetc(file) : '?';
    if (file)
        fclose(file);
    return (char)c;
}

#define SWITCH(word) "\"" word "\":[\"sh\",\"-c\",\"echo " word " | tee outlet\"]"

Test(power_exec, switches_and_reads_back)
{
    bool on = false;
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH(
                                "off") ",\"get\":[\"sh\",\"-c\",\"cat outlet; echo thinking >&2\"]}",
                            false),
                 0);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified);
    cr_expect(bench.report.commanded_us && bench.report.commanded_us <= bench.report.returned_us);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(switch_bench_get(&bench, &on) == 0 && !on);
    bench_end();
}

Test(power_exec, without_get_nothing_is_verified)
{
    bool on;
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH("off") "}", true), 0);
    cr_expect_eq(switch_bench_set(&bench, false), 0);
    cr_expect_not(bench.report.verified);
    cr_expect_eq(switch_bench_get(&bench, &on), -1);
    cr_expect_eq(outlet(), 'o');
    unlink("outlet");
    power_exec_driver.close(bench.self);
    bench.self = NULL;
    FILE *file = fopen("outlet", "r");
    char word[8] = "";
    cr_assert(file && fgets(word, sizeof word, file));
    cr_expect_str_eq(word, "on\n", "close leaves the safe state");
    fclose(file);
    bench_end();
}

static void on_other(void *arg, uint64_t now_us)
{
    ++*(unsigned *)arg;
}

/* Another place's trigger is served while the program runs: it runs until that has come. */
Test(power_exec, holds_nobody_up)
{
    unsigned others = 0;
    cr_assert_eq(
        bench_open("{\"on\":[\"true\"],\"off\":[\"sh\",\"-c\",\"while ! test -e go; do sleep 0.01; done\"]}",
                   true),
        0);
    loop_add_timer(bench.loop, 0, on_other, &others);
    cr_assert_eq(power_exec_driver.power->start(bench.self, false, &bench.report, &bench.error), 0);
    while (!others)
        cr_assert(loop_turn(bench.loop, 10000000, NULL) > 0);
    cr_expect_not(bench.over);
    FILE *file = fopen("go", "w");
    cr_assert(file && !fclose(file));
    while (!bench.over)
        cr_assert(loop_turn(bench.loop, 10000000, NULL) > 0);
    cr_expect_eq(bench.error.kind, ERROR_NONE);
    bench_end();
}

/* A strip that says "done" and acts a moment later. */
Test(power_exec, the_state_may_take_its_time)
{
    cr_assert_eq(
        bench_open(
            "{" SWITCH("on") ",\"off\":[\"sh\",\"-c\",\"(sleep 0.3; echo off >outlet) >/dev/null 2>&1 &\"],"
                             "\"get\":[\"sh\",\"-c\",\"cat outlet\"]}",
            true),
        0);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect_eq(switch_bench_set(&bench, false), -1, "what it left behind died with it");
    bench_end();
}

Test(power_exec, a_command_that_fails_is_given_again)
{
    cr_assert_eq(
        bench_open(
            "{\"on\":[\"true\"],\"off\":[\"sh\",\"-c\",\"test -e tried || { touch tried; exit 1; }\"]}",
            true),
        0);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect_eq(bench.notes, 1);
    bench_end();
}

Test(power_exec, leaving_runs_nothing)
{
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH("off") "}", false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    unlink("outlet");
    power_exec_driver.leave(bench.self);
    bench.self = NULL;
    cr_expect(access("outlet", F_OK), "neither program ran");
    bench_end();
}

static void claimed(const char *options, char key[128])
{
    switch_bench_begin(&bench, &power_exec_driver, options);
    power_exec_driver.claim(bench.config, key, 128);
    switch_bench_end(&bench);
}

/* Two that run the same programs move the same switch, named or not. */
Test(power_exec, the_programs_name_the_switch)
{
    char a[128] = "", b[128] = "", other[128] = "", named[128] = "";
    claimed("{\"on\":[\"pdu\",\"on\"],\"off\":[\"pdu\",\"off\"]}", a);
    claimed("{\"on\":[\"pdu\",\"on\"],\"off\":[\"pdu\",\"off\"],\"timeout_ms\":100}", b);
    claimed("{\"on\":[\"pdu\",\"on\"],\"off\":[\"pdu\",\"o\",\"ff\"]}", other);
    claimed("{\"on\":[\"pdu\",\"on\"],\"off\":[\"pdu\",\"off\"],\"lock\":\"outlet-3\"}", named);
    cr_expect(a[0] && !strcmp(a, b));
    cr_expect(strcmp(a, other));
    cr_expect_str_eq(named, "switch:outlet-3");
}

Test(power_exec, a_switch_that_does_not_move_is_noticed)
{
    cr_assert_eq(
        bench_open("{\"on\":[\"true\"],\"off\":[\"true\"],\"get\":[\"echo\",\"1\"],\"follow_ms\":300}", true),
        0);
    cr_expect_eq(switch_bench_set(&bench, false), -1);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect_str_eq(bench.error.text, "echo: switched off, but it tells on 300 ms later");
    bench_end();
}

static void fails(const char *text, const char *said)
{
    cr_assert_eq(bench_open(text, true), 0);
    cr_expect_eq(switch_bench_set(&bench, false), -1);
    cr_expect_eq(bench.error.kind, strstr(said, "cannot start") ? ERROR_SYSTEM : ERROR_RIG);
    cr_expect(strstr(bench.error.text, said), "%s", bench.error.text);
    bench_end();
}

Test(power_exec, says_what_the_program_said)
{
    fails("{\"on\":[\"true\"],\"off\":[\"sh\",\"-c\",\"echo no such outlet >&2; echo bye; exit 5\"]}",
          "sh: exit status 5: no such outlet");
}

Test(power_exec, a_killed_program)
{
    fails("{\"on\":[\"true\"],\"off\":[\"sh\",\"-c\",\"kill -9 $$\"]}", "killed by signal 9");
}

Test(power_exec, a_hanging_program)
{
    fails("{\"on\":[\"true\"],\"off\":[\"sleep\",\"1000\"],\"timeout_ms\":50}", "sleep: no end within 50 ms");
}

Test(power_exec, a_missing_program)
{
    fails("{\"on\":[\"true\"],\"off\":[\"/nonexistent/pdu\"]}", "cannot start '/nonexistent/pdu'");
}

Test(power_exec, an_answer_that_is_none)
{
    fails("{\"on\":[\"true\"],\"off\":[\"true\"],\"get\":[\"echo\",\"perhaps\"],\"follow_ms\":0}",
          "echo: expected on or off, found 'perhaps'");
}

Test(power_exec, an_empty_command_is_the_users_fault)
{
    switch_bench_refuses(&power_exec_driver, "{\"on\":[],\"off\":[\"true\"]}",
                         "test: $.on: expected a program and its arguments, found a list of 0");
    switch_bench_refuses(&power_exec_driver, "{\"on\":[\"true\"],\"off\":[\"\",\"x\"]}",
                         "test: $.off[0]: expected a program, found \"\"");
    switch_bench_refuses(&power_exec_driver, "{\"on\":[\"true\"],\"off\":[\"true\"],\"lock\":\"\"}",
                         "test: $.lock: expected a text that is not empty, found \"\"");
}

/* Who may write the file decides what is run. */
Test(power_exec, the_file_of_a_stranger_runs_nothing)
{
    struct json_document document;
    struct error error = {0};
    const struct driver *driver = &power_exec_driver;
    static const char text[] = "{\"on\":[\"true\"],\"off\":[\"true\"]}";
    void *config = mem_alloc(driver->config_size);
    cr_assert_eq(json_parse(&document, "test", text, strlen(text), &error), 0);
    document.foreign = true;
    unsetenv("OTARIG_ALLOW_EXEC");
    cr_expect_eq(
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, &error), -1);
    cr_expect(strstr(error.text, "test: $.on: this is run: expected a file that belongs to you"), "%s",
              error.text);
    option_release(driver->options, config);
    setenv("OTARIG_ALLOW_EXEC", "1", 1);
    cr_expect_eq(
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, &error), 0);
    option_release(driver->options, config);
    free(config);
    json_close(&document);
}

Test(power_exec, examine_switches_nothing)
{
    const struct driver_env env = {.place = "p1", .role = "power", .folder = folder};
    char advice[300] = "";
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH("off") ",\"get\":[\"echo\",\"on\"]}", true), 0);
    cr_expect_eq(power_exec_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), 0, "%s",
                 bench.error.text);
    cr_expect_eq(outlet(), '?', "it was switched");
    cr_expect_eq(advice[0], 0);
    switch_bench_end(&bench);
    switch_bench_begin(&bench, &power_exec_driver,
                       "{\"on\":[\"otarig-no-such-program\"],\"off\":[\"true\"]}");
    cr_expect_eq(power_exec_driver.examine(&env, bench.config, advice, sizeof advice, &bench.error), -1);
    cr_expect_str_eq(bench.error.text, "otarig-no-such-program: no such program");
    cr_expect(strstr(advice, "install it"));
    bench_end();
}

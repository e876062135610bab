/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "exec" with small programs as switches: a file is the outlet. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/table.h"

static char folder[] = "/tmp/otarig-exec.XXXXXX";
static struct error error;
static void *config, *self;

static void configure(const char *text)
{
    const struct driver *driver = &power_exec_driver;
    struct json_document document;
    config = mem_alloc(driver->config_size);
    cr_assert_eq(json_parse(&document, "test", text, strlen(text), &error), 0, "%s", error.text);
    cr_assert_eq(
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, &error), 0,
        "%s", error.text);
    json_close(&document);
}

static int bench_open(const char *text, bool safe_on)
{
    const struct driver_env env = {.place = "p1", .role = "power", .folder = folder, .safe_on = safe_on};
    cr_assert(mkdtemp(folder) && !chdir(folder));
    configure(text);
    return power_exec_driver.open(&env, config, &self, &error);
}

static void bench_end(void)
{
    option_release(power_exec_driver.options, config);
    free(config);
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
    struct power_report report = {0};
    bool on = false;
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH(
                                "off") ",\"get\":[\"sh\",\"-c\",\"cat outlet; echo thinking >&2\"]}",
                            false),
                 0);
    cr_expect_eq(power_exec_driver.power->set(self, true, &report, &error), 0, "%s", error.text);
    cr_expect(report.verified);
    cr_expect(report.commanded_us && report.commanded_us <= report.returned_us);
    cr_expect(power_exec_driver.power->get(self, &on, &error) == 0 && on);
    cr_expect_eq(power_exec_driver.power->set(self, false, &report, &error), 0, "%s", error.text);
    cr_expect(power_exec_driver.power->get(self, &on, &error) == 0 && !on);
    power_exec_driver.close(self);
    bench_end();
}

Test(power_exec, without_get_nothing_is_verified)
{
    struct power_report report = {0};
    bool on;
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH("off") "}", true), 0);
    cr_expect_eq(power_exec_driver.power->set(self, false, &report, &error), 0);
    cr_expect_not(report.verified);
    cr_expect_eq(power_exec_driver.power->get(self, &on, &error), -1);
    cr_expect_eq(outlet(), 'o');
    unlink("outlet");
    power_exec_driver.close(self);
    FILE *file = fopen("outlet", "r");
    char word[8] = "";
    cr_assert(file && fgets(word, sizeof word, file));
    cr_expect_str_eq(word, "on\n", "close leaves the safe state");
    fclose(file);
    bench_end();
}

Test(power_exec, leaving_runs_nothing)
{
    struct power_report report = {0};
    cr_assert_eq(bench_open("{" SWITCH("on") "," SWITCH("off") "}", false), 0);
    cr_expect_eq(power_exec_driver.power->set(self, true, &report, &error), 0);
    unlink("outlet");
    power_exec_driver.leave(self);
    cr_expect(access("outlet", F_OK), "neither program ran");
    bench_end();
}

static void claimed(const char *options, char key[128])
{
    configure(options);
    power_exec_driver.claim(config, key, 128);
    option_release(power_exec_driver.options, config);
    free(config);
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
    struct power_report report = {0};
    cr_assert_eq(bench_open("{\"on\":[\"true\"],\"off\":[\"true\"],\"get\":[\"echo\",\"1\"]}", true), 0);
    cr_expect_eq(power_exec_driver.power->set(self, false, &report, &error), -1);
    cr_expect_eq(error.kind, ERROR_RIG);
    cr_expect(strstr(error.text, "switched off, reads on"), "%s", error.text);
    cr_expect_not(report.verified);
    power_exec_driver.close(self);
    bench_end();
}

static void fails(const char *text, const char *said)
{
    struct power_report report = {0};
    cr_assert_eq(bench_open(text, true), 0);
    cr_expect_eq(power_exec_driver.power->set(self, false, &report, &error), -1);
    cr_expect_eq(error.kind, strstr(said, "cannot start") ? ERROR_SYSTEM : ERROR_RIG);
    cr_expect(strstr(error.text, said), "%s", error.text);
    power_exec_driver.close(self);
    bench_end();
}

Test(power_exec, says_what_the_program_said)
{
    fails("{\"on\":[\"true\"],\"off\":[\"sh\",\"-c\",\"echo no such outlet >&2; echo bye; exit 5\"]}",
          "sh: failed (status 5): no such outlet");
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
    fails("{\"on\":[\"true\"],\"off\":[\"true\"],\"get\":[\"echo\",\"perhaps\"]}",
          "echo: expected on or off, found 'perhaps'");
}

/* What the parser says of it. */
static void refused(const char *text, const char *said)
{
    const struct driver *driver = &power_exec_driver;
    struct json_document document;
    config = mem_alloc(driver->config_size);
    cr_assert_eq(json_parse(&document, "test", text, strlen(text), &error), 0, "%s", error.text);
    cr_expect_eq(
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, &error), -1);
    cr_expect_eq(error.kind, ERROR_INPUT);
    cr_expect_str_eq(error.text, said);
    json_close(&document);
    option_release(driver->options, config);
    free(config);
}

Test(power_exec, an_empty_command_is_the_users_fault)
{
    refused("{\"on\":[],\"off\":[\"true\"]}",
            "test: $.on: expected a program and its arguments, found a list of 0");
    refused("{\"on\":[\"true\"],\"off\":[\"\",\"x\"]}", "test: $.off[0]: expected a program, found \"\"");
    refused("{\"on\":[\"true\"],\"off\":[\"true\"],\"lock\":\"\"}",
            "test: $.lock: expected a text that is not empty, found \"\"");
}

/* Who may write the file decides what is run. */
Test(power_exec, the_file_of_a_stranger_runs_nothing)
{
    struct json_document document;
    const struct driver *driver = &power_exec_driver;
    static const char text[] = "{\"on\":[\"true\"],\"off\":[\"true\"]}";
    config = mem_alloc(driver->config_size);
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
    cr_expect_eq(power_exec_driver.examine(&env, config, advice, sizeof advice, &error), 0, "%s", error.text);
    cr_expect_eq(outlet(), '?', "it was switched");
    cr_expect_eq(advice[0], 0);
    option_release(power_exec_driver.options, config);
    free(config);
    configure("{\"on\":[\"otarig-no-such-program\"],\"off\":[\"true\"]}");
    cr_expect_eq(power_exec_driver.examine(&env, config, advice, sizeof advice, &error), -1);
    cr_expect_str_eq(error.text, "otarig-no-such-program: no such program");
    cr_expect(strstr(advice, "install it"));
    free(self);
    bench_end();
}

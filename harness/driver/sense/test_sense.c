/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sense drivers "http" and "exec": the power meter of a strip, and a file that a program reads. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/power/test_strip.h"

static struct switch_bench power, sense;
static struct test_strip strip;

static void begin_one(struct switch_bench *bench, const struct driver *driver, struct loop *loop,
                      const char *options)
{
    switch_bench_begin(bench, driver, options);
    loop_free(bench->loop);
    bench->loop = loop;
    cr_assert_eq(switch_bench_open(bench, false), 0, "%s", bench->error.text);
}

/* The strip's outlet 1 by its switch and by its meter. */
static void begin(const char *const *words, const char *more)
{
    struct loop *loop = loop_new();
    test_strip_start(&strip, loop, words);
    char *switching = mem_printf("{\"url\":\"http://127.0.0.1:%u\",\"preset\":\"shelly2\",\"outlet\":\"1\"}",
                                 strip.port),
         *reading =
             mem_printf("{\"url\":\"http://127.0.0.1:%u\",\"get\":\"/rpc/Switch.GetStatus?id=1\",\"pointer\":"
                        "\"/apower\",\"above\":\"1.5\",\"every_ms\":20%s}",
                        strip.port, more);
    begin_one(&power, &power_http_driver, loop, switching);
    begin_one(&sense, &sense_http_driver, loop, reading);
    bool on;
    cr_assert(switch_bench_get(&sense, &on) == 0 && !on, "%s", sense.error.text);
    free(switching);
    free(reading);
}

static void end(void)
{
    sense.driver->close(sense.self);
    sense.self = NULL;
    power.driver->close(power.self);
    power.self = NULL;
    test_strip_stop(&strip);
    sense.loop = NULL;
    switch_bench_end(&sense);
    switch_bench_end(&power);
}

/* As the engine does it: who senses is told of the command, then until when the rail has to follow. */
static int switch_and_look(bool on)
{
    const struct sense_ops *ops = sense.driver->sense;
    sense.edge[0] = 0;
    sense.error = (struct error){0};
    power.over = false;
    cr_assert_eq(power.driver->power->start(power.self, on, &power.report, &power.error), 0);
    cr_assert_eq(ops->expect(sense.self, on, power.report.commanded_us, LOOP_NEVER, &sense.error), 0);
    while (!power.over)
        cr_assert(loop_turn(power.loop, 30000000, NULL) > 0);
    cr_assert_eq(ops->expect(sense.self, on, power.report.commanded_us,
                             clock_now_us() + ops->sense_us(sense.config), &sense.error),
                 0);
    return switch_bench_edge(&sense);
}

Test(sense, a_meter_sees_the_rail_move)
{
    begin(NULL, "");
    cr_expect_eq(switch_and_look(true), 0, "%s", sense.error.text);
    cr_expect_eq(switch_and_look(false), 0, "%s", sense.error.text);
    cr_expect_str_eq(sense.edge, "off");
    cr_expect(sense.achieved_us > power.report.commanded_us);
    cr_expect(sense.achieved_us - sense.within_us >= power.report.commanded_us, "it moved after the command");
    end();
}

/* It tells the new state at once, and moves later: the edge is where the rail moved. */
Test(sense, a_late_contact_is_seen_late)
{
    static const char *const words[] = {"defect=late", "late=500", NULL};
    begin(words, "");
    cr_expect_eq(switch_and_look(true), 0, "%s", sense.error.text);
    cr_expect_eq(strip.contact[1], 1);
    cr_expect(sense.achieved_us > power.report.returned_us, "the strip's word came first");
    end();
}

Test(sense, a_contact_that_stays_is_the_rigs_fault)
{
    static const char *const lying[] = {"defect=lying", NULL}, *const other[] = {"defect=other", NULL};
    begin(lying, ",\"within_ms\":300");
    cr_expect_eq(switch_and_look(true), -1);
    cr_expect(strstr(sense.error.text, "the power was switched on, but the rail did not follow"), "%s",
              sense.error.text);
    end();
    begin(other, ",\"within_ms\":300");
    cr_expect_eq(switch_and_look(true), -1, "another outlet moved");
    end();
}

static void reading_fails(const char *reading, const char *said)
{
    char *body = mem_printf("body=%s", reading);
    const char *const words[] = {body, NULL};
    struct loop *loop = loop_new();
    bool on;
    test_strip_start(&strip, loop, words);
    char *options =
        mem_printf("{\"url\":\"http://127.0.0.1:%u\",\"get\":\"/x\",\"pointer\":\"/v\",\"above\":\"-1.5\","
                   "\"every_ms\":10,\"within_ms\":50}",
                   strip.port);
    begin_one(&sense, &sense_http_driver, loop, options);
    cr_expect_eq(switch_bench_get(&sense, &on), said ? -1 : 0);
    cr_expect(said ? strstr(sense.error.text, said) != NULL : on, "'%s' lacks '%s'", sense.error.text, said);
    if (said) {
        sense.error = (struct error){0};
        cr_assert_eq(sense_http_driver.sense->expect(sense.self, true, clock_now_us(), clock_now_us() + 30000,
                                                     &sense.error),
                     0);
        cr_expect_eq(switch_bench_edge(&sense), -1);
        cr_expect(strstr(sense.error.text, said), "'%s' lacks '%s'", sense.error.text, said);
    }
    sense.driver->close(sense.self);
    sense.self = NULL;
    test_strip_stop(&strip);
    switch_bench_end(&sense);
    free(options);
    free(body);
}

Test(sense, readings_that_are_none)
{
    reading_fails("{\"v\":-1.4}", NULL);
    reading_fails("{\"v\":\"3.3\"}", NULL);
    reading_fails("{\"v\":\"high\"}", "tells 'high', which is no number");
    reading_fails("{\"v\":\"nan\"}", "no number");
    reading_fails("{\"v\":null}", "no plain value at /v");
    reading_fails("{}", "nothing at /v");
    reading_fails("hello", "no JSON");
}

static char folder[] = "/tmp/otarig-sense.XXXXXX";

static void write_rail(const char *text)
{
    FILE *file = fopen("rail", "w");
    cr_assert(file && fputs(text, file) >= 0 && !fclose(file));
}

static void on_move(void *arg, uint64_t now_us)
{
    write_rail("off\n");
}

Test(sense, a_program_reads_the_rail)
{
    char *command = NULL;
    bool on = false;
    cr_assert(mkdtemp(folder) && !chdir(folder));
    write_rail("on\n");
    begin_one(&sense, &sense_exec_driver, loop_new(), "{\"get\":[\"cat\",\"rail\"],\"every_ms\":10}");
    cr_expect(switch_bench_get(&sense, &on) == 0 && on);
    uint64_t now_us = clock_now_us();
    cr_assert_eq(sense_exec_driver.sense->expect(sense.self, false, now_us, now_us + 30000000, &sense.error),
                 0);
    loop_add_timer(sense.loop, now_us + 100000, on_move, NULL);
    cr_expect_eq(switch_bench_edge(&sense), 0, "%s", sense.error.text);
    cr_expect_str_eq(sense.edge, "off");
    cr_expect(sense.achieved_us >= now_us + 100000);
    switch_bench_end(&sense);
    begin_one(&sense, &sense_exec_driver, loop_new(),
              "{\"get\":[\"sh\",\"-c\",\"echo broken >&2; exit 3\"],\"every_ms\":10}");
    cr_assert_eq(sense_exec_driver.sense->expect(sense.self, false, clock_now_us(), clock_now_us() + 50000,
                                                 &sense.error),
                 0);
    cr_expect_eq(switch_bench_edge(&sense), -1);
    cr_expect_str_eq(sense.error.text, "sh: exit status 3: broken");
    switch_bench_end(&sense);
    cr_assert_eq(chdir("/"), 0);
    command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
}

Test(sense, bad_options)
{
#define REFUSES(driver, text, said) switch_bench_refuses(&driver, text, "test: " said)
#define HERE "{\"url\":\"http://h\",\"get\":\"/x\""
    REFUSES(sense_exec_driver, "{}",
            "$.get: expected program that reads the rail and prints on or off (1 or 0) "
            "(required), found nothing");
    REFUSES(sense_exec_driver, "{\"get\":[\"\"]}", "$.get[0]: expected a program, found \"\"");
    REFUSES(sense_exec_driver, "{\"get\":[\"true\"],\"every_ms\":0}",
            "$.every_ms: expected a whole number from 1 to 10000, found 0");
    REFUSES(sense_http_driver, "{\"url\":\"http://h\"}",
            "$.get: expected the path that tells the reading (required), found nothing");
    REFUSES(sense_http_driver, HERE ",\"above\":\"much\"}",
            "$.above: expected a number as text, such as \"0.5\", found \"much\"");
    REFUSES(sense_http_driver, HERE ",\"above\":\"1\",\"is_on\":\"x\"}",
            "$: expected either \"above\" or \"is_on\" and \"is_off\", found an object");
    REFUSES(sense_http_driver, HERE ",\"pointer\":\"v\"}",
            "$.pointer: expected a JSON pointer, such as /relays/0/state, found \"v\"");
    REFUSES(sense_http_driver, HERE ",\"token_from\":\"abc\"}",
            "$.token_from: expected file:PATH or env:NAME, where the secret is (it must not stand here), "
            "found \"abc\"");
    REFUSES(sense_http_driver, HERE ",\"within_ms\":0}",
            "$.within_ms: expected a whole number from 1 to 60000, found 0");
}

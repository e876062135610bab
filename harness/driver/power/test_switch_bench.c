/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/power/test_switch_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

static uint64_t time_at(const struct event *event, const char *key)
{
    double time_us = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event->fields, key));
    return time_us > 0 ? (uint64_t)time_us : 0;
}

static void put(struct sink *sink, const struct event *event)
{
    struct switch_bench *bench = (struct switch_bench *)sink;
    bench->notes += event->kind == EVENT_NOTE;
    if (event->kind == EVENT_RIG) {
        error_set(&bench->error, ERROR_RIG, "%s", event->value);
        bench->over = true;
    } else if (event->kind == EVENT_POWER && !strcmp(event->what, "acted")) {
        bench->report.returned_us = time_at(event, "acted_us");
        bench->report.verified = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event->fields, "verified"));
        cr_expect_eq(time_at(event, "commanded_us"), bench->report.commanded_us);
        bench->over = true;
    } else if (event->kind == EVENT_POWER && !strcmp(event->what, "edge")) {
        snprintf(bench->edge, sizeof bench->edge, "%s", event->value);
        bench->achieved_us = time_at(event, "achieved_us");
        bench->within_us = time_at(event, "within_us");
    }
}

static int parse(const struct driver *driver, const char *options, void *config, struct error *error)
{
    struct json_document document;
    cr_assert_eq(json_parse(&document, "test", options, strlen(options), error), 0, "%s", error->text);
    int failed =
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, error);
    if (!failed)
        failed = option_hold_rules(driver->rules, json_root(&document), error);
    const char *wrong = !failed && driver->check ? driver->check(config) : NULL;
    if (!failed && wrong)
        failed = json_expected(json_root(&document), error, "%s", wrong);
    json_close(&document);
    return failed;
}

void switch_bench_begin(struct switch_bench *bench, const struct driver *driver, const char *options)
{
    *bench = (struct switch_bench){.sink = {.put = put}, .driver = driver, .loop = loop_new()};
    bench->config = mem_alloc(driver->config_size);
    cr_assert_eq(parse(driver, options, bench->config, &bench->error), 0, "%s", bench->error.text);
}

int switch_bench_open(struct switch_bench *bench, bool safe_on)
{
    const struct driver_env env = {.loop = bench->loop,
                                   .sink = &bench->sink,
                                   .place = "p1",
                                   .role = driver_kind_name(bench->driver->kind),
                                   .folder = "/tmp",
                                   .safe_on = safe_on};
    return bench->driver->open(&env, bench->config, &bench->self, &bench->error);
}

int switch_bench_set(struct switch_bench *bench, bool on)
{
    const struct power_ops *ops = bench->driver->power;
    bench->error = (struct error){0};
    bench->over = ops->set != NULL;
    if ((ops->set ? ops->set : ops->start)(bench->self, on, &bench->report, &bench->error))
        return -1;
    while (!bench->over)
        cr_assert(loop_turn(bench->loop, 60000000, NULL) > 0, "nothing comes");
    return bench->error.kind == ERROR_NONE ? 0 : -1;
}

int switch_bench_get(struct switch_bench *bench, bool *on)
{
    bench->error = (struct error){0};
    return (bench->driver->power ? bench->driver->power->get : bench->driver->sense->get)(bench->self, on,
                                                                                          &bench->error);
}

int switch_bench_edge(struct switch_bench *bench)
{
    while (!bench->edge[0] && bench->error.kind == ERROR_NONE)
        cr_assert(loop_turn(bench->loop, 60000000, NULL) > 0, "nothing comes");
    return bench->edge[0] ? 0 : -1;
}

void switch_bench_end(struct switch_bench *bench)
{
    if (bench->self)
        bench->driver->close(bench->self);
    option_release(bench->driver->options, bench->config);
    free(bench->config);
    loop_free(bench->loop);
}

void switch_bench_refuses(const struct driver *driver, const char *options, const char *said)
{
    struct error error = {0};
    void *config = mem_alloc(driver->config_size);
    cr_expect_eq(parse(driver, options, config, &error), -1, "taken: %s", options);
    cr_expect_eq(error.kind, ERROR_INPUT);
    cr_expect_str_eq(error.text, said);
    option_release(driver->options, config);
    free(config);
}

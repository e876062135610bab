/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/test_exec_bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/driver/link_fault.h"
#include "harness/driver/table.h"

#define WAIT_LIMIT_US 600000000u

static void copy_field(const cJSON *fields, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(fields, name));
    snprintf(out, size, "%s", text ? text : "");
}

static void take_end(struct exec_bench *bench, const struct event *event)
{
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(event->fields, "images");
    const char *version =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(images, 0), "version"));
    bench->over = true;
    bench->ok = !strcmp(event->what, "done");
    copy_field(event->fields, "outcome", bench->outcome, sizeof bench->outcome);
    copy_field(event->fields, "reason", bench->reason, sizeof bench->reason);
    copy_field(event->fields, "text", bench->text, sizeof bench->text);
    free(bench->version);
    bench->version = mem_string(version);
    bench->images = cJSON_GetArraySize(images);
}

static void put(struct sink *sink, const struct event *event)
{
    struct exec_bench *bench = (struct exec_bench *)sink;
    if (event->kind == EVENT_NOTE && !strcmp(event->what, "output")) {
        bench->notes++;
        if (getenv("OTARIG_TEST_TELL"))
            fprintf(stderr, "%s\n", event->value);
        snprintf(bench->output, sizeof bench->output, "%s", event->value);
    } else if (event->kind == EVENT_UPDATE && !strcmp(event->what, "progress")) {
        cr_assert_not(bench->over, "progress of a job that is over");
        bench->progress++;
        if (event->number > bench->progress_max)
            bench->progress_max = event->number;
    } else if (event->kind == EVENT_UPDATE) {
        take_end(bench, event);
    }
}

static void on_lost(struct console_port *port, const char *why)
{
    console_port_detach(port);
}

static void open_console(struct exec_bench *bench, const struct driver_env *env)
{
    static uint64_t seed = 7; /* what one bench loses another one may not */
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    bench->console = ends[0];
    bench->board = ends[1];
    cr_assert_eq(fcntl(bench->console, F_SETFL, O_NONBLOCK), 0);
    console_port_init(&bench->port, env, on_lost);
    console_port_attach(&bench->port, bench->console);
    bench->fault = link_fault_new(&bench->port.link, bench->loop, &bench->sink, seed++);
}

static int parse(const char *json, void *config, struct error *error)
{
    struct json_document document;
    cr_assert_eq(json_parse(&document, "rack", json, strlen(json), error), 0, "%s", error->text);
    int result = option_parse(update_exec_driver.options, json_root(&document), NULL, config,
                              update_exec_driver.config_size, error);
    json_close(&document);
    return result;
}

struct exec_bench *exec_bench_new(const char *json)
{
    struct exec_bench *bench = mem_alloc(sizeof *bench);
    struct error error = {0};
    bench->sink.put = put;
    bench->loop = loop_new();
    snprintf(bench->folder, sizeof bench->folder, "/tmp/otarig-exec-XXXXXX");
    cr_assert(mkdtemp(bench->folder));
    bench->image = exec_path(bench, "image.bin");
    exec_write_file(bench->image, "image", 5);
    struct driver_env env = {
        .loop = bench->loop, .sink = &bench->sink, .place = "p", .role = "update", .folder = bench->folder};
    open_console(bench, &env);
    env.link = bench->fault;
    bench->config = mem_alloc(update_exec_driver.config_size);
    cr_assert_eq(parse(json, bench->config, &error), 0, "%s", error.text);
    const char *wrong = update_exec_driver.check(bench->config);
    cr_assert_null(wrong, "%s", wrong);
    cr_assert_eq(update_exec_driver.open(&env, bench->config, &bench->client, &error), 0, "%s", error.text);
    return bench;
}

void exec_bench_free(struct exec_bench *bench)
{
    update_exec_driver.close(bench->client);
    option_release(update_exec_driver.options, bench->config);
    link_fault_free(bench->fault);
    console_port_release(&bench->port);
    close(bench->console);
    close(bench->board);
    loop_free(bench->loop);
    char *command = mem_printf("rm -rf %s", bench->folder);
    cr_assert_eq(system(command), 0);
    free(command);
    free(bench->config);
    free(bench->image);
    free(bench->version);
    free(bench);
}

bool exec_work(struct exec_bench *bench, struct update_job job)
{
    struct error error = {0};
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    bench->over = bench->ok = false;
    bench->outcome[0] = bench->reason[0] = bench->text[0] = bench->output[0] = 0;
    bench->notes = bench->progress = 0;
    cr_assert_eq(update_exec_driver.update->start(bench->client, &job, &error), 0, "%s", error.text);
    while (!bench->over && clock_now_us() < end_us)
        cr_assert_geq(loop_turn(bench->loop, 100000, &error), 0);
    cr_assert(bench->over);
    return bench->ok;
}

const char *exec_wrong(const char *json)
{
    static struct error error;
    void *config = mem_alloc(update_exec_driver.config_size);
    const char *wrong = parse(json, config, &error) ? error.text : update_exec_driver.check(config);
    option_release(update_exec_driver.options, config);
    free(config);
    return wrong;
}

void exec_write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, len, file) == len && !fclose(file));
}

char *exec_path(const struct exec_bench *bench, const char *name)
{
    return mem_printf("%s/%s", bench->folder, name);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole way: the probe writes the demo firmware into a twin, the SMP client updates it over the console,
 * through a bad line and past a power cut. Ends 77 where a program or the firmware is missing. */
#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/link_fault.h"
#include "harness/driver/table.h"
#include "harness/io/child.h"

#define WAIT_LIMIT_US 600000000u
#ifndef SLOT0 /* or another kind of firmware, by its own words */
#define SLOT0 0x10000u
#define V1_STARTS "APP start version=1"
#define V2_STARTS "APP start version=2"
#endif

__attribute__((constructor)) static void need_programs(void)
{
    if (system("command -v openocd >/dev/null") || access(OTARIG_TWIN, X_OK) ||
        access(OTARIG_FIRMWARE "/v2.bin", R_OK))
        _exit(77);
}

struct part {
    const struct driver *driver;
    void *config, *self;
};

struct bench {
    struct sink sink; /* first member */
    struct loop *loop;
    struct child *twin;
    char folder[64], *control;
    struct part console, probe, update;
    struct link *link;
    bool over, ok, halted;
    char reason[80], console_text[65536], hash[80];
    size_t console_len;
    int64_t progress, stop_at;
};

static void take_end(struct bench *bench, const struct event *event)
{
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(event->fields, "images");
    const cJSON *hash =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(images, cJSON_GetArraySize(images) - 1), "hash");
    bench->over = true;
    bench->ok = !strcmp(event->what, "done");
    snprintf(bench->reason, sizeof bench->reason, "%s", cJSON_IsString(reason) ? reason->valuestring : "");
    snprintf(bench->hash, sizeof bench->hash, "%s", cJSON_IsString(hash) ? hash->valuestring : "");
}

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    if (event->kind == EVENT_INPUT) {
        size_t room = sizeof bench->console_text - 1 - bench->console_len;
        size_t len = event->len < room ? event->len : room;
        memcpy(bench->console_text + bench->console_len, event->data, len);
        bench->console_len += len;
    } else if (event->kind == EVENT_UPDATE && !strcmp(event->what, "progress")) {
        bench->progress = event->number;
        if (bench->stop_at && event->number >= bench->stop_at)
            bench->update.driver->update->cancel(bench->update.self);
    } else if (event->kind == EVENT_PROBE && !strcmp(event->what, "halted")) {
        bench->halted = true;
    } else if ((event->kind == EVENT_UPDATE || event->kind == EVENT_PROBE) && strcmp(event->what, "lost")) {
        take_end(bench, event);
    }
}

static void turn(struct bench *bench)
{
    cr_assert_geq(loop_turn(bench->loop, 50000, NULL), 0);
}

/* The console said it since the last call. */
static void expect_console(struct bench *bench, const char *text)
{
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    while (!memmem(bench->console_text, bench->console_len, text, strlen(text))) {
        cr_assert(clock_now_us() < end_us, "no '%s' in: %.*s", text, (int)bench->console_len,
                  bench->console_text);
        turn(bench);
    }
    bench->console_len = 0;
}

static void open_part(struct bench *bench, struct part *part, const struct driver *driver, const char *role,
                      char *json)
{
    struct json_document document;
    struct error error = {0};
    part->driver = driver;
    part->config = mem_alloc(driver->config_size);
    cr_assert_eq(json_parse(&document, "rack", json, strlen(json), &error), 0);
    cr_assert_eq(
        option_parse(driver->options, json_root(&document), NULL, part->config, driver->config_size, &error),
        0, "%s", error.text);
    json_close(&document);
    free(json);
    const struct driver_env env = {.loop = bench->loop,
                                   .sink = &bench->sink,
                                   .place = "p",
                                   .role = role,
                                   .folder = bench->folder,
                                   .link = bench->link};
    cr_assert_eq(driver->open(&env, part->config, &part->self, &error), 0, "%s", error.text);
}

static void close_part(struct part *part)
{
    part->driver->close(part->self);
    option_release(part->driver->options, part->config);
    free(part->config);
}

static struct bench *bench_new(void)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    struct error error = {0};
    struct stat about;
    bench->sink.put = put;
    bench->loop = loop_new();
    snprintf(bench->folder, sizeof bench->folder, "/tmp/otarig-board-XXXXXX");
    cr_assert(mkdtemp(bench->folder));
    char *nvm = mem_printf("%s/nvm", bench->folder), *dap = mem_printf("%s/dap", bench->folder),
         *uart = mem_printf("%s/uart", bench->folder);
    bench->control = mem_printf("%s/control", bench->folder);
    const char *argv[] = {OTARIG_TWIN, "--chip", "nrf52840",  "--nvm",        nvm,      "--dap", dap,
                          "--uart",    uart,     "--control", bench->control, "--seed", "7",     NULL};
    const struct child_spec spec = {.name = "twin", .argv = argv};
    bench->twin = child_start(bench->loop, &spec, &(struct child_events){0}, NULL, &error);
    cr_assert(bench->twin, "%s", error.text);
    for (uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
         stat(bench->control, &about) || stat(dap, &about) || stat(uart, &about);) {
        cr_assert(clock_now_us() < end_us);
        turn(bench);
    }
    open_part(bench, &bench->console, &console_stream_driver, "console",
              mem_printf("{\"path\": \"%s\"}", uart));
    bench->link = link_fault_new(console_stream_driver.console->link(bench->console.self), bench->loop,
                                 &bench->sink, 5);
    open_part(bench, &bench->probe, &probe_openocd_driver, "probe",
              mem_printf("{\"adapter\": \"remote_bitbang\", \"socket\": \"%s\"}", dap));
    open_part(bench, &bench->update, &update_smp_driver, "update",
              mem_string("{\"mtu\": 0, \"retry_ms\": 200, \"retries\": 40}"));
    free(nvm);
    free(dap);
    free(uart);
    return bench;
}

static void bench_free(struct bench *bench)
{
    close_part(&bench->update);
    close_part(&bench->probe);
    link_fault_free(bench->link);
    close_part(&bench->console);
    child_free(bench->twin);
    loop_free(bench->loop);
    char *command = mem_printf("rm -rf %s", bench->folder);
    cr_assert_eq(system(command), 0);
    free(command);
    free(bench->control);
    free(bench);
}

static void supply(struct bench *bench, bool on)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    const char *text = on ? "on 0 9\n" : "off 0\n";
    char answer[4096] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s", bench->control);
    cr_assert_eq(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    while ((strstr(answer, "\"powered\":true") != NULL) != on || !answer[0]) {
        cr_assert_eq(write(fd, "status\n", 7), 7);
        memset(answer, 0, sizeof answer);
        cr_assert_gt(read(fd, answer, sizeof answer - 1), 0);
    }
    close(fd);
    bench->probe.driver->probe->power(bench->probe.self, on);
}

static bool until_over(struct bench *bench)
{
    uint64_t end_us = clock_now_us() + 2 * WAIT_LIMIT_US;
    while (!bench->over && clock_now_us() < end_us)
        turn(bench);
    cr_assert(bench->over);
    return bench->ok;
}

static bool probe(struct bench *bench, struct probe_job job)
{
    struct error error = {0};
    bench->over = false;
    cr_assert_eq(bench->probe.driver->probe->start(bench->probe.self, &job, &error), 0, "%s", error.text);
    return until_over(bench);
}

static bool update(struct bench *bench, struct update_job job)
{
    struct error error = {0};
    bench->over = false;
    cr_assert_eq(bench->update.driver->update->start(bench->update.self, &job, &error), 0, "%s", error.text);
    return until_over(bench);
}

static void install(struct bench *bench, const char *image)
{
    supply(bench, true);
    cr_assert(probe(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}), "%s", bench->reason);
    cr_assert(
        probe(bench, (struct probe_job){.verb = PROBE_PROGRAM, .path = OTARIG_FIRMWARE "/bootloader.bin"}),
        "%s", bench->reason);
    cr_assert(probe(bench, (struct probe_job){.verb = PROBE_PROGRAM, .path = image, .address = SLOT0}), "%s",
              bench->reason);
    supply(bench, false);
    bench->console_len = 0;
    supply(bench, true);
}

Test(update_board, goes_from_v1_to_v2_over_a_bad_line_and_past_a_cut)
{
    struct bench *bench = bench_new();
    const struct update_job upload = {
        .intent = UPDATE_DELIVER, .path = OTARIG_FIRMWARE "/v2.bin", .resume = true};
    install(bench, OTARIG_FIRMWARE "/v1.bin");
    expect_console(bench, V1_STARTS);
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_PING}), "%s", bench->reason);
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_STATE}), "%s", bench->reason);
    char first[80];
    snprintf(first, sizeof first, "%s", bench->hash);
    cr_assert_eq(strlen(first), 64);

    bench->stop_at = 9000;
    cr_assert_not(update(bench, upload));
    bench->stop_at = 0;
    supply(bench, false);
    supply(bench, true);
    expect_console(bench, V1_STARTS);

    link_fault_set(bench->link, &(struct link_fault_spec){.mode = LINK_CORRUPT, .every = 7001});
    cr_assert(update(bench, upload), "%s", bench->reason);
    link_fault_set(bench->link, &(struct link_fault_spec){.mode = LINK_DROP, .probability = 0.1});
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_STATE}), "%s", bench->reason);
    link_fault_clear(bench->link);

    struct stat about;
    uint8_t hash[32];
    cr_assert_eq(stat(upload.path, &about), 0);
    cr_assert_eq(bench->progress, about.st_size);
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_STATE}));
    for (int i = 0; i < 32; i++)
        cr_assert_eq(sscanf(bench->hash + 2 * i, "%2hhx", &hash[i]), 1);
    cr_assert_str_neq(bench->hash, first, "the second slot holds another image");
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_ACTIVATE, .hash = hash}), "%s",
              bench->reason);
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_RESTART}), "%s", bench->reason);
    expect_console(bench, V2_STARTS);
    cr_assert(update(bench, (struct update_job){.intent = UPDATE_CONFIRM}), "%s", bench->reason);
    bench_free(bench);
}

Test(update_board, a_watch_finds_the_erase_that_an_upload_makes)
{
    struct bench *bench = bench_new();
    install(bench, OTARIG_FIRMWARE "/v1.bin");
    expect_console(bench, V1_STARTS);
    /* NVMC.ERASEPAGE */
    cr_assert(
        probe(bench, (struct probe_job){.verb = PROBE_WATCH, .address = 0x4001e508, .len = 4, .count = 1}),
        "%s", bench->reason);
    expect_console(bench, V1_STARTS);
    const struct update_job upload = {.intent = UPDATE_DELIVER, .path = OTARIG_FIRMWARE "/v2.bin"};
    struct error error = {0};
    cr_assert_eq(bench->update.driver->update->start(bench->update.self, &upload, &error), 0);
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    while (!bench->halted && clock_now_us() < end_us)
        turn(bench);
    cr_assert(bench->halted);
    bench->update.driver->update->cancel(bench->update.self);
    bench_free(bench);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The staging client over a probe made of memory: flash that only erases by pages. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/table.h"

#define FLASH_LEN 0x10000
#define PAGE 0x1000

struct bench {
    struct sink sink; /* first member */
    struct loop *loop;
    uint8_t flash[FLASH_LEN];
    uint32_t register_address, register_value;
    int resets, starts, fail_at;
    void (*ended)(void *arg, bool ok, const cJSON *fields);
    void *ended_arg;
    bool job_ok, hang;
    char folder[64], *image;
    void *config, *self;
    bool over, ok;
    int64_t progress;
    char reason[40];
    int images;
};

/* ---- the probe ---- */

static size_t copy_in(struct bench *bench, const struct probe_job *job)
{
    FILE *file = fopen(job->path, "rb");
    cr_assert(file);
    uint8_t *data = mem_alloc(FLASH_LEN);
    size_t len = fread(data, 1, FLASH_LEN - job->address, file);
    for (uint32_t page = job->address / PAGE; page <= (job->address + len - 1) / PAGE; page++)
        memset(bench->flash + page * PAGE, 0xff, PAGE);
    memcpy(bench->flash + job->address, data, len);
    free(data);
    fclose(file);
    return len;
}

static void do_job(struct bench *bench, const struct probe_job *job)
{
    if (job->verb == PROBE_PROGRAM) {
        copy_in(bench, job);
    } else if (job->verb == PROBE_DUMP) {
        FILE *file = fopen(job->path, "wb");
        cr_assert(file && fwrite(bench->flash + job->address, job->len, 1, file) == 1 && !fclose(file));
    } else if (job->verb == PROBE_ERASE) {
        memset(bench->flash + job->address, 0xff, job->len);
    } else if (job->verb == PROBE_WRITE) {
        bench->register_address = job->address;
        bench->register_value = job->value;
    } else if (job->verb == PROBE_RESET_RUN) {
        bench->resets++;
    }
}

static void finish(void *arg)
{
    struct bench *bench = arg;
    void (*ended)(void *, bool, const cJSON *) = bench->ended;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", "no-target");
    bench->ended = NULL;
    if (ended)
        ended(bench->ended_arg, bench->job_ok, fields);
    cJSON_Delete(fields);
}

static int probe_start(void *self, const struct probe_job *job, struct error *error)
{
    struct bench *bench = self;
    bench->job_ok = ++bench->starts != bench->fail_at;
    if (bench->job_ok)
        do_job(bench, job);
    if (!bench->hang)
        loop_defer(bench->loop, finish, bench);
    return 0;
}

static void probe_listen(void *self, void (*ended)(void *arg, bool ok, const cJSON *fields), void *arg)
{
    struct bench *bench = self;
    bench->ended = ended;
    bench->ended_arg = arg;
}

static void probe_cancel(void *self)
{
}

static const struct probe_ops probe = {.start = probe_start, .cancel = probe_cancel, .listen = probe_listen};

/* ---- the client ---- */

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    if (!strcmp(event->what, "progress")) {
        bench->progress = event->number;
        return;
    }
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    bench->over = true;
    bench->ok = !strcmp(event->what, "done");
    bench->images = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(event->fields, "images"));
    snprintf(bench->reason, sizeof bench->reason, "%s", cJSON_IsString(reason) ? reason->valuestring : "");
}

static int open_with(struct bench *bench, const char *options, struct error *error)
{
    struct json_document document;
    cr_assert_eq(json_parse(&document, "rack", options, strlen(options), error), 0);
    bench->config = mem_alloc(update_probe_driver.config_size);
    int result = option_parse(update_probe_driver.options, json_root(&document), NULL, bench->config,
                              update_probe_driver.config_size, error);
    json_close(&document);
    const struct driver_env env = {.loop = bench->loop,
                                   .sink = &bench->sink,
                                   .place = "p",
                                   .role = "update",
                                   .folder = bench->folder,
                                   .probe = &probe,
                                   .probe_self = bench};
    return result ? result : update_probe_driver.open(&env, bench->config, &bench->self, error);
}

static struct bench *bench_new(void)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    bench->sink.put = put;
    bench->loop = loop_new();
    memset(bench->flash, 0x55, sizeof bench->flash);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/otarig-stage-XXXXXX");
    cr_assert(mkdtemp(bench->folder));
    bench->image = mem_printf("%s/image", bench->folder);
    FILE *file = fopen(bench->image, "wb");
    cr_assert(file && fwrite("a new image", 11, 1, file) == 1 && !fclose(file));
    return bench;
}

static void bench_free(struct bench *bench)
{
    char *command = mem_printf("rm -rf %s", bench->folder);
    if (bench->self)
        update_probe_driver.close(bench->self);
    option_release(update_probe_driver.options, bench->config);
    loop_free(bench->loop);
    cr_assert_eq(system(command), 0);
    free(command);
    free(bench->image);
    free(bench->config);
    free(bench);
}

static bool work(struct bench *bench, enum update_intent intent)
{
    struct error error = {0};
    const struct update_job job = {.intent = intent, .path = bench->image};
    bench->over = bench->ok = false;
    cr_assert_eq(update_probe_driver.update->start(bench->self, &job, &error), 0, "%s", error.text);
    for (int i = 0; i < 100 && !bench->over; i++)
        loop_turn(bench->loop, 100000, NULL);
    cr_assert(bench->over);
    return bench->ok;
}

#define OPTIONS                                                                                              \
    "{\"slot\": \"0x8000\", \"slot_size\": \"0x2000\", \"flash_size\": 65536, \"pending\": "                 \
    "[\"0x9ff0=0x12345678\", \"0x4000051c=7\", \"0x9ff8=0xdeadbeef\", \"0xa000=1\"], \"confirm\": "          \
    "[\"0x4000=0\"]}"

Test(update_probe, stages_marks_resets_and_erases)
{
    struct bench *bench = bench_new();
    struct error error = {0};
    cr_assert_eq(open_with(bench, OPTIONS, &error), 0, "%s", error.text);
    cr_assert(work(bench, UPDATE_PING));
    cr_assert(work(bench, UPDATE_STATE));
    cr_assert_eq(bench->images, 0);
    cr_assert(work(bench, UPDATE_DELIVER));
    cr_assert_eq(bench->progress, 11);
    cr_assert_arr_eq(bench->flash + 0x8000, "a new image\xff", 12);
    bench->starts = 0;
    cr_assert(work(bench, UPDATE_ACTIVATE));
    cr_assert_eq(bench->starts, 5, "two pages read and written, one register");
    cr_assert_arr_eq(bench->flash + 0x9fec, "UUUU\x78\x56\x34\x12UUUU\xef\xbe\xad\xdeUUUU\x01\0\0\0U", 25);
    cr_assert_arr_eq(bench->flash + 0x8000, "a new image\xff", 12, "the rest stays");
    cr_assert_eq(bench->register_address, 0x4000051c);
    cr_assert_eq(bench->register_value, 7);
    cr_assert_eq(bench->resets, 0);
    cr_assert(work(bench, UPDATE_RESTART));
    cr_assert_eq(bench->resets, 1);
    bench->flash[0x4000] = 0;
    cr_assert(work(bench, UPDATE_CONFIRM));
    cr_assert_arr_eq(bench->flash + 0x4000, "\0\0\0\0", 4);
    cr_assert_eq(bench->resets, 2, "writing has halted it: it has to run again");
    cr_assert(work(bench, UPDATE_ERASE));
    cr_assert_eq(bench->flash[0x8000] & bench->flash[0x9fff], 0xff);
    bench_free(bench);
}

Test(update_probe, fails_with_the_probe)
{
    struct bench *bench = bench_new();
    struct error error = {0};
    cr_assert_eq(open_with(bench, OPTIONS, &error), 0);
    bench->fail_at = 2;
    cr_assert_not(work(bench, UPDATE_ACTIVATE));
    cr_assert_str_eq(bench->reason, "no-target");
    cr_assert_eq(bench->starts, 2, "nothing follows a failure");
    const struct update_job permanent = {.intent = UPDATE_ACTIVATE, .mode = UPDATE_PERMANENT};
    cr_assert_eq(update_probe_driver.update->start(bench->self, &permanent, &error), -1, "no such words");
    bench->hang = true;
    cr_assert_eq(update_probe_driver.update->start(bench->self,
                                                   &(struct update_job){.intent = UPDATE_RESTART}, &error),
                 0);
    update_probe_driver.update->cancel(bench->self);
    cr_assert_str_eq(bench->reason, "cancelled");
    cr_assert_null(bench->ended);
    bench_free(bench);
}

Test(update_probe, can_what_it_has_words_for)
{
    static const struct {
        const char *options;
        unsigned can;
    } rows[] = {
        {"{\"slot\": 0, \"slot_size\": 4}", UPDATE_CAN_RESTART | UPDATE_CAN_ERASE},
        {"{\"slot\": 0, \"slot_size\": 4, \"pending\": [\"0=1\"]}",
         UPDATE_CAN_RESTART | UPDATE_CAN_ERASE | UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL},
        {"{\"slot\": 0, \"slot_size\": 4, \"permanent\": [\"0=1\"]}",
         UPDATE_CAN_RESTART | UPDATE_CAN_ERASE | UPDATE_CAN_ACTIVATE | UPDATE_CAN_PERMANENT},
        {"{\"slot\": 0, \"slot_size\": 4, \"confirm\": [\"0=1\"]}",
         UPDATE_CAN_RESTART | UPDATE_CAN_ERASE | UPDATE_CAN_CONFIRM | UPDATE_CONFIRM_RESTARTS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench *bench = bench_new();
        struct error error = {0};
        cr_assert_eq(open_with(bench, rows[i].options, &error), 0, "%s", error.text);
        cr_expect_eq(update_probe_driver.update->abilities(bench->config), rows[i].can, "%s",
                     rows[i].options);
        bench_free(bench);
    }
}

Test(update_probe, refuses_bad_words_and_oversized_images)
{
    static const char *const bad[] = {"1", "0x2=1", "x=1", "0=0x100000000", "0=1 ", "-4=1"};
    struct error error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bench *bench = bench_new();
        char *options = mem_printf("{\"slot\": 0, \"slot_size\": 4, \"confirm\": [\"%s\"]}", bad[i]);
        cr_assert_eq(open_with(bench, options, &error), -1, "%s", bad[i]);
        cr_assert_eq(error.kind, ERROR_INPUT);
        free(options);
        bench_free(bench);
    }
    struct bench *bench = bench_new();
    cr_assert_eq(open_with(bench, "{\"slot\": 0, \"slot_size\": 4}", &error), 0);
    const struct update_job job = {.intent = UPDATE_DELIVER, .path = bench->image};
    cr_assert_eq(update_probe_driver.update->start(bench->self, &job, &error), -1);
    bench_free(bench);
}

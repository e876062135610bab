/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's intents, against a scripted SMP server. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/driver/update/test_smp_board.h"

Test(update_smp, echoes_and_lists)
{
    struct bench *bench = bench_new("{}");
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_STATE}));
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(bench->fields, "images");
    cr_assert_eq(cJSON_GetArraySize(images), 1);
    const cJSON *image = cJSON_GetArrayItem(images, 0);
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(image, "version")->valuestring, "1.2.3");
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(image, "hash")->valuestring,
                     "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(image, "active")));
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(image, "unknown"));
    bench_free(bench);
}

Test(update_smp, uploads)
{
    struct bench *bench = bench_new("{}");
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert_leq(bench->server.largest, 384);
    bench_free(bench);
}

Test(update_smp, takes_the_size_that_the_board_names)
{
    struct bench *bench = bench_new("{\"mtu\": 0}");
    bench->server.params = 1024;
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert(bench->server.largest > 900 && bench->server.largest <= 1024, "%zu", bench->server.largest);
    /* and lives with one that names none */
    bench->server.params = 0;
    bench->server.received = bench->server.largest = 0;
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert_leq(bench->server.largest, 384);
    bench_free(bench);
}

Test(update_smp, goes_on_where_the_board_says)
{
    struct bench *bench = bench_new("{}");
    memcpy(bench->server.image, bench->image, 3000);
    bench->server.resume_at = 3000;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_DELIVER, .resume = true}));
    bench_expect_delivered(bench);
    cr_assert_eq(cJSON_GetObjectItemCaseSensitive(bench->fields, "resumed_at")->valueint, 3000);
    cr_assert_lt(bench->server.requests, 10);
    bench_free(bench);
}

Test(update_smp, starts_anew_when_it_must_not_go_on)
{
    struct bench *bench = bench_new("{}");
    bench->server.resume_at = 3000;
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert_eq(bench->server.erases, 1);
    bench_free(bench);
}

Test(update_smp, outlives_lost_garbled_and_foreign_answers_and_log_text)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.deaf = 2;
    bench->server.garbled = 3;
    bench->server.wrong_seq = 3;
    bench->server.logging = 1;
    bench->server.version_bits = 1 << 3;
    bench->server.not_cbor = 1;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->reason);
    bench_expect_delivered(bench);
    bench_free(bench);
}

Test(update_smp, accepts_a_success_without_an_offset)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.no_off = 1;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->reason);
    bench_expect_delivered(bench);
    bench_free(bench);
}

Test(update_smp, tells_refusals_in_both_dialects)
{
    static const uint8_t hash[32];
    struct bench *bench = bench_new("{}");
    bench->server.upload_rc = 7;
    bench->server.stubborn = 1;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->reason, "rc");
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_eq(bench->rc, 7);
    bench->server.err_map = 9;
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_ACTIVATE, .hash = hash}));
    cr_assert_str_eq(bench->reason, "rc");
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_eq(bench->rc, 9);
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_ERASE}));
    bench->server.err_map = 0;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}));
    bench_free(bench);
}

/* An image as MCUboot wants it: a header, 8 bytes of code, a protected area, a hash that begins with `first`.
 */
static void write_image(struct bench *bench, int first)
{
    uint8_t data[32 + 8 + 8 + 4 + 36] = {0x3d, 0xb8, 0xf3, 0x96, [8] = 32, [10] = 8, [12] = 8};
    memcpy(data + 40, "\x08\x69\x08\0\x50\0\0\0\x07\x69\x28\0\x10\0\x20\0", 16);
    for (int i = 0; i < 32; i++)
        data[56 + i] = (uint8_t)(first + i);
    FILE *file = fopen(bench->path, "w");
    cr_assert(file && fwrite(data, sizeof data, 1, file) == 1 && !fclose(file));
}

static bool activate(struct bench *bench, int first, bool listed, enum update_mode mode)
{
    uint8_t hash[32];
    for (int i = 0; i < 32; i++)
        hash[i] = (uint8_t)(first + i);
    bench->server.has_asked_hash = false;
    return bench_work(
        bench, (struct update_job){
                   .intent = UPDATE_ACTIVATE, .mode = mode, .hash = first ? hash : NULL, .listed = listed});
}

Test(update_smp, activates_what_it_is_told_what_is_listed_or_what_was_delivered)
{
    struct bench *bench = bench_new("{\"retry_ms\": 10, \"retries\": 1}");
    struct server *server = &bench->server;
    server->listed = 0x40;
    cr_assert(activate(bench, 0x20, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[31] == 0x3f && !server->confirmed);
    cr_assert(activate(bench, 0x20, true, UPDATE_PERMANENT));
    cr_assert(server->has_asked_hash && server->asked_hash[31] == 0x5f && server->confirmed);
    cr_assert(activate(bench, 0, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x40);
    /* nothing is listed */
    server->listed = 0;
    cr_assert_not(activate(bench, 0, false, UPDATE_PERMANENT));
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_not(server->has_asked_hash, "without a hash it would confirm what runs");
    write_image(bench, 0x60);
    cr_assert(bench_work(bench, DELIVER), "%s", bench->reason);
    cr_assert(activate(bench, 0, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x60, "the file tells");
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x20);
    /* it does not list, or not once */
    server->unlisted = 1;
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    server->deaf = 2;
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x20);
    bench_free(bench);
}

Test(update_smp, gives_up_on_silence_and_on_a_board_that_takes_nothing)
{
    struct bench *bench = bench_new("{\"retry_ms\": 10, \"retries\": 2}");
    bench->server.deaf = 1000;
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert_str_eq(bench->reason, "timeout");
    cr_assert_str_eq(bench->outcome, "silent");
    cr_assert_eq(bench->server.requests, 2 * 3, "echoes, and then reads of the image state");
    bench->server.deaf = 0;
    bench->server.stubborn = 1;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->reason, "protocol");
    cr_assert_str_eq(bench->outcome, "failed");
    bench->server.deaf = 1000;
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_PING, .deadline_us = 5000}));
    cr_assert_str_eq(bench->reason, "timeout");
    cr_assert_str_eq(bench->outcome, "silent");
    bench_free(bench);
}

Test(update_smp, does_not_reset_a_board_twice)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.boot_log = 1;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_RESTART}));
    cr_assert_eq(bench->server.resets, 1);
    cr_assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(bench->fields, "answered")));
    bench->server.boot_log = 0;
    bench->server.deaf = 1;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_RESTART}), "silence: it is asked again");
    cr_assert_eq(bench->server.resets, 2);
    bench_free(bench);
}

Test(update_smp, ends_a_job_that_is_cancelled_or_has_no_link)
{
    struct bench *bench = bench_new("{}");
    struct error error = {0};
    const struct update_job job = {.intent = UPDATE_DELIVER, .path = bench->path};
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), 0);
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), -1);
    update_smp_driver.update->cancel(bench->self);
    cr_assert(bench->over && !bench->ok);
    update_smp_driver.update->cancel(bench->self);
    const struct update_job missing = {.intent = UPDATE_DELIVER, .path = "/no/such"};
    cr_assert_eq(update_smp_driver.update->start(bench->self, &missing, &error), -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    int fd = bench->fd;
    bench->fd = -1;
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert_str_eq(bench->reason, "link");
    cr_assert_str_eq(bench->outcome, "link-lost");
    bench->fd = fd;
    bench_free(bench);
}

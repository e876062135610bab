/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is met in the field: each habit of boards, old servers and wires that a client must live with, on the
 * wire. Nothing of it is the board's failure. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "harness/driver/update/test_smp_board.h"

#define LOG "[00:00:10.123,000] <inf> app: measured 21 C\r\n"
#define MINIMAL "I: measured 21 C\r\n"

/* Rows hold pointers, which mean nothing in the process that runs one of them: it gets the row's index. */
static struct criterion_test_params indices(size_t count)
{
    static int all[64];
    for (size_t i = 0; i < count; i++)
        all[i] = (int)i;
    return cr_make_param_array(int, all, count);
}

/* ---- how frames are written ---- */

struct habit {
    char name[40];
    struct habits habits;
    char field[24]; /* of the end event that tells of it; "": none */
};

static const struct habit frames_rows[] = {
    {"plain", {0}, ""},
    {"length without the CRC", {.short_len = true}, "frames_short_length"},
    {"the same over several lines", {.short_len = true, .line_len = 40}, "frames_short_length"},
    {"CR", {.line_end = "\r"}, ""},
    {"LF CR", {.line_end = "\n\r"}, ""},
    {"CR LF", {.line_end = "\r\n"}, ""},
    {"CR CR LF", {.line_end = "\r\r\n"}, ""},
    {"125 characters", {.line_len = 125}, ""},
    {"7 characters", {.line_len = 7}, ""},
    {"one long line", {.line_len = 5000}, ""},
    {"a prompt", {.prompt = "uart:~$ "}, ""},
    {"prompt and colours", {.prompt = "\x1b[1;32muart:~$ \x1b[m", .line_end = "\r\n"}, ""},
    {"numbers always 0", {.seq = SEQ_ZERO}, ""},
    {"numbers of its own", {.seq = SEQ_FIVE_MORE}, ""},
    {"log in a line", {.log = LOG, .log_at = 9, .logs = -1}, "frames_mended"},
    {"log in a line, once", {.log = LOG, .log_at = 14, .logs = 1}, "frames_mended"},
    {"log that begins like a frame", {.log = MINIMAL, .log_at = 10, .logs = -1}, "frames_mended"},
    {"log in short lines", {.log = LOG, .log_at = 11, .logs = -1, .line_len = 8}, "frames_mended"},
    {"two log lines", {.log = LOG LOG, .log_at = 13, .logs = -1}, "frames_mended"},
    {"two short log lines", {.log = MINIMAL MINIMAL, .log_at = 13, .logs = -1}, "frames_mended"},
    {"log after a short length", {.log = LOG, .log_at = 9, .logs = -1, .short_len = true}, "frames_mended"},
    {"a prompt in a line", {.log = "\r\nuart:~$ ", .log_at = 12, .logs = -1}, "frames_mended"},
    {"log right behind the marker", {.log = LOG, .log_at = 0, .logs = -1}, "frames_mended"},
    {"log between lines", {.log = "\r\n" LOG, .log_at = 8, .logs = -1, .line_len = 8}, "frames_mended"},
};

ParameterizedTestParameters(smp_field, frames)
{
    return indices(sizeof frames_rows / sizeof *frames_rows);
}

ParameterizedTest(int *index, smp_field, frames)
{
    const struct habit *row = &frames_rows[*index];
    struct bench *bench = bench_new("{\"retry_ms\": 100, \"retries\": 3}");
    bench->server.habits = row->habits;
    bench->server.params = 512;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING}), "%s: %s", row->name,
              bench->reason);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_STATE}), "%s: %s", row->name,
              bench->reason);
    bench->server.habits.logs = row->habits.logs;
    cr_assert(bench_work(bench, DELIVER), "%s: %s %s", row->name, bench->reason, bench->text);
    bench_expect_delivered(bench);
    cr_expect(!row->field[0] || bench_field(bench, row->field) > 0, "%s is not told", row->name);
    cr_expect_eq(bench_field(bench, "frames_broken"), -1, "%s: %d broken", row->name,
                 bench_field(bench, "frames_broken"));
    bench_free(bench);
}

Test(smp_field, takes_an_answer_that_lacks_its_crc)
{
    /* an image list of 91 bytes with its header fills one line of Zephyr 2.6 to the last byte */
    struct bench *bench = bench_new("{\"retry_ms\": 50}");
    bench->server.habits = (struct habits){.short_len = true, .no_crc_at_91 = true};
    bench->server.fill_to = 91;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_STATE}), "%s", bench->reason);
    cr_assert_eq(bench_field(bench, "frames_without_crc"), 1);
    cr_assert_eq(bench->server.requests, 1);
    bench_free(bench);
}

Test(smp_field, tells_broken_and_foreign_frames)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.garbled = 3;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_eq(bench_field(bench, "frames_broken"), 3);
    bench->server.doubled = 4;
    bench->server.received = 0;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_geq(bench_field(bench, "frames_foreign"), 4);
    cr_assert_eq(bench_field(bench, "frames_broken"), -1, "of this job alone");
    bench_free(bench);
}

/* ---- how large a request may be ---- */

struct sizes {
    char options[64];
    size_t buffer;
    int params;
    bool params_silent, no_echo, rig;
};

static const struct sizes sizes_rows[] = {
    {"{\"retry_ms\": 20, \"mtu\": 2048}", 256, 256, false, false, false},
    {"{\"retry_ms\": 20, \"mtu\": 1024}", 512, 512, false, true, false},
    {"{\"retry_ms\": 20, \"mtu\": 1024}", 512, 0, false, false, true},
    {"{\"retry_ms\": 20, \"mtu\": 2048}", 256, 0, true, false, true},
    {"{\"retry_ms\": 20, \"mtu\": 2048}", 256, 0, true, true, true},
    {"{\"retry_ms\": 20, \"mtu\": 1024}", 512, 2048, false, false, true},
    {"{\"retry_ms\": 20}", 256, 0, false, false, false},
    {"{\"retry_ms\": 20}", 256, 0, true, true, false},
    {"{\"retry_ms\": 20}", 256, 1024, false, false, false},
    {"{\"retry_ms\": 20}", 1024, 1024, false, false, false},
};

ParameterizedTestParameters(smp_field, sizes)
{
    return indices(sizeof sizes_rows / sizeof *sizes_rows);
}

ParameterizedTest(int *index, smp_field, sizes)
{
    const struct sizes *row = &sizes_rows[*index];
    struct bench *bench = bench_new(row->options);
    bench->server.buffer = row->buffer;
    bench->server.params = row->params;
    bench->server.params_silent = row->params_silent;
    bench->server.no_echo = row->no_echo;
    bool done = bench_work(bench, DELIVER);
    cr_assert_eq(done, !row->rig, "%s, buffer %zu: %s", row->options, row->buffer, bench->text);
    if (row->rig) {
        size_t large, works;
        cr_assert_str_eq(bench->outcome, "rig");
        cr_assert_eq(
            sscanf(bench->text, "requests of %zu bytes are never answered, those of %zu are", &large, &works),
            2, "%s", bench->text);
        cr_assert(works <= row->buffer && works + 16 >= row->buffer, "%zu", works);
        bench_free(bench);
        return;
    }
    bench_expect_delivered(bench);
    int mtu = bench_field(bench, "mtu");
    cr_assert(mtu <= (int)row->buffer && mtu + 20 >= (int)row->buffer, "%d", mtu);
    /* the second time it is known */
    bench->server.received = bench->server.requests = 0;
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert_lt(bench->server.requests, 40);
    bench_free(bench);
}

Test(smp_field, does_not_blame_the_size_for_one_kind_of_request)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"stall_ms\": 600, \"mtu\": 512}");
    bench->server.deaf_to_parts = true;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->outcome, "failed");
    cr_assert(strstr(bench->text, "answers other requests of this size"), "%s", bench->text);
    bench_free(bench);
}

/* ---- slow, busy, forgetful ---- */

Test(smp_field, waits_while_the_first_part_erases_the_slot)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"retries\": 3, \"stall_ms\": 30000}");
    bench->server.erase_us = 2500000; /* a hundred times the wait for an answer */
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    bench_free(bench);
}

Test(smp_field, gives_up_when_nothing_is_acknowledged_any_more)
{
    struct bench *bench = bench_new("{\"retry_ms\": 10, \"retries\": 3, \"stall_ms\": 300}");
    bench->server.erase_us = 1000000000;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->outcome, "silent");
    bench_free(bench);
    bench = bench_new("{\"retry_ms\": 10, \"retries\": 3}");
    bench->server.deaf = 1000;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->outcome, "silent", "a board that is not there is not waited for");
    cr_assert_lt(bench->server.requests, 12);
    bench_free(bench);
}

Test(smp_field, keeps_its_own_deadline)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"deadline_ms\": 200}");
    bench->server.erase_us = 1000000000;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert(strstr(bench->text, "deadline") && strstr(bench->text, "of 5000 bytes"), "%s", bench->text);
    bench_free(bench);
}

struct refusal {
    int rc, group, times, id;
    bool done;
    char words[40];
};

static const struct refusal refusals_rows[] = {
    {10, 0, 1, -1, true, ""},
    {10, 0, 5, -1, true, ""},
    {2, 0, 1, -1, true, ""},
    {1, 1, 1, -1, true, ""},
    {15, 1, 3, -1, true, ""},
    {7, 0, 1, -1, true, ""},
    {10, 0, -1, SMP_IMAGE_UPLOAD, false, "rc=10 (busy)"},
    {7, 0, -1, SMP_IMAGE_UPLOAD, false, "rc=7 (too large)"},
    {27, 1, -1, SMP_IMAGE_UPLOAD, false, "rc=27 in group 1"},
    {300, 0, -1, SMP_IMAGE_UPLOAD, false, "rc=300 (unknown code)"},
};

ParameterizedTestParameters(smp_field, refusals)
{
    return indices(sizeof refusals_rows / sizeof *refusals_rows);
}

ParameterizedTest(int *index, smp_field, refusals)
{
    const struct refusal *row = &refusals_rows[*index];
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"stall_ms\": 2000}");
    bench->server.refusals = row->times;
    bench->server.refuse_rc = row->rc;
    bench->server.refuse_group = row->group;
    bench->server.refuse_id = row->id;
    cr_assert_eq(bench_work(bench, DELIVER), row->done, "rc %d: %s", row->rc, bench->text);
    if (row->done) {
        bench_expect_delivered(bench);
        bench->server.refusals = row->times;
        cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}), "%s", bench->text);
    } else {
        cr_assert_str_eq(bench->outcome, "refused");
        cr_assert_eq(bench_field(bench, "rc"), row->rc);
        cr_assert(strstr(bench->text, row->words), "%s", bench->text);
    }
    bench_free(bench);
}

Test(smp_field, tells_the_boards_own_words)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.refusals = -1;
    bench->server.refuse_rc = 1;
    bench->server.refuse_id = SMP_IMAGE_UPLOAD;
    bench->server.reason = "img too big";
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert(strstr(bench->text, "rc=1 (img too big)"), "%s", bench->text);
    bench_free(bench);
}

Test(smp_field, begins_anew_with_a_board_that_has_forgotten)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.forget_at = 3000;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_eq(bench_field(bench, "restarts"), 1);
    bench_free(bench);
}

Test(smp_field, follows_an_offset_that_goes_back)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.go_back_at = 2500;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_eq(bench_field(bench, "went_back"), 1);
    bench_free(bench);
}

/* ---- matches ---- */

Test(smp_field, believes_a_match_and_its_contrary)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.match = 1;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    bench->server.has_already = true;
    bench->server.uploads = 0;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_DELIVER, .resume = true}));
    cr_assert_eq(bench->server.uploads, 1);
    cr_assert_eq(bench_field(bench, "resumed_at"), IMAGE_LEN);
    bench->server.has_already = false;
    bench->server.received = 0;
    bench->server.match = -1;
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->outcome, "failed");
    cr_assert(strstr(bench->text, "match: false"), "%s", bench->text);
    bench_free(bench);
}

/* ---- images, flags, dialects ---- */

Test(smp_field, asks_for_the_image_and_the_flag_that_it_was_told)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"image\": 1, \"upgrade\": true}");
    struct server *server = &bench->server;
    cr_assert(bench_work(bench, DELIVER));
    bench_expect_delivered(bench);
    cr_assert_eq(server->image_number, 1);
    cr_assert_eq(server->upgrade, 1);
    /* images 0 are listed alone: neither is to be confirmed or activated in place of image 1 */
    server->listed = 0x40;
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}));
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_ACTIVATE}));
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_not(server->has_asked_hash);
    server->second_image = 0x60;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}), "%s", bench->text);
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x60 && server->confirmed);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_ACTIVATE}), "%s", bench->text);
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x61 && !server->confirmed);
    bench_free(bench);
}

Test(smp_field, speaks_the_second_version_to_who_knows_no_other)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.v2_only = true;
    bench->server.version_bits = 1 << 3;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}), "%s", bench->text);
    bench_free(bench);
}

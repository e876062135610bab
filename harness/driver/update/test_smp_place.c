/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other places to update from: servers without an echo, MCUboot's serial recovery, UDP. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/update/test_smp_board.h"

/* ---- who is there? ---- */

Test(smp_place, pings_who_knows_no_echo)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.no_echo = true;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING, .deadline_us = 3000000}));
    cr_assert_gt(bench->server.requests, 1);
    bench->server.requests = 0;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING, .deadline_us = 3000000}));
    cr_assert_eq(bench->server.requests, 1, "it is known by now");
    bench_free(bench);
}

Test(smp_place, updates_through_serial_recovery)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"recovery\": true}");
    unsigned can = update_smp_driver.update->abilities(bench->config);
    bench->server.no_echo = bench->server.params_silent = true;
    cr_assert_not(can & (UPDATE_CAN_ACTIVATE | UPDATE_CAN_CONFIRM | UPDATE_BOARD_ANSWERS));
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING}), "%s", bench->text);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_STATE}), "%s", bench->text);
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_eq(bench->server.echoes, 0);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_RESTART}), "%s", bench->text);
    cr_assert_eq(bench->server.resets, 1);
    bench_free(bench);
}

Test(smp_place, enters_the_recovery_where_nothing_answers)
{
    struct bench *bench = bench_new("{\"retry_ms\": 20, \"recovery\": true, \"enter\": \"boot recovery\"}");
    bench->server.enter = "boot recovery\r\n";
    bench->server.no_echo = bench->server.params_silent = true;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_null(bench->server.enter);
    /* it is there already: nothing is typed */
    bench->server.received = 0;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_DELIVER, .resume = true}));
    bench_expect_delivered(bench);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_RESTART}), "%s", bench->text);
    bench_free(bench);
    /* and one that never comes */
    bench = bench_new("{\"retry_ms\": 10, \"retries\": 1, \"recovery\": true, \"enter\": \"boot recovery\"}");
    bench->server.enter = "something else";
    cr_assert_not(bench_work(bench, DELIVER));
    cr_assert_str_eq(bench->outcome, "silent");
    bench_free(bench);
}

/* ---- datagrams ---- */

#define UDP "{\"over\": \"udp\", \"host\": \"127.0.0.1\", \"port\": PORT, \"retry_ms\": 50}"

Test(smp_place, updates_over_udp)
{
    struct bench *bench = bench_new_udp(UDP);
    bench->server.params = 1400;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_PING}), "%s", bench->text);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_STATE}), "%s", bench->text);
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert(bench->server.largest > 1340 && bench->server.largest <= 1400, "%zu", bench->server.largest);
    bench->server.listed = 0x40;
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_ACTIVATE}), "%s", bench->text);
    cr_assert(bench->server.has_asked_hash && bench->server.asked_hash[0] == 0x40);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_RESTART}), "%s", bench->text);
    cr_assert(bench_work(bench, (struct update_job){.intent = UPDATE_CONFIRM}), "%s", bench->text);
    bench_free(bench);
}

Test(smp_place, lives_with_lost_doubled_and_too_large_datagrams)
{
    struct bench *bench = bench_new_udp(UDP);
    bench->server.deaf = 3;
    bench->server.doubled = 5;
    bench->server.buffer = 300;
    cr_assert(bench_work(bench, DELIVER), "%s", bench->text);
    bench_expect_delivered(bench);
    cr_assert_geq(bench_field(bench, "frames_foreign"), 5);
    bench_free(bench);
}

Test(smp_place, is_answered_by_nobody_over_udp)
{
    /* whose port is closed answers with an ICMP message, which is no fault of this computer */
    struct bench *bench = bench_new_udp(
        "{\"over\": \"udp\", \"host\": \"127.0.0.1\", \"port\": PORT, \"retry_ms\": 10, \"retries\": 2}");
    bench_server_close(bench);
    cr_assert_not(bench_work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert_str_eq(bench->outcome, "silent");
    bench_free(bench);
}

Test(smp_place, names_options_that_do_not_go_together)
{
    static const char *const wrong[] = {
        "{\"over\": \"udp\"}", "{\"host\": \"127.0.0.1\"}", "{\"enter\": \"x\"}",
        "{\"over\": \"udp\", \"host\": \"127.0.0.1\", \"recovery\": true, \"enter\": \"x\"}"};
    struct error error = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct json_document document;
        void *config = mem_alloc(update_smp_driver.config_size);
        cr_assert_eq(json_parse(&document, "rack", wrong[i], strlen(wrong[i]), &error), 0);
        cr_assert_eq(option_parse(update_smp_driver.options, json_root(&document), NULL, config,
                                  update_smp_driver.config_size, &error),
                     0);
        cr_assert(option_hold_rules(update_smp_driver.rules, json_root(&document), &error) ||
                      update_smp_driver.check(config),
                  "%s", wrong[i]);
        json_close(&document);
        option_release(update_smp_driver.options, config);
        free(config);
    }
}

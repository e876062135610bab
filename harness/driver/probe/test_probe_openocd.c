/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver, the stock openocd and a live twin: ends 77 where one of the programs is missing. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/table.h"
#include "harness/driver/probe/test_probe_bench.h"

static const struct probe_ops *ops(void)
{
    return probe_openocd_driver.probe;
}

static struct bench *bench_new(const char *options)
{
    const char *adapter = getenv("OTARIG_TEST_ADAPTER"); /* the whole suite with another one */
    bool pirate = adapter && !strcmp(adapter, "buspirate");
    struct bench *bench = bench_twin(pirate);
    char *json = mem_printf("{\"adapter\": \"%s\", \"socket\": \"%s\"%s}",
                            pirate ? adapter : "remote_bitbang", bench->dap, options);
    bench_configure(bench, &probe_openocd_driver, json);
    free(json);
    return bench;
}

Test(probe_openocd, programs_verifies_dumps_and_erases)
{
    struct bench *bench = bench_new("");
    char *dump = mem_printf("%s/dump", bench->folder);
    uint8_t bytes[64] = {0};
    cr_assert(program(bench), "%s", bench->reason);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DUMP, .path = dump, .len = sizeof bytes}));
    FILE *file = fopen(dump, "rb");
    cr_assert(file && fread(bytes, 1, sizeof bytes, file) == sizeof bytes);
    fclose(file);
    cr_assert_arr_eq(bytes, counting, sizeof counting);
    cr_assert_eq(bytes[sizeof counting], 0xff);

    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE, .address = 0, .len = 4096}));
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    cr_assert_str_eq(bench->reason, "refused");
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}), "%s", bench->reason);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 0, .len = 4}));
    cr_assert_str_eq(bench->hex, "ffffffff");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_PROGRAM, .path = bench->image, .blank = true}));
    cr_assert_not(
        work(bench,
             (struct probe_job){.verb = PROBE_PROGRAM, .path = bench->image, .address = 4, .blank = true}),
        "it was not blank, which must not go unnoticed");
    cr_assert_str_eq(bench->reason, "refused");
    free(dump);
    bench_free(bench);
}

Test(probe_openocd, samples_a_core_without_stopping_it)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}));
    for (int i = 0; i < 3; i++) {
        uint32_t before = counter(bench);
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "%s", bench->reason);
        cr_expect(bench->pc >= 8 && bench->pc <= 0x12, "pc %x", (unsigned)bench->pc);
        cr_expect_not(bench->asleep);
        cr_expect_neq(counter(bench), before);
    }
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}));
    cr_expect_not(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "a halted core tells nothing");
    uint32_t halted = counter(bench);
    cr_expect_eq(counter(bench), halted, "it was let go");

    write_file(bench->image, sleeping, sizeof sleeping);
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "%s", bench->reason);
    cr_expect(bench->asleep && bench->pc >= 8 && bench->pc <= 10, "pc %x", (unsigned)bench->pc);
    bench_free(bench);
}

Test(probe_openocd, attaching_and_reading_leave_the_board_running)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DETACH}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    uint32_t before = counter(bench), after = counter(bench);
    cr_assert_neq(before, after);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}));
    before = counter(bench);
    cr_assert_eq(counter(bench), before);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = COUNTER, .value = 0x12345678}));
    cr_assert_eq(counter(bench), 0x12345678);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESUME}));
    cr_assert_neq(counter(bench), 0x12345678);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESUME}), "a running core may be resumed");
    bench_free(bench);
}

Test(probe_openocd, a_watch_halts_at_the_wanted_hit)
{
    struct bench *bench = bench_new("");
    struct probe_job watch = {.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 3};
    cr_assert(program(bench));
    cr_assert(work(bench, watch), "%s", bench->reason);
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert_eq(bench->hit, 3);
    cr_assert_eq(bench->pc, AFTER_STORE);
    cr_assert_eq(counter(bench), 3);
    /* a second one replaces the first; a match is the chip's business */
    bench->halted = false;
    watch.count = 1;
    watch.match_value = true;
    watch.value = 0x20;
    if (work(bench, watch)) {
        cr_assert(turn_until(bench, &bench->halted));
        cr_assert_eq(counter(bench), 0x20);
    } else {
        cr_assert_str_eq(bench->reason, "refused");
    }
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_UNWATCH}), "%s", bench->reason);
    uint32_t before = counter(bench);
    cr_assert_neq(counter(bench), before);
    cr_assert_not(bench->lost);
    bench_free(bench);
}

Test(probe_openocd, the_power_may_go_at_the_very_hit)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench), "%s", bench->text);
    bench->cut_at_hit = true;
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 2}));
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s", bench->text);
    bench_free(bench);
}

Test(probe_openocd, other_jobs_go_between_the_looks_of_a_watch)
{
    struct bench *bench = bench_new("");
    struct probe_job watch = {.verb = PROBE_WATCH, .address = COUNTER + 0x100, .len = 4, .count = 1};
    cr_assert(program(bench));
    cr_assert(work(bench, watch));
    uint32_t before = counter(bench);
    cr_assert_neq(counter(bench), before, "the board runs");
    cr_assert_not(bench->halted);
    supply(bench, false);
    cr_assert(turn_until(bench, &bench->lost), "a watched board that vanishes is noticed");
    cr_assert_str_eq(bench->lost_reason, "no-target");
    bench_free(bench);
}

Test(probe_openocd, a_watch_does_not_take_another_halt_for_its_own)
{
    /* as `counting`, but BKPT #0 instead of the store */
    uint8_t stopping[sizeof counting];
    struct bench *bench = bench_new("");
    memcpy(stopping, counting, sizeof stopping);
    stopping[14] = 0x00;
    stopping[15] = 0xbe;
    write_file(bench->image, stopping, sizeof stopping);
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 1}));
    cr_assert(turn_until(bench, &bench->lost));
    cr_assert_str_eq(bench->lost_reason, "refused");
    cr_assert_not(bench->halted);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_UNWATCH}), "%s", bench->reason);
    bench_free(bench);
}

Test(probe_openocd, survives_power_losses_with_and_without_a_warning)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench));
    for (int i = 0; i < 2; i++) {
        ops()->power(bench->probe, false);
        supply(bench, false);
        cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
        cr_assert_str_eq(bench->reason, "no-target");
        supply(bench, true);
        ops()->power(bench->probe, true);
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s",
                  bench->reason);
    }
    supply(bench, false);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 0, .len = 4}), "read %s",
                  bench->hex);
    cr_assert_str_eq(bench->reason, "no-target");
    supply(bench, true);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    bench_free(bench);
}

Test(probe_openocd, notices_a_dead_and_a_hung_server)
{
    struct bench *bench = bench_new(", \"binary\": \"" OTARIG_WRAPPER "\"");
    char pid_text[32] = "", *pid_path = mem_printf("%s/openocd.pid", bench->folder);
    cr_assert_eq(setenv("OTARIG_TEST_PID", pid_path, 1), 0);
    cr_assert(program(bench), "%s", bench->reason);
    FILE *file = fopen(pid_path, "r");
    cr_assert(file && fgets(pid_text, sizeof pid_text, file));
    fclose(file);
    cr_assert_eq(kill((pid_t)atoi(pid_text), SIGSTOP), 0);
    cr_assert_not(
        work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image, .deadline_us = 300000}));
    cr_assert_str_eq(bench->reason, "deadline");
    cr_assert(bench->lost);
    cr_assert_eq(ops()->revive(bench->probe, 0, NULL), 0);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s",
              bench->reason);

    file = fopen(pid_path, "r");
    cr_assert(file && fgets(pid_text, sizeof pid_text, file));
    fclose(file);
    bench->lost = false;
    cr_assert_eq(kill((pid_t)atoi(pid_text), SIGKILL), 0);
    cr_assert(turn_until(bench, &bench->lost));
    cr_assert_str_eq(bench->lost_reason, "server");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    free(pid_path);
    bench_free(bench);
}

Test(probe_openocd, tells_a_missing_adapter_from_a_dead_board)
{
    struct bench *bench = bench_new(", \"adapter_reset\": [\"touch\", \"/tmp/otarig-probe-reset\"]");
    child_free(bench->twin);
    bench->twin = NULL;
    unlink(bench->dap);
    unlink("/tmp/otarig-probe-reset");
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    cr_assert_str_eq(bench->reason, "server");
    cr_assert_eq(ops()->revive(bench->probe, 1, NULL), 0);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    cr_assert_eq(access("/tmp/otarig-probe-reset", F_OK), 0, "the adapter was reset before the next job");
    unlink("/tmp/otarig-probe-reset");
    bench_free(bench);
}

Test(probe_openocd, notices_an_adapter_that_is_pulled_out)
{
    struct bench *bench = bench_new("");
    struct error error = {0};
    const struct probe_job job = {.verb = PROBE_DUMP, .path = bench->image, .len = 0x100000};
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    bench->over = false;
    cr_assert_eq(ops()->start(bench->probe, &job, &error), 0);
    for (int i = 0; i < 20; i++)
        loop_turn(bench->loop, 10000, &error);
    cr_assert_not(bench->over);
    child_free(bench->twin);
    bench->twin = NULL;
    cr_assert(turn_until(bench, &bench->over));
    cr_assert_not(bench->ok);
    cr_assert_str_eq(bench->reason, "server");
    cr_assert(bench->lost);
    bench_free(bench);
}

Test(probe_openocd, a_cut_or_a_cancel_ends_the_job)
{
    struct bench *bench = bench_new("");
    struct error error = {0};
    const struct probe_job job = {.verb = PROBE_PROGRAM, .path = bench->image};
    cr_assert_eq(ops()->start(bench->probe, &job, &error), 0);
    cr_assert_eq(ops()->start(bench->probe, &job, &error), -1, "one job at a time");
    ops()->cancel(bench->probe);
    cr_assert(bench->over && !bench->ok);
    cr_assert_str_eq(bench->reason, "cancelled");
    bench->over = false;
    cr_assert_eq(ops()->start(bench->probe, &job, &error), 0);
    ops()->power(bench->probe, false);
    cr_assert(bench->over && !bench->ok);
    cr_assert_str_eq(bench->reason, "no-target");
    cr_assert(program(bench), "the next job starts afresh: %s", bench->reason);
    cr_assert_eq(
        ops()->start(bench->probe, &(struct probe_job){.verb = PROBE_PROGRAM, .path = "/no/such"}, &error),
        -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    bench_free(bench);
}

Test(probe_openocd, doctor_finds_what_is_wrong)
{
    struct bench *bench = bench_new("");
    const struct driver_env env = {.place = "p", .role = "probe", .folder = bench->folder};
    struct error error = {0};
    char advice[200] = "";
    cr_assert_eq(probe_openocd_driver.examine(&env, bench->config, advice, sizeof advice, &error), 0, "%s",
                 error.text);
    supply(bench, false);
    cr_assert_eq(probe_openocd_driver.examine(&env, bench->config, advice, sizeof advice, &error), -1);
    cr_assert(strstr(advice, "switch the board on"), "%s (%s)", advice, error.text);
    bench_free(bench);
}

Test(probe_openocd, frees_a_locked_chip)
{
    /* nRF52840 product specification, NVMC.CONFIG and UICR.APPROTECT */
    static const uint32_t lock[][2] = {{0x4001e504, 1}, {0x10001208, 0xffffff00}, {0x4001e504, 0}};
    struct bench *bench = bench_new("");
    cr_assert(program(bench));
    for (int i = 0; i < 3; i++)
        cr_assert(
            work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = lock[i][0], .value = lock[i][1]}));
    ops()->power(bench->probe, false);
    supply(bench, false);
    supply(bench, true);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    cr_assert_str_eq(bench->reason, "refused");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}), "%s", bench->reason);
    cr_assert(program(bench), "%s", bench->reason);
    bench_free(bench);
}

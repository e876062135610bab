/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver against GDB servers: stock openocd in front of a live twin, and QEMU. Ends 77 where openocd or
 * the twin is missing; the tests of QEMU where that is. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/table.h"
#include "harness/driver/probe/test_probe_bench.h"

__attribute__((constructor)) static void need_programs(void)
{
    if (system("command -v openocd >/dev/null") || access(OTARIG_TWIN, X_OK))
        _exit(77);
}

/* True as soon as the word differs from `before`: a core that is stopped for each look runs in between. */
static bool moves(struct bench *bench, uint32_t address, uint32_t before)
{
    unsigned bytes[4] = {0};
    uint64_t end_us = clock_now_us() + 10000000;
    do {
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = address, .len = 4}), "%s",
                  bench->text);
        cr_assert_eq(sscanf(bench->hex, "%2x%2x%2x%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3]), 4);
        if ((bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) != before)
            return true;
    } while (clock_now_us() < end_us);
    return false;
}

static const struct probe_ops *ops(void)
{
    return probe_gdb_driver.probe;
}

#define OPENOCD                                                                                              \
    "\"command\": [\"openocd\", \"-s\", \"{data}/harness/driver/probe/openocd\", \"-c\", "                   \
    "\"gdb_port 0; telnet_port disabled; tcl_port disabled; adapter driver remote_bitbang; "                 \
    "remote_bitbang host %s; transport select jtag\", \"-f\", \"target/nrf52.cfg\"]"

/* `options` begin with a comma, or are empty. */
static struct bench *bench_new(const char *options)
{
    struct bench *bench = bench_twin(false);
    char *json = mem_printf("{\"server\": \"openocd\", \"erase_all\": [\"nrf5 mass_erase\"], " OPENOCD "%s}",
                            bench->dap, options);
    bench_configure(bench, &probe_gdb_driver, json);
    free(json);
    return bench;
}

Test(probe_gdb, programs_verifies_dumps_and_erases)
{
    struct bench *bench = bench_new("");
    char *dump = mem_printf("%s/dump", bench->folder);
    uint8_t bytes[64] = {0};
    cr_assert(program(bench), "%s %s", bench->reason, bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DUMP, .path = dump, .len = sizeof bytes}));
    FILE *file = fopen(dump, "rb");
    cr_assert(file && fread(bytes, 1, sizeof bytes, file) == sizeof bytes);
    fclose(file);
    cr_assert_arr_eq(bytes, counting, sizeof counting);
    cr_assert_eq(bytes[sizeof counting], 0xff);

    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE, .address = 0, .len = 4096}), "%s",
              bench->text);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    cr_assert_str_eq(bench->reason, "refused");
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}), "%s", bench->text);
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

static void samples_without_stopping(struct bench *bench)
{
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}));
    for (int i = 0; i < 3; i++) {
        uint32_t before = counter(bench);
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "%s", bench->text);
        cr_expect(bench->pc >= 8 && bench->pc <= 0x12, "pc %x", (unsigned)bench->pc);
        cr_expect_not(bench->asleep || bench->locked_up);
        cr_expect(moves(bench, COUNTER, before));
    }
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}));
    cr_expect_not(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "a halted core tells nothing");
    uint32_t halted = counter(bench);
    cr_expect_eq(counter(bench), halted, "it was let go");

    write_file(bench->image, sleeping, sizeof sleeping);
    cr_assert(program(bench));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "%s", bench->text);
    cr_expect(bench->asleep && bench->pc >= 8 && bench->pc <= 10, "pc %x", (unsigned)bench->pc);
}

Test(probe_gdb, samples_a_core_without_stopping_it)
{
    struct bench *bench = bench_new("");
    samples_without_stopping(bench);
    bench_free(bench);
    bench = bench_new(", \"memory\": \"halt\""); /* the same by halting for each look */
    samples_without_stopping(bench);
    bench_free(bench);
}

static void leaves_the_board_running(struct bench *bench)
{
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DETACH}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}), "%s", bench->text);
    uint32_t before = counter(bench);
    cr_assert(moves(bench, COUNTER, before));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}));
    before = counter(bench);
    cr_assert_eq(counter(bench), before);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = COUNTER, .value = 0x12345678}));
    cr_assert_eq(counter(bench), 0x12345678);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESUME}));
    cr_assert(moves(bench, COUNTER, 0x12345678));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESUME}), "a running core may be resumed");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_HALT}));
    before = counter(bench);
    cr_assert_eq(counter(bench), before, "a reset core stands");
}

Test(probe_gdb, attaching_and_reading_leave_the_board_running)
{
    struct bench *bench = bench_new("");
    leaves_the_board_running(bench);
    cr_assert_not(bench->lost);
    bench_free(bench);
    bench = bench_new(", \"memory\": \"halt\"");
    leaves_the_board_running(bench);
    cr_assert_not(bench->lost);
    bench_free(bench);
}

static void watches(struct bench *bench)
{
    struct probe_job watch = {.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 3};
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, watch), "%s", bench->text);
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert_eq(bench->hit, 3);
    cr_assert_eq(bench->pc, AFTER_STORE);
    cr_assert_eq(counter(bench), 3);
    /* a second one replaces the first */
    bench->halted = false;
    watch.count = 1;
    watch.match_value = true;
    watch.value = 5;
    cr_assert(work(bench, watch), "%s", bench->text);
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert_eq(counter(bench), 5);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_UNWATCH}), "%s", bench->text);
    uint32_t before = counter(bench);
    cr_assert(moves(bench, COUNTER, before));
    cr_assert_not(bench->lost);
}

Test(probe_gdb, a_watch_halts_at_the_wanted_hit)
{
    struct bench *bench = bench_new("");
    watches(bench);
    bench_free(bench);
}

Test(probe_gdb, the_power_may_go_at_the_very_hit)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench), "%s", bench->text);
    bench->cut_at_hit = true;
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 2}));
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s", bench->text);
    bench_free(bench);
}

Test(probe_gdb, other_jobs_go_between_the_looks_of_a_watch)
{
    struct bench *bench = bench_new(", \"memory\": \"halt\"");
    struct probe_job watch = {.verb = PROBE_WATCH, .address = COUNTER + 0x100, .len = 4, .count = 1};
    cr_assert(program(bench));
    cr_assert(work(bench, watch), "%s", bench->text);
    uint32_t before = counter(bench);
    cr_assert(moves(bench, COUNTER, before), "the board runs");
    cr_assert_not(bench->halted || bench->lost);
    bench_free(bench);
}

Test(probe_gdb, a_core_that_halts_by_itself_is_let_go)
{
    /* as `counting`, but BKPT #0 instead of the store */
    uint8_t stopping[sizeof counting];
    struct bench *bench = bench_new("");
    memcpy(stopping, counting, sizeof stopping);
    stopping[14] = 0x00;
    stopping[15] = 0xbe;
    write_file(bench->image, stopping, sizeof stopping);
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WATCH, .address = COUNTER, .len = 4, .count = 1}));
    cr_assert(turn_until(bench, &bench->lost));
    cr_assert_str_eq(bench->lost_reason, "refused");
    cr_assert_not(bench->halted);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_UNWATCH}), "%s", bench->text);
    cr_assert(turn_until(bench, &bench->released));
    bench_free(bench);
}

Test(probe_gdb, survives_power_losses_with_and_without_a_warning)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench), "%s", bench->text);
    for (int i = 0; i < 2; i++) {
        ops()->power(bench->probe, false);
        supply(bench, false);
        cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
        cr_assert_str_eq(bench->reason, "no-target", "%s: %s", bench->reason, bench->text);
        supply(bench, true);
        ops()->power(bench->probe, true);
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s",
                  bench->text);
    }
    supply(bench, false);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 0, .len = 4}), "read %s",
                  bench->hex);
    cr_assert_str_eq(bench->reason, "no-target", "%s: %s", bench->reason, bench->text);
    supply(bench, true);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s", bench->text);
    bench_free(bench);
}

/* What is not there reads as zeros by OpenOCD's own choice; that must not be believed. */
Test(probe_gdb, an_address_without_memory_is_refused)
{
    struct bench *bench = bench_new("");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}), "%s", bench->text);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 0x60000000, .len = 4}), "%s",
                  bench->hex);
    cr_assert_str_eq(bench->reason, "refused", "%s", bench->text);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = 0x60000000, .value = 1}));
    cr_assert_str_eq(bench->reason, "refused", "%s", bench->text);
    cr_assert_not(bench->lost);
    bench_free(bench);
}

Test(probe_gdb, a_cut_or_a_cancel_ends_the_job)
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
    cr_assert(program(bench), "the next job starts afresh: %s", bench->text);
    cr_assert_eq(
        ops()->start(bench->probe, &(struct probe_job){.verb = PROBE_PROGRAM, .path = "/no/such"}, &error),
        -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    cr_assert_eq(ops()->start(bench->probe,
                              &(struct probe_job){.verb = PROBE_READ, .address = 0xfffffffc, .len = 8},
                              &error),
                 -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    bench_free(bench);
}

Test(probe_gdb, notices_a_dead_and_a_hung_server)
{
    struct bench *bench = bench_twin(false);
    char *pid_path = mem_printf("%s/openocd.pid", bench->folder), pid_text[32] = "";
    cr_assert_eq(setenv("OTARIG_TEST_PID", pid_path, 1), 0);
    char *json = mem_printf(
        "{\"server\": \"openocd\", \"command\": [\"" OTARIG_WRAPPER
        "\", \"-s\", \"{data}/harness/driver/probe/openocd\", \"-c\", \"gdb_port 0; telnet_port disabled; "
        "tcl_port "
        "disabled; adapter driver remote_bitbang; remote_bitbang host %s; transport select jtag\", \"-f\", "
        "\"target/nrf52.cfg\"]}",
        bench->dap);
    bench_configure(bench, &probe_gdb_driver, json);
    free(json);
    cr_assert(program(bench), "%s", bench->text);
    for (int hung = 1; hung >= 0; hung--) {
        FILE *file = fopen(pid_path, "r");
        cr_assert(file && fgets(pid_text, sizeof pid_text, file));
        fclose(file);
        bench->lost = false;
        cr_assert_eq(kill((pid_t)atoi(pid_text), hung ? SIGSTOP : SIGKILL), 0);
        if (hung) {
            cr_assert_not(
                work(bench,
                     (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image, .deadline_us = 300000}));
            cr_assert_str_eq(bench->reason, "deadline");
            cr_assert_eq(ops()->revive(bench->probe, 0, NULL), 0);
        }
        cr_assert(turn_until(bench, &bench->lost));
        cr_assert_str_eq(bench->lost_reason, hung ? "deadline" : "server");
        cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s",
                  bench->text);
    }
    free(pid_path);
    bench_free(bench);
}

Test(probe_gdb, doctor_finds_what_is_wrong)
{
    struct bench *bench = bench_new("");
    const struct driver_env env = {.place = "p", .role = "probe", .folder = bench->folder};
    struct error error = {0};
    char advice[200] = "";
    cr_assert_eq(probe_gdb_driver.examine(&env, bench->config, advice, sizeof advice, &error), 0, "%s",
                 error.text);
    supply(bench, false);
    cr_assert_eq(probe_gdb_driver.examine(&env, bench->config, advice, sizeof advice, &error), -1);
    cr_assert(strstr(advice, "switch the board on"), "%s (%s)", advice, error.text);
    bench_free(bench);
}

/* ---- a server that runs already: we only connect ---- */

static struct child *start_openocd(struct bench *bench, const char *commands)
{
    struct error error = {0};
    char *adapter =
        mem_printf("adapter driver remote_bitbang; remote_bitbang host %s; transport select jtag; "
                   "telnet_port disabled; tcl_port disabled; %s",
                   bench->dap, commands);
    const char *argv[] = {
        "openocd",          "-s", OTARIG_DATA "/harness/driver/probe/openocd", "-c", adapter, "-f",
        "target/nrf52.cfg", NULL};
    const struct child_spec spec = {.name = "openocd", .argv = argv};
    struct child *child = child_start(bench->loop, &spec, &(struct child_events){0}, NULL, &error);
    cr_assert(child, "%s", error.text);
    free(adapter);
    return child;
}

Test(probe_gdb, uses_a_server_that_somebody_else_started)
{
    struct bench *bench = bench_twin(false);
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    unsigned port = 20000 + (unsigned)getpid() % 20000;
    char *gdb_port = mem_printf("gdb_port %u", port);
    char *json = mem_printf("{\"server\": \"openocd\", \"address\": \"localhost:%u\"}", port);
    bench_configure(bench, &probe_gdb_driver, json);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    cr_assert_str_eq(bench->reason, "server", "%s", bench->text);
    struct child *server = start_openocd(bench, gdb_port);
    while (!work(bench, (struct probe_job){.verb = PROBE_ATTACH}))
        cr_assert(clock_now_us() < end_us, "%s", bench->text);
    cr_assert(program(bench), "%s", bench->text);
    child_free(server);
    bench->lost = false;
    cr_assert(turn_until(bench, &bench->lost));
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    server = start_openocd(bench, gdb_port);
    while (!work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}))
        cr_assert(clock_now_us() < end_us, "%s", bench->text);
    child_free(server);
    free(gdb_port);
    free(json);
    bench_free(bench);
}

/* ---- QEMU ---- */

/* As `counting`, with its stack and its word in the 16 KiB of a micro:bit: LDR R1 from the end. */
static const uint8_t small_counting[24] = {0x00, 0x40, 0x00, 0x20, 0x09, 0x00, 0x00, 0x00,
                                           0x00, 0x20, 0x02, 0x49, 0x01, 0x30, 0x08, 0x60,
                                           0xfc, 0xe7, 0x00, 0xbf, 0x00, 0x20, 0x00, 0x20};
#define SMALL_COUNTER 0x20002000u

static struct bench *bench_qemu(void)
{
    if (system("command -v qemu-system-arm >/dev/null"))
        return NULL;
    struct bench *bench = bench_bare();
    write_file(bench->image, small_counting, sizeof small_counting);
    char *json =
        mem_printf("{\"server\": \"qemu\", \"address\": \"%s/gdb\", \"command\": [\"qemu-system-arm\", "
                   "\"-M\", \"microbit\", "
                   "\"-S\", \"-display\", \"none\", \"-serial\", \"none\", \"-monitor\", \"none\", \"-gdb\", "
                   "\"unix:{folder}/gdb,server=on,wait=off\"]}",
                   bench->folder);
    bench_configure(bench, &probe_gdb_driver, json);
    free(json);
    return bench;
}

static uint32_t word_at(struct bench *bench, uint32_t address)
{
    unsigned bytes[4];
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = address, .len = 4}), "%s",
              bench->text);
    cr_assert_eq(sscanf(bench->hex, "%2x%2x%2x%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3]), 4);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
}

Test(probe_gdb, works_with_qemu)
{
    struct bench *bench = bench_qemu();
    if (!bench)
        cr_skip("no qemu-system-arm");
    struct probe_job watch = {.verb = PROBE_WATCH, .address = SMALL_COUNTER, .len = 4, .count = 3};
    /* it has no memory map: its flash is written like RAM */
    cr_assert(program(bench), "%s %s", bench->reason, bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}), "%s", bench->text);
    uint32_t before = word_at(bench, SMALL_COUNTER);
    cr_assert(moves(bench, SMALL_COUNTER, before), "it does not run");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_SAMPLE}), "%s", bench->text);
    cr_assert(bench->pc >= 8 && bench->pc <= 0x12, "pc %x", (unsigned)bench->pc);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}), "%s", bench->text);
    before = word_at(bench, SMALL_COUNTER);
    cr_assert_eq(word_at(bench, SMALL_COUNTER), before);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = SMALL_COUNTER, .value = 7}));
    cr_assert_eq(word_at(bench, SMALL_COUNTER), 7);

    cr_assert(work(bench, watch), "%s", bench->text);
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert_eq(bench->hit, 3);
    cr_assert_eq(word_at(bench, SMALL_COUNTER), 3, "%x, pc %x", word_at(bench, SMALL_COUNTER), bench->pc);
    bench->halted = false;
    watch.match_value = true;
    watch.count = 1;
    watch.value = 0x200;
    cr_assert(work(bench, watch), "%s", bench->text);
    cr_assert(turn_until(bench, &bench->halted));
    cr_assert_eq(word_at(bench, SMALL_COUNTER), 0x200);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_UNWATCH}), "%s", bench->text);
    cr_assert(moves(bench, SMALL_COUNTER, 0x200));

    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ERASE, .len = 1024}), "it cannot erase");
    cr_assert_str_eq(bench->reason, "refused");
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}));
    cr_assert_str_eq(bench->reason, "refused");
    bench_free(bench);
}

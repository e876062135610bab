/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe made of programs: openocd, started anew for each job as a vendor's tool would be, on a live twin.
 * Ends 77 where openocd or the twin is missing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* One run of openocd with these commands between init and shutdown, as words of a rack file. */
static char *openocd(const struct bench *bench, const char *commands)
{
    return mem_printf(
        "[\"openocd\", \"-s\", \"" OTARIG_DATA
        "/harness/driver/probe/openocd\", \"-c\", \"gdb_port disabled; "
        "telnet_port disabled; tcl_port disabled; adapter driver remote_bitbang; remote_bitbang host "
        "%s; transport select jtag\", \"-f\", \"target/nrf52.cfg\", \"-c\", \"init; %s; shutdown\"]",
        bench->dap, commands);
}

static struct bench *bench_new(const char *more)
{
    static const char *const verbs[][2] = {
        {"program", "reset halt; flash write_image erase {file} {address} bin"},
        {"read", "dump_image {file} {address} {len}"},
        {"write", "mww {address} {value}"},
        {"erase", "reset halt; flash erase_address {address} {len_hex}"},
        {"erase_all", "reset halt; nrf5 mass_erase"},
        {"reset", "reset run"},
        {"halt", "halt"},
        {"attach", "targets"},
    };
    struct bench *bench = bench_twin(false);
    char *json = mem_printf("{\"no_target\": [\"1\"]%s", more);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char *words = openocd(bench, verbs[i][1]), *old = json;
        json = mem_printf("%s, \"%s\": %s", old, verbs[i][0], words);
        free(words);
        free(old);
    }
    char *whole = mem_printf("%s}", json);
    bench_configure(bench, &probe_exec_driver, whole);
    free(json);
    free(whole);
    return bench;
}

Test(probe_exec, programs_verifies_dumps_and_erases)
{
    struct bench *bench = bench_new("");
    char *dump = mem_printf("%s/dump", bench->folder);
    uint8_t bytes[64] = {0};
    cr_assert(program(bench), "%s: %s", bench->reason, bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DUMP, .path = dump, .len = sizeof bytes}));
    FILE *file = fopen(dump, "rb");
    cr_assert(file && fread(bytes, 1, sizeof bytes, file) == sizeof bytes);
    fclose(file);
    cr_assert_arr_eq(bytes, counting, sizeof counting);
    cr_assert_eq(bytes[sizeof counting], 0xff);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 4, .len = 4}));
    cr_assert_str_eq(bench->hex, "09000000");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE, .address = 0, .len = 4096}), "%s",
              bench->text);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_VERIFY, .path = bench->image}));
    cr_assert_str_eq(bench->reason, "refused");
    cr_assert(strstr(bench->text, "0x0 holds ff"), "%s", bench->text);
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ERASE_ALL}), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = 0, .len = 4}));
    cr_assert_str_eq(bench->hex, "ffffffff");
    free(dump);
    bench_free(bench);
}

Test(probe_exec, resets_and_writes_words)
{
    struct bench *bench = bench_new("");
    cr_assert(program(bench), "%s", bench->text);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_RESET_RUN}), "%s", bench->text);
    uint32_t before = counter(bench);
    cr_assert_neq(counter(bench), before, "it runs");
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_HALT}), "%s", bench->text);
    cr_assert(
        work(bench, (struct probe_job){.verb = PROBE_WRITE, .address = COUNTER + 4, .value = 0x12345678}));
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = COUNTER + 4, .len = 4}));
    cr_assert_str_eq(bench->hex, "78563412");
    bench_free(bench);
}

/* What a program says it wrote and did not write is found by reading it. */
Test(probe_exec, a_program_that_lies_is_found_out)
{
    struct bench *bench = bench_twin(false);
    char *read = openocd(bench, "dump_image {file} {address} {len}"),
         *json = mem_printf("{\"program\": [\"true\"], \"read\": %s}", read);
    bench_configure(bench, &probe_exec_driver, json);
    cr_assert_not(program(bench));
    cr_assert_str_eq(bench->reason, "refused");
    free(json);
    free(read);
    bench_free(bench);
    bench = bench_twin(false);
    bench_configure(bench, &probe_exec_driver, "{\"read\": [\"true\"]}");
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_READ, .len = 4}), "there is no file");
    cr_assert_str_eq(bench->reason, "refused");
    bench_free(bench);
}

Test(probe_exec, a_dark_board_and_a_program_that_hangs)
{
    struct bench *bench =
        bench_new(", \"resume\": [\"sleep\", \"1000\"], \"reset_halt\": [\"sh\", \"-c\", \"kill -9 $$\"]");
    supply(bench, false);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_ATTACH}));
    cr_assert_str_eq(bench->reason, "no-target", "%s", bench->text);
    supply(bench, true);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}), "%s", bench->text);
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_RESUME, .deadline_us = 300000}));
    cr_assert_str_eq(bench->reason, "deadline");
    cr_assert_not(work(bench, (struct probe_job){.verb = PROBE_RESET_HALT}));
    cr_assert_str_eq(bench->reason, "server");
    bench_free(bench);
}

Test(probe_exec, says_what_it_can_and_refuses_the_rest)
{
    struct bench *bench = bench_new("");
    struct error error = {0};
    unsigned can = probe_exec_driver.probe->verbs(bench->config);
    cr_assert(can & 1u << PROBE_READ && can & 1u << PROBE_VERIFY && can & 1u << PROBE_HALT);
    cr_assert_not(can & (1u << PROBE_WATCH | 1u << PROBE_SAMPLE | 1u << PROBE_RESUME));
    const struct probe_job job = {.verb = PROBE_WATCH, .len = 4};
    cr_assert_eq(probe_exec_driver.probe->start(bench->probe, &job, &error), -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    cr_assert(strstr(error.text, "\"watch\""), "%s", error.text);
    cr_assert_eq(probe_exec_driver.probe->start(
                     bench->probe, &(struct probe_job){.verb = PROBE_PROGRAM, .path = "/no/such"}, &error),
                 -1);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_DETACH}));
    bench_free(bench);
}

Test(probe_exec, a_cut_or_a_cancel_ends_the_job)
{
    struct bench *bench = bench_new("");
    struct error error = {0};
    const struct probe_job job = {.verb = PROBE_PROGRAM, .path = bench->image};
    cr_assert_eq(probe_exec_driver.probe->start(bench->probe, &job, &error), 0);
    cr_assert_eq(probe_exec_driver.probe->start(bench->probe, &job, &error), -1, "one job at a time");
    probe_exec_driver.probe->cancel(bench->probe);
    cr_assert(bench->over && !bench->ok);
    cr_assert_str_eq(bench->reason, "cancelled");
    bench->over = false;
    cr_assert_eq(probe_exec_driver.probe->start(bench->probe, &job, &error), 0);
    probe_exec_driver.probe->power(bench->probe, false);
    cr_assert(bench->over && !bench->ok);
    cr_assert_str_eq(bench->reason, "no-target");
    cr_assert(program(bench), "%s", bench->text);
    bench_free(bench);
}

Test(probe_exec, resets_its_adapter_before_the_next_job)
{
    struct bench *bench = bench_new(", \"adapter_reset\": [\"touch\", \"{folder}/reset\"]");
    char *path = mem_printf("%s/reset", bench->folder);
    cr_assert_eq(probe_exec_driver.probe->revive(bench->probe, 1, NULL), 0);
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_ATTACH}), "%s", bench->text);
    cr_assert_eq(access(path, F_OK), 0);
    free(path);
    bench_free(bench);
}

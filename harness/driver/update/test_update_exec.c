/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The update client made of the user's own programs: real programs of the system, real ends. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/table.h"
#include "harness/driver/update/test_exec_bench.h"

static struct exec_bench *with(const char *deliver)
{
    char *json = mem_printf("{\"deliver\": %s, \"refused\": [\"2\"], \"silent\": [\"3\"]}", deliver);
    struct exec_bench *bench = exec_bench_new(json);
    free(json);
    return bench;
}

static struct update_job delivery(const struct exec_bench *bench)
{
    return (struct update_job){.intent = UPDATE_DELIVER, .path = bench->image, .version = "1.2.3"};
}

Test(update_exec, exit_status_makes_the_outcome)
{
    static const struct {
        const char *command, *outcome, *text;
    } rows[] = {
        {"[\"true\"]", "done", ""},
        {"[\"sh\", \"-c\", \"echo no room >&2; exit 2\"]", "refused", "sh: exit status 2: no room"},
        {"[\"sh\", \"-c\", \"exit 3\"]", "silent", "sh: exit status 3"},
        {"[\"sh\", \"-c\", \"echo strange; exit 4\"]", "failed", "sh: exit status 4: strange"},
        {"[\"sh\", \"-c\", \"kill -9 $$\"]", "rig", "sh: killed by signal 9"},
        {"[\"sh\", \"-c\", \"exit 127\"]", "rig", "sh: exit status 127"}, /* a program of the script lacks */
        {"[\"sh\", \"-c\", \"exit 126\"]", "rig", "sh: exit status 126"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exec_bench *bench = with(rows[i].command);
        exec_work(bench, delivery(bench));
        cr_expect_str_eq(bench->outcome, rows[i].outcome, "%s: %s", rows[i].command, bench->outcome);
        cr_expect_str_eq(bench->text, rows[i].text);
        cr_expect_eq(bench->progress_max, bench->ok ? 5 : 0);
        exec_bench_free(bench);
    }
}

Test(update_exec, fills_in_its_places_and_no_shell_sees_them)
{
    struct exec_bench *bench =
        with("[\"printf\", \"%s|%s|%s|{{x}\\n\", \"{image}\", \"{version}\", \"{folder}{place}\"]");
    char *strange = exec_path(bench, "a $(touch pwned) `id` ;'\" b"), *expected;
    exec_write_file(strange, "xyz", 3);
    struct update_job job = delivery(bench);
    job.path = strange;
    job.version = "$(id); 2>&1";
    cr_assert(exec_work(bench, job), "%s", bench->text);
    expected = mem_printf("%s|%s|%sp|{x}", strange, job.version, bench->folder);
    cr_assert_str_eq(bench->output, expected);
    cr_assert_neq(access("pwned", F_OK), 0);
    free(expected);
    free(strange);
    exec_bench_free(bench);
}

/* Dead, though perhaps not yet waited for by whoever inherited it. */
static bool is_gone(int pid)
{
    char *path = mem_printf("/proc/%d/stat", pid), state = 'Z';
    uint64_t end_us = clock_now_us() + 60000000;
    do {
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 'Z';
        if (file)
            fclose(file);
    } while (state != 'Z' && !usleep(10000) && clock_now_us() < end_us);
    free(path);
    return state == 'Z';
}

Test(update_exec, a_program_that_does_not_end_is_ended_with_all_it_started)
{
    struct exec_bench *bench = with(
        "[\"sh\", \"-c\", \"trap '' TERM; sleep 1000 & echo $! >\\\"$0\\\"; sleep 1000\", \"{folder}/pid\"]");
    char *pid_path = exec_path(bench, "pid"), text[32] = "";
    struct update_job job = delivery(bench);
    job.deadline_us = 1000000;
    cr_assert_not(exec_work(bench, job));
    cr_assert_str_eq(bench->outcome, "silent");
    FILE *file = fopen(pid_path, "r");
    cr_assert(file && fgets(text, sizeof text, file));
    fclose(file);
    cr_assert_gt(atoi(text), 1);
    cr_assert(is_gone(atoi(text)), "what it had started is still there");
    free(pid_path);
    exec_bench_free(bench);
}

Test(update_exec, cancelling_ends_the_job_at_once)
{
    struct exec_bench *bench = with("[\"sleep\", \"1000\"]");
    struct error error = {0};
    struct update_job job = delivery(bench);
    cr_assert_eq(update_exec_driver.update->start(bench->client, &job, &error), 0);
    cr_assert_eq(update_exec_driver.update->start(bench->client, &job, &error), -1, "one job at a time");
    update_exec_driver.update->cancel(bench->client);
    cr_assert(bench->over && !bench->ok);
    cr_assert_str_eq(bench->outcome, "cancelled");
    exec_bench_free(bench);
}

Test(update_exec, state_is_one_object)
{
    static const struct {
        const char *text, *version;
        int images; /* -1: no state */
    } rows[] = {
        {"{\\\"version\\\": \\\"1.0.0\\\", \\\"confirmed\\\": true}", "1.0.0", 1},
        {"{\\\"images\\\": [{\\\"slot\\\": 0, \\\"version\\\": \\\"2.0.0\\\"}, {\\\"slot\\\": 1}]}", "2.0.0",
         2},
        {"{\\\"images\\\": []}", NULL, 0},
        {"", NULL, -1},
        {"[]", NULL, -1},
        {"{\\\"images\\\": 3}", NULL, -1},
        {"{\\\"images\\\": [3]}", NULL, -1},
        {"{} and more", NULL, -1},
        {"hello", NULL, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *json =
            mem_printf("{\"deliver\": [\"true\"], \"state\": [\"printf\", \"%%s\", \"%s\"]}", rows[i].text);
        struct exec_bench *bench = exec_bench_new(json);
        bool ok = exec_work(bench, (struct update_job){.intent = UPDATE_STATE});
        cr_expect_eq(ok, rows[i].images >= 0, "%s: %s", rows[i].text, bench->text);
        if (!ok)
            cr_expect_str_eq(bench->outcome, "rig",
                             "a program that breaks its word is not the board's fault");
        else
            cr_expect_eq(bench->images, rows[i].images, "%s", rows[i].text);
        if (rows[i].version)
            cr_expect(bench->version && !strcmp(bench->version, rows[i].version), "%s", rows[i].text);
        free(json);
        exec_bench_free(bench);
    }
}

Test(update_exec, says_what_it_can)
{
    struct exec_bench *bench = exec_bench_new(
        "{\"deliver\": [\"true\"], \"activate\": [\"true\"], \"ping\": [\"true\"], \"board_answers\": true}");
    struct error error = {0};
    cr_assert_eq(update_exec_driver.update->abilities(bench->config),
                 UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL | UPDATE_BOARD_ANSWERS);
    const struct update_job job = {.intent = UPDATE_ACTIVATE, .mode = UPDATE_PERMANENT};
    cr_assert_eq(update_exec_driver.update->start(bench->client, &job, &error), -1);
    cr_assert(strstr(error.text, "\"permanent\""), "%s", error.text);
    cr_assert(exec_work(bench, (struct update_job){.intent = UPDATE_PING}));
    exec_bench_free(bench);
}

Test(update_exec, tells_a_wrong_rack_file)
{
    static const char *const rows[][2] = {
        {"{}", "deliver"},
        {"{\"deliver\": []}", "$.deliver: expected a program"},
        {"{\"deliver\": [\"\"]}", "$.deliver[0]: expected a program"},
        {"{\"deliver\": [\"sx\", \"{imag}\"]}", "{image}"},
        {"{\"deliver\": [\"sx\"], \"refused\": [\"x\"]}", "an exit status"},
        {"{\"deliver\": [\"sx\"], \"silent\": [\"0\"]}", "an exit status"},
        {"{\"deliver\": [\"sx\"], \"silent\": [\"127\"]}", "an exit status"},
        {"{\"deliver\": [\"sx\"], \"board_answers\": true}", "ping"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wrong = exec_wrong(rows[i][0]);
        cr_expect(wrong && strstr(wrong, rows[i][1]), "%s: %s", rows[i][0], wrong ? wrong : "nothing");
    }
}

Test(update_exec, a_program_that_is_not_there)
{
    struct exec_bench *bench = with("[\"/no/such/program\"]");
    struct error error = {0};
    char advice[200] = "";
    struct update_job job = delivery(bench);
    cr_assert_eq(update_exec_driver.update->start(bench->client, &job, &error), -1);
    cr_assert(strstr(error.text, "/no/such/program"), "%s", error.text);
    const struct driver_env env = {0};
    cr_assert_eq(update_exec_driver.examine(&env, bench->config, advice, sizeof advice, &error), -1);
    cr_assert(strstr(advice, "install"), "%s", advice);
    exec_bench_free(bench);
}

/* `cat` at both ends: what the board's end says comes to the program, what the program says goes to the
 * board. */
Test(update_exec, the_port_is_a_serial_port)
{
    struct exec_bench *bench =
        with("[\"sh\", \"-c\", \"printf 'hello\\\\n\\\\003\\\\021' >\\\"$0\\\"; "
             "head -c 4 <\\\"$0\\\"; stty -F \\\"$0\\\" | grep -c echo >&2\", \"{port}\"]");
    char heard[32] = "";
    cr_assert_eq(write(bench->board, "ab\rc", 4), 4);
    cr_assert(exec_work(bench, delivery(bench)), "%s", bench->text);
    for (int i = 0; i < 20 && strlen(heard) < 8; i++) {
        loop_turn(bench->loop, 10000, NULL);
        if (i == 10) {
            ssize_t n = read(bench->board, heard, sizeof heard - 1);
            cr_assert_gt(n, 0);
        }
    }
    cr_assert_str_eq(heard, "hello\n\003\021", "every byte as it was written");
    exec_bench_free(bench);
}

/* The program is over, and has been waited for. */
static void run_to_the_end_of_the_program(struct exec_bench *bench, const struct update_job *job)
{
    struct error error = {0};
    uint64_t end_us = clock_now_us() + 60000000;
    cr_assert_eq(update_exec_driver.update->start(bench->client, job, &error), 0, "%s", error.text);
    while ((atoi(bench->output) < 2 || !kill(atoi(bench->output), 0)) && clock_now_us() < end_us)
        cr_assert_geq(loop_turn(bench->loop, 10000, &error), 0);
    cr_assert(atoi(bench->output) > 1 && !bench->over);
}

Test(update_exec, the_board_says_later_whether_it_took_the_delivery)
{
    static const char *const rows[][2] = {{"it is bad", "refused"}, {"it is good", "done"}};
    for (size_t i = 0; i < 2; i++) {
        struct exec_bench *bench =
            exec_bench_new("{\"deliver\": [\"sh\", \"-c\", \"printf abc >\\\"$0\\\"; echo $$\", \"{port}\"],"
                           " \"accepted\": \"good\", \"declined\": \"bad\"}");
        struct update_job job = delivery(bench);
        run_to_the_end_of_the_program(bench, &job);
        cr_assert_eq(write(bench->board, rows[i][0], strlen(rows[i][0])), (ssize_t)strlen(rows[i][0]));
        for (int turn = 0; turn < 100 && !bench->over; turn++)
            loop_turn(bench->loop, 100000, NULL);
        cr_assert(bench->over);
        cr_expect_str_eq(bench->outcome, rows[i][1]);
        exec_bench_free(bench);
    }
}

/* A board that starts at once says more behind its word, all in one read. */
Test(update_exec, the_boards_word_is_heard_before_whatever_follows)
{
    static const char *const rows[][2] = {{"it is bad", "refused"}, {"it is good", "done"}};
    for (size_t i = 0; i < 2; i++) {
        struct exec_bench *bench =
            exec_bench_new("{\"deliver\": [\"sh\", \"-c\", \"printf abc >\\\"$0\\\"; echo $$\", \"{port}\"],"
                           " \"accepted\": \"good\", \"declined\": \"bad\", \"timeout_ms\": 500}");
        struct update_job job = delivery(bench);
        char said[2048];
        memset(said, '.', sizeof said);
        memcpy(said, rows[i][0], strlen(rows[i][0]));
        run_to_the_end_of_the_program(bench, &job);
        cr_assert_eq(write(bench->board, said, sizeof said), (ssize_t)sizeof said);
        for (int turn = 0; turn < 100 && !bench->over; turn++)
            loop_turn(bench->loop, 100000, NULL);
        cr_assert(bench->over);
        cr_expect_str_eq(bench->outcome, rows[i][1]);
        exec_bench_free(bench);
    }
}

/* What nobody reads fills the port; the board is heard all the same. */
Test(update_exec, a_full_port_makes_nobody_deaf)
{
    struct exec_bench *bench =
        exec_bench_new("{\"deliver\": [\"sh\", \"-c\", \"printf abc >\\\"$0\\\"; echo $$\", \"{port}\"],"
                       " \"accepted\": \"good\", \"timeout_ms\": 60000}");
    struct update_job job = delivery(bench);
    static char noise[4096];
    memset(noise, '.', sizeof noise);
    run_to_the_end_of_the_program(bench, &job);
    for (size_t sent = 0; sent < (3u << 20) / 2;) {
        ssize_t n = write(bench->board, noise, sizeof noise);
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(bench->loop, 1000, NULL);
    }
    for (int turn = 0; turn < 100; turn++) /* all of it has come */
        loop_turn(bench->loop, 1000, NULL);
    memcpy(noise, "good", 4);
    cr_assert_eq(write(bench->board, noise, sizeof noise), (ssize_t)sizeof noise);
    for (int turn = 0; turn < 100 && !bench->over; turn++)
        loop_turn(bench->loop, 100000, NULL);
    cr_assert(bench->over);
    cr_expect_str_eq(bench->outcome, "done");
    exec_bench_free(bench);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debian's sx on the port that the harness offers, into Debian's rx at the board's end of the console, with
 * and without faults on the link between them. Ends 77 where lrzsz is missing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/link_fault.h"
#include "harness/driver/update/test_exec_bench.h"
#include "harness/io/child.h"

#define IMAGE_LEN 20000u

__attribute__((constructor)) static void need_programs(void)
{
    if (system("command -v sx rx >/dev/null"))
        _exit(77);
}

struct xmodem {
    struct exec_bench *bench;
    struct child *receiver;
    uint8_t image[IMAGE_LEN];
    char *received;
    bool over;
};

static void on_ended(void *arg, int wait_status, bool asked)
{
    ((struct xmodem *)arg)->over = true;
}

static struct xmodem *begin(void)
{
    struct xmodem *test = mem_alloc(sizeof *test);
    struct error error = {0};
    /* as README's example; -t: in tenths of a second */
    test->bench =
        exec_bench_new("{\"deliver\": [\"sh\", \"-c\", \"exec \\\"$@\\\" <\\\"$0\\\" >\\\"$0\\\"\", "
                       "\"{port}\", \"sx\", \"-t\", \"20\", \"{image}\"]}");
    for (size_t i = 0; i < IMAGE_LEN; i++)
        test->image[i] = (uint8_t)(i * i / 7 + i);
    exec_write_file(test->bench->image, test->image, IMAGE_LEN);
    test->received = exec_path(test->bench, "received.bin");
    /* on a terminal of its own rx would throw away its last answer as it ends */
    const char *argv[] = {"sh", "-c", "exec rx -t 20 received.bin <&3 >&3", NULL};
    const int wire[] = {test->bench->board, -1};
    const struct child_spec spec = {
        .name = "rx", .argv = argv, .directory = test->bench->folder, .pass_fds = wire};
    test->receiver =
        child_start(test->bench->loop, &spec, &(struct child_events){.ended = on_ended}, test, &error);
    cr_assert(test->receiver, "%s", error.text);
    return test;
}

static bool send_image(struct xmodem *test, uint64_t deadline_us)
{
    return exec_work(test->bench, (struct update_job){.intent = UPDATE_DELIVER,
                                                      .path = test->bench->image,
                                                      .deadline_us = deadline_us});
}

/* XMODEM fills the last block up with 0x1a. */
static void check_received(struct xmodem *test)
{
    uint8_t found[IMAGE_LEN + 1024];
    uint64_t end_us = clock_now_us() + 60000000;
    while (!test->over && clock_now_us() < end_us)
        loop_turn(test->bench->loop, 20000, NULL);
    FILE *file = fopen(test->received, "rb");
    cr_assert(file);
    size_t len = fread(found, 1, sizeof found, file);
    fclose(file);
    cr_assert(len >= IMAGE_LEN && len < IMAGE_LEN + 128, "%zu bytes", len);
    cr_assert_arr_eq(found, test->image, IMAGE_LEN);
}

static void end(struct xmodem *test)
{
    child_free(test->receiver);
    exec_bench_free(test->bench);
    free(test->received);
    free(test);
}

Test(update_xmodem, delivers)
{
    struct xmodem *test = begin();
    cr_assert(send_image(test, 0), "%s", test->bench->text);
    check_received(test);
    cr_assert_eq(test->bench->progress_max, IMAGE_LEN);
    end(test);
}

/* XMODEM may give up where an answer of the receiver's is lost: then once more from the beginning, as people
 * do. */
static void through(struct link_fault_spec fault)
{
    bool delivered = false;
    for (int i = 0; i < 10 && !delivered; i++) {
        struct xmodem *test = begin();
        link_fault_set(test->bench->fault, &fault);
        delivered = send_image(test, 0);
        cr_assert(delivered || !strcmp(test->bench->outcome, "failed"), "%s", test->bench->text);
        if (delivered) {
            cr_assert_gt(link_fault_count(test->bench->fault).sent, IMAGE_LEN + IMAGE_LEN / 128 * 5,
                         "nothing had to be sent twice: the fault did not act");
            check_received(test);
        }
        end(test);
    }
    cr_assert(delivered);
}

Test(update_xmodem, delivers_through_a_link_that_corrupts)
{
    through((struct link_fault_spec){.mode = LINK_CORRUPT, .every = 2999});
}

Test(update_xmodem, delivers_through_a_link_that_drops)
{
    through((struct link_fault_spec){.mode = LINK_DROP, .probability = 0.01});
}

Test(update_xmodem, a_link_that_is_cut_is_a_silent_board)
{
    struct xmodem *test = begin();
    link_fault_set(test->bench->fault,
                   &(struct link_fault_spec){.mode = LINK_CUT, .from_byte = IMAGE_LEN / 2});
    cr_assert_not(send_image(test, 5000000));
    cr_assert_str_eq(test->bench->outcome, "silent", "%s: %s", test->bench->outcome, test->bench->text);
    end(test);
}

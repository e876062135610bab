/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/task.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

struct sum {
    int to, value;
    bool done;
    pthread_t worked_on;
};

static void work(void *arg)
{
    struct sum *sum = arg;
    for (int i = 1; i <= sum->to; i++)
        sum->value += i;
    sum->worked_on = pthread_self();
}

static void done(void *arg)
{
    ((struct sum *)arg)->done = true;
}

Test(task, works_elsewhere_and_ends_in_the_loop)
{
    struct sum sum = {.to = 100};
    struct loop *loop = loop_new();
    struct task *task = task_start(loop, work, done, &sum, NULL);
    cr_assert(task);
    while (!sum.done)
        cr_assert(loop_turn(loop, LOOP_NEVER, NULL) >= 0);
    cr_expect_eq(sum.value, 5050);
    cr_expect_not(pthread_equal(sum.worked_on, pthread_self()));
    task_free(task);
    loop_free(loop);
}

Test(task, one_that_nobody_waits_for_is_waited_for_and_not_told)
{
    struct sum sum = {.to = 10};
    struct loop *loop = loop_new();
    task_free(task_start(loop, work, done, &sum, NULL));
    cr_expect_eq(sum.value, 55);
    while (loop_turn(loop, 0, NULL) > 0)
        ;
    cr_expect_not(sum.done);
    task_free(NULL);
    loop_free(loop);
}

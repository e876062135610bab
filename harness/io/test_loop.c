/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/io/loop.h"

static char order[32];
static struct loop *loop;
static struct loop_source *victim, *self;

static void note(const char *what)
{
    strcat(order, what);
}

static void turns(int count)
{
    struct error error = {0};
    while (count-- && loop_turn(loop, 200000, &error) > 0)
        ;
}

static void fire_a(void *arg, uint64_t now_us)
{
    note("a");
}

static void fire_b(void *arg, uint64_t now_us)
{
    note("b");
}

static void fire_last(void *arg, uint64_t now_us)
{
    cr_expect_geq(now_us, *(uint64_t *)arg, "never early");
    note("!");
}

/* Which of two runs first when both are due in one turn is sd-event's choice, so no order is asked for here.
 */
Test(loop, timers_run_once_and_never_early)
{
    uint64_t now_us = clock_now_us(), end_us = now_us + 3000;
    loop = loop_new();
    loop_add_timer(loop, now_us + 2000, fire_b, NULL);
    loop_add_timer(loop, now_us + 1000, fire_a, NULL);
    loop_add_timer(loop, LOOP_NEVER, fire_b, NULL);
    loop_add_timer(loop, end_us, fire_last, &end_us);
    turns(10);
    cr_expect_eq(strlen(order), 3);
    cr_expect(strchr(order, 'a') && strchr(order, 'b') && strchr(order, '!'), "%s", order);
    loop_free(loop);
}

static void stop(void *arg)
{
    note("!");
    loop_stop(loop);
}

Test(loop, runs_until_it_is_stopped)
{
    struct error error = {0};
    loop = loop_new();
    loop_defer(loop, stop, NULL);
    cr_expect_eq(loop_run(loop, &error), 0, "%s", error.text);
    cr_expect_str_eq(order, "!");
    loop_free(loop);
}

static void rearm(void *arg, uint64_t now_us)
{
    note("r");
    if (strlen(order) < 3)
        loop_timer_set(self, now_us + 100);
}

Test(loop, a_timer_may_rearm_itself)
{
    loop = loop_new();
    self = loop_add_timer(loop, 0, rearm, NULL);
    turns(10);
    cr_expect_str_eq(order, "rrr");
    loop_free(loop);
}

static void remove_other(void *arg, uint64_t now_us)
{
    note("x");
    loop_remove(victim);
    loop_remove(self);
    self = NULL;
}

Test(loop, what_is_removed_is_never_called_even_when_it_was_due)
{
    loop = loop_new();
    self = loop_add_timer(loop, 1, remove_other, NULL);
    victim = loop_add_timer(loop, 2, fire_b, NULL);
    turns(10);
    cr_expect_str_eq(order, "x");
    loop_free(loop);
}

static void readable(void *arg, int fd, uint32_t events)
{
    char byte;
    cr_expect_eq(read(fd, &byte, 1), 1);
    note(arg);
}

Test(loop, priority_decides_among_what_is_ready_together)
{
    int one[2], two[2];
    cr_assert(!pipe(one) && !pipe(two));
    loop = loop_new();
    loop_add_fd(loop, one[0], EPOLLIN, readable, "1");
    loop_priority(loop_add_fd(loop, two[0], EPOLLIN, readable, "2"), -5);
    cr_assert(write(one[1], "..", 2) == 2 && write(two[1], "..", 2) == 2);
    turns(4);
    cr_expect_str_eq(order, "2211");
    loop_free(loop);
    close(one[0]), close(one[1]), close(two[0]), close(two[1]);
}

static void deferred(void *arg)
{
    note("d");
    if (strlen(order) < 2)
        loop_defer(loop, deferred, NULL);
}

Test(loop, deferred_work_runs_once_and_may_defer_again)
{
    loop = loop_new();
    loop_defer(loop, deferred, NULL);
    turns(5);
    cr_expect_str_eq(order, "dd");
    loop_free(loop);
}

static void caught(void *arg, int signal_number)
{
    cr_expect_eq(signal_number, SIGUSR1);
    note("s");
}

Test(loop, signals_arrive_in_the_loop)
{
    loop = loop_new();
    loop_add_signal(loop, SIGUSR1, caught, NULL);
    raise(SIGUSR1);
    turns(1);
    cr_expect_str_eq(order, "s");
    loop_free(loop);
}

Test(loop, an_idle_turn_ends_at_its_limit)
{
    struct error error = {0};
    loop = loop_new();
    cr_expect_eq(loop_turn(loop, 1000, &error), 0);
    loop_remove(NULL);
    loop_free(loop);
    loop_free(NULL);
}

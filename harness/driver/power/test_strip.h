/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power strip of fixtures/outlets in a test: started with what is wrong with it, and heard. */
#ifndef OTARIG_DRIVER_POWER_TEST_STRIP_H
#define OTARIG_DRIVER_POWER_TEST_STRIP_H

#include "harness/driver/power/test_switch_bench.h"
#include "harness/io/child.h"

struct test_strip {
    struct child *child;
    unsigned port;
    unsigned commands; /* it has got */
    int contact[8];    /* by its own account; -1: it never moved */
    char heard[2000];  /* all its lines */
};

/* `words` are its command line after its name, NULL-terminated. */
void test_strip_start(struct test_strip *strip, struct loop *loop, const char *const *words);
void test_strip_stop(struct test_strip *strip);

#endif

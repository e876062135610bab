/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bench for tests of drivers that switch or sense a rail: the driver with its options as they stand in a
 * rack file, a loop, and what it told. */
#ifndef OTARIG_DRIVER_POWER_TEST_SWITCH_BENCH_H
#define OTARIG_DRIVER_POWER_TEST_SWITCH_BENCH_H

#include "harness/driver/table.h"

struct switch_bench {
    struct sink sink; /* first member */
    const struct driver *driver;
    struct loop *loop;
    void *config, *self;
    struct error error;
    struct power_report report; /* of the last command */
    bool over;
    unsigned notes;
    char edge[8]; /* the last one told: "on", "off"; "": none */
    uint64_t achieved_us, within_us;
};

/* Reads the options; open() is the caller's to call. */
void switch_bench_begin(struct switch_bench *bench, const struct driver *driver, const char *options);
int switch_bench_open(struct switch_bench *bench, bool safe_on);
/* Gives a command, and waits for its end. -1: bench->error says why. */
int switch_bench_set(struct switch_bench *bench, bool on);
int switch_bench_get(struct switch_bench *bench, bool *on);
/* Turns the loop until an edge was told, or a fault of the rig: -1. */
int switch_bench_edge(struct switch_bench *bench);
/* What is open is closed into its safe state. */
void switch_bench_end(struct switch_bench *bench);
/* The options are refused with exactly this text. */
void switch_bench_refuses(const struct driver *driver, const char *options, const char *said);

#endif

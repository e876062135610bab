/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of probes: a live twin, a driver at its debug port, and what its events say. */
#ifndef OTARIG_DRIVER_PROBE_TEST_PROBE_BENCH_H
#define OTARIG_DRIVER_PROBE_TEST_PROBE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/driver/driver.h"
#include "harness/io/child.h"

#define WAIT_LIMIT_US 600000000u

/* Linked at 0: vectors {0x20010000, 9}; MOVS R0,#0; LDR R1,[PC,#4]; ADDS R0,#1; STR R0,[R1]; B ADDS.
 * It counts in the word at COUNTER for ever. */
extern const uint8_t counting[24];
#define COUNTER 0x20009000u
#define AFTER_STORE 0x10u
/* Linked at 0: vectors {0x20010000, 9}; WFI; B WFI. */
extern const uint8_t sleeping[12];

struct bench {
    struct sink sink; /* first member */
    const struct driver *driver;
    struct loop *loop;
    struct child *twin;
    char folder[64], *dap, *control, *image;
    void *config, *probe;
    bool cut_at_hit; /* power is said to go in the turn of the loop in which a watchpoint was hit */
    bool over, ok, halted, lost, released, asleep, locked_up;
    char reason[40], text[300], lost_reason[40], hex[200];
    int pc, hit;
};

/* With a twin (chip nrf52840) whose debug port is `dap`; `pirate`: it speaks Bus Pirate, else remote_bitbang.
 */
struct bench *bench_twin(bool pirate);
/* Without. */
struct bench *bench_bare(void);
/* Opens the driver with the options of a rack file. */
void bench_configure(struct bench *bench, const struct driver *driver, const char *json);
void bench_free(struct bench *bench);

bool turn_until(struct bench *bench, const bool *flag);
bool work(struct bench *bench, struct probe_job job); /* true: "done" */
void supply(struct bench *bench, bool on);            /* returns when the supply has moved */
void write_file(const char *path, const void *data, size_t len);
bool program(struct bench *bench);     /* bench->image at 0 */
uint32_t counter(struct bench *bench); /* the word at COUNTER */

#endif

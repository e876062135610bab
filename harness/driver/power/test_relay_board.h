/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A relay board or hub of fixtures/outlets (otarig-relays) under a test: it brings a /dev and a /sys of its
 * own, in which this process lives from then on. */
#ifndef OTARIG_DRIVER_POWER_TEST_RELAY_BOARD_H
#define OTARIG_DRIVER_POWER_TEST_RELAY_BOARD_H

#include "harness/io/child.h"

struct test_relay_board {
    struct child *child;
    struct loop *loop;
    char where[80];   /* /dev/ttyUSB0, or the hub's location */
    char moves[1000]; /* "1 closed;1 open;" */
    unsigned pulls, plugs;
};

/* `defect` may be NULL. */
void test_relay_board_start(struct test_relay_board *board, struct loop *loop, const char *protocol,
                            const char *defect);
/* Pulls it, or plugs it in again; comes back when that is done. */
void test_relay_board_plug(struct test_relay_board *board, bool plugged);
/* Waits for as many moves, and compares. */
void test_relay_board_expect(struct test_relay_board *board, const char *moves);
/* Nothing may be open there any more: who has it open when the emulation ends is ended with it. */
void test_relay_board_stop(struct test_relay_board *board);

/* main() of a program of such tests: runs them under umockdev's preload. */
int test_relay_board_main(int argc, char **argv);

#endif

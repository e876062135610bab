/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of update client "exec": the driver on a link with faults, the board's end of it, and what its
 * events say. */
#ifndef OTARIG_DRIVER_UPDATE_TEST_EXEC_BENCH_H
#define OTARIG_DRIVER_UPDATE_TEST_EXEC_BENCH_H

#include "harness/driver/console/console_port.h"
#include "harness/driver/driver.h"

struct exec_bench {
    struct sink sink; /* first member */
    struct loop *loop;
    char folder[64], *image;
    struct console_port port; /* the console, as far as its link goes */
    int console, board;       /* the two ends of the wire */
    struct link *fault;
    void *config, *client;
    bool over, ok;
    int notes, progress;
    int64_t progress_max;
    char outcome[20], reason[40], text[400], output[400];
    char *version; /* of the first image that state told */
    int images;
};

/* `json`: options of the rack file. */
struct exec_bench *exec_bench_new(const char *json);
void exec_bench_free(struct exec_bench *bench);
/* true: "done" */
bool exec_work(struct exec_bench *bench, struct update_job job);
/* -1: what a rack file must not say; the text is in bench-less `text`. */
const char *exec_wrong(const char *json);
void exec_write_file(const char *path, const void *data, size_t len);
/* A file of its own in the folder; free it. */
char *exec_path(const struct exec_bench *bench, const char *name);

#endif

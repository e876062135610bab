/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a board file and a rack file: they are read from a file, so the text lies in a memfd. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/board/board.h"
#include "harness/rack/rack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void load(const char *path)
{
    struct error error = {0};
    struct board board;
    struct rack rack;
    if (!board_load(path, &board, &error)) {
        /* what the harness relies on */
        if (!board_can_run(&board, NULL) && (!board.facts[FACT_UP].count || !board.facts[FACT_IMAGE].count))
            abort();
        board_release(&board);
    }
    if (!rack_load(path, &rack, &error)) {
        if (!rack.place_count)
            abort();
        rack_release(&rack);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char path[40];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    load(path);
    close(fd);
    return 0;
}

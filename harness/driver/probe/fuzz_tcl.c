/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What OpenOCD may say: replies on the wire, and the texts that the probe takes apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/probe/probe_openocd_verbs.h"
#include "harness/driver/probe/tcl_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_end(void *arg, enum tcl_end end, const char *text)
{
    char line[64];
    uint32_t pc;
    (*(int *)arg)++;
    free(openocd_read_parse(text));
    openocd_watch_parse(text, &pc);
    openocd_error_line(text, line, sizeof line);
    if (!openocd_reason(text)[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int fds[2], ends = 0;
    if (len > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        return 0;
    struct loop *loop = loop_new();
    struct tcl_rpc *rpc = tcl_open_fd(loop, fds[0], on_end, &ends);
    tcl_send(rpc, "x", 1000000);
    /* half of it, then the rest: a reply may end anywhere */
    if (write(fds[1], data, len / 2) >= 0 && len / 2)
        loop_turn(loop, 0, NULL);
    if (ends && ends < 2)
        tcl_send(rpc, "y", 1000000);
    if (write(fds[1], data + len / 2, len - len / 2) >= 0)
        loop_turn(loop, 0, NULL);
    close(fds[1]);
    for (int i = 0; i < 40 && loop_turn(loop, 0, NULL) > 0; i++)
        ;
    if (ends > 2)
        abort(); /* more ends than commands */
    tcl_close(rpc);
    loop_free(loop);
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a GDB server may say: packets on the wire, and the texts that the probe takes apart. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/probe/gdb_link.h"
#include "harness/driver/probe/gdb_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct client {
    struct gdb_link *link;
    int replies, stops;
};

static void on_reply(void *arg, enum gdb_end end, const char *text, size_t len)
{
    struct client *client = arg;
    char value[20];
    uint8_t bytes[64];
    uint32_t word;
    if (text[len] || ++client->replies > 2)
        abort(); /* more replies than requests */
    gdb_feature(text, "PacketSize", value, sizeof value);
    gdb_register(text, len, 15, &word);
    gdb_unhex(text, len, bytes, sizeof bytes);
    if (end != GDB_REPLY || len % 3 == 0) { /* the owner may let go at any time */
        gdb_link_close(client->link);
        client->link = NULL;
    }
}

static void on_stopped(void *arg, const struct gdb_stop *stop)
{
    struct client *client = arg;
    if (!strchr("TSWX", stop->kind))
        abort();
    if (++client->stops == 3) {
        gdb_link_close(client->link);
        client->link = NULL;
    }
}

static void on_print(void *arg, const char *text)
{
    if (!text[0])
        return;
}

static void on_lost(void *arg, const char *why)
{
    struct client *client = arg;
    gdb_link_close(client->link);
    client->link = NULL;
}

static void check_map(const uint8_t *data, size_t len)
{
    struct gdb_map map;
    const char *why;
    if (gdb_map_parse((const char *)data, len, &map, &why))
        return;
    for (size_t i = 0; i < map.count; i++) {
        const struct gdb_region *region = &map.regions[i];
        uint64_t start = region->start, all = region->len;
        if (!all || gdb_map_find(&map, start) != region)
            abort();
        if (region->block)
            gdb_region_align(region, &start, &all);
        if (start != region->start || all != region->len)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct gdb_link_events events = {
        .reply = on_reply, .stopped = on_stopped, .print = on_print, .lost = on_lost};
    struct client client = {0};
    int fds[2];
    check_map(data, len);
    if (len > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        return 0;
    struct loop *loop = loop_new();
    client.link = gdb_link_open(loop, fds[0], &events, &client);
    gdb_link_ask(client.link, "?", 1, len % 2, 1000000);
    /* half of it, then the rest: a packet may end anywhere */
    if (write(fds[1], data, len / 2) >= 0 && len / 2)
        loop_turn(loop, 0, NULL);
    if (client.link && !gdb_link_busy(client.link))
        gdb_link_ask(client.link, "m0,4", 4, false, 1000000);
    if (write(fds[1], data + len / 2, len - len / 2) >= 0)
        loop_turn(loop, 0, NULL);
    close(fds[1]);
    for (int i = 0; i < 40 && loop_turn(loop, 0, NULL) > 0; i++)
        ;
    gdb_link_close(client.link);
    loop_free(loop);
    return 0;
}

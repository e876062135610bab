/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the GDB remote protocol, on packets as GDB's manual, OpenOCD and QEMU write them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/driver/probe/gdb_map.h"
#include "harness/driver/probe/gdb_rsp.h"

/* Feeds all bytes; the last piece that was not GDB_NOTHING. */
static enum gdb_piece feed(struct gdb_reader *reader, const char *bytes, size_t len)
{
    enum gdb_piece last = GDB_NOTHING;
    for (size_t i = 0; i < len; i++) {
        enum gdb_piece piece = gdb_read(reader, (uint8_t)bytes[i]);
        last = piece == GDB_NOTHING ? last : piece;
    }
    return last;
}

static enum gdb_piece feed_data(struct gdb_reader *reader, const void *data, size_t len)
{
    char *framed;
    size_t framed_len = gdb_frame(data, len, &framed);
    enum gdb_piece piece = feed(reader, framed, framed_len);
    free(framed);
    return piece;
}

Test(gdb_rsp, frames_have_the_manual_s_checksum)
{
    struct gdb_reader reader = {0};
    char *framed;
    cr_assert_eq(gdb_frame("OK", 2, &framed), 6);
    cr_assert_str_eq(framed, "$OK#9a");
    free(framed);
    cr_assert_eq(feed(&reader, "$OK#9a", 6), GDB_PACKET);
    cr_assert_str_eq(reader.text, "OK");
    cr_assert_eq(feed(&reader, "$OK#9A", 6), GDB_PACKET);
    cr_assert_eq(feed(&reader, "$OK#9b", 6), GDB_BAD);
    cr_assert_eq(feed(&reader, "$OK#zz", 6), GDB_BAD);
    cr_assert_eq(feed(&reader, "+", 1), GDB_ACK);
    cr_assert_eq(feed(&reader, "-", 1), GDB_NAK);
    cr_assert_eq(feed(&reader, "noise\r\n", 7), GDB_NOTHING);
    cr_assert_eq(feed(&reader, "$#00", 4), GDB_PACKET);
    cr_assert_eq(reader.text_len, 0);
    cr_assert_eq(feed(&reader, "%Stop:T05#99", 12), GDB_NOTICE);
    cr_assert_eq(feed(&reader, "$half$OK#9a", 11), GDB_PACKET, "a packet that never ended is none");
    cr_assert_str_eq(reader.text, "OK");
    gdb_reader_release(&reader);
}

Test(gdb_rsp, expands_runs_as_the_manual_s_example)
{
    struct gdb_reader reader = {0};
    cr_assert_eq(feed_data(&reader, "0* ", 3), GDB_PACKET);
    cr_assert_str_eq(reader.text, "0000");
    cr_assert_eq(feed_data(&reader, "*!", 2), GDB_BAD, "a run of nothing");
    cr_assert_eq(feed_data(&reader, "0*", 2), GDB_BAD, "a run without its length");
    cr_assert_eq(feed_data(&reader, "0*\x10", 3), GDB_BAD, "a run of less than one");
    cr_assert_eq(feed_data(&reader, "0}", 2), GDB_BAD, "an escape of nothing");
    gdb_reader_release(&reader);
}

Test(gdb_rsp, every_byte_survives_the_way)
{
    struct gdb_reader reader = {0};
    uint8_t all[256], escaped[512];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    size_t len = gdb_escape(all, sizeof all, escaped);
    cr_assert_eq(len, sizeof all + 4);
    cr_assert_eq(feed_data(&reader, escaped, len), GDB_PACKET);
    cr_assert_eq(reader.text_len, sizeof all);
    cr_assert_arr_eq(reader.text, all, sizeof all);
    gdb_reader_release(&reader);
}

Test(gdb_rsp, hex)
{
    uint8_t bytes[4] = {0};
    char text[9];
    cr_assert_eq(gdb_unhex("00fFa1", 6, bytes, 4), 3);
    cr_assert(bytes[0] == 0 && bytes[1] == 0xff && bytes[2] == 0xa1);
    cr_assert_eq(gdb_unhex("0011223344", 10, bytes, 4), 4, "no more than there is room for");
    cr_assert_eq(gdb_unhex("001", 3, bytes, 4), -1);
    cr_assert_eq(gdb_unhex("0g", 2, bytes, 4), -1);
    cr_assert_eq(gdb_unhex("E01", 3, bytes, 4), -1, "an error is no memory");
    gdb_hex((const uint8_t[]){0, 0xff, 0xa1, 9}, 4, text);
    cr_assert_str_eq(text, "00ffa109");
}

static struct gdb_stop stop_of(const char *text)
{
    struct gdb_stop stop;
    cr_assert(gdb_stop_parse(text, strlen(text), &stop), "%s", text);
    return stop;
}

Test(gdb_rsp, stop_replies)
{
    struct gdb_stop stop = stop_of("T05watch:20009000;");
    cr_assert(stop.kind == 'T' && stop.signal == 5 && stop.cause == GDB_WATCH && stop.has_address);
    cr_assert_eq(stop.address, 0x20009000);
    stop = stop_of("T05thread:01;awatch:4001e504;07:00000000;");
    cr_assert(stop.cause == GDB_WATCH && stop.address == 0x4001e504);
    cr_assert_eq(stop_of("T05rwatch:4;").cause, GDB_WATCH);
    cr_assert_eq(stop_of("T05hwbreak:;").cause, GDB_BREAK);
    cr_assert_eq(stop_of("T05swbreak:;").cause, GDB_BREAK);
    cr_assert_eq(stop_of("T05thread:01;").cause, GDB_NO_CAUSE);
    cr_assert_eq(stop_of("T05").cause, GDB_NO_CAUSE);
    cr_assert_eq(stop_of("S02").signal, 2);
    cr_assert_eq(stop_of("X0b").kind, 'X');
    cr_assert_not(gdb_stop_parse("OK", 2, &stop));
    cr_assert_not(gdb_stop_parse("T0", 2, &stop));
    cr_assert_not(gdb_stop_parse("\0\0\0", 3, &stop));
    cr_assert_not(gdb_stop_parse("Txx", 3, &stop));
}

Test(gdb_rsp, features_and_registers)
{
    static const char reply[] = "PacketSize=4000;qXfer:memory-map:read+;QStartNoAckMode+;multiprocess-";
    char value[16];
    uint32_t pc;
    cr_assert(gdb_feature(reply, "PacketSize", value, sizeof value));
    cr_assert_str_eq(value, "4000");
    cr_assert(gdb_feature(reply, "qXfer:memory-map:read", value, sizeof value));
    cr_assert(gdb_feature(reply, "QStartNoAckMode", value, sizeof value));
    cr_assert_not(gdb_feature(reply, "multiprocess", value, sizeof value));
    cr_assert_not(gdb_feature(reply, "Packet", value, sizeof value));
    cr_assert_not(gdb_feature("", "PacketSize", value, sizeof value));
    cr_assert(gdb_register("0800000010000020", 16, 1, &pc));
    cr_assert_eq(pc, 0x20000010);
    cr_assert_not(gdb_register("08000000", 8, 1, &pc));
    cr_assert_not(gdb_register("xxxxxxxx", 8, 0, &pc), "a register that is not there");
}

/* ---- the memory map ---- */

static int map_of(const char *xml, struct gdb_map *map)
{
    const char *why;
    return gdb_map_parse(xml, strlen(xml), map, &why);
}

Test(gdb_rsp, a_memory_map_of_openocd)
{
    struct gdb_map map;
    cr_assert_eq(map_of("<memory-map>\n<memory type=\"ram\" start=\"0x00100000\" length=\"0x0ff01000\"/>\n"
                        "<memory type=\"flash\" start=\"0x00000000\" length=\"0x100000\">\n"
                        "<property name=\"blocksize\">0x1000</property>\n</memory>\n"
                        "<memory type=\"rom\" start=\"0xf0000000\" length=\"0x10\"/></memory-map>\n",
                        &map),
                 0);
    cr_assert_eq(map.count, 3);
    cr_assert_eq(map.regions[0].block, 0x1000);
    cr_assert_eq(gdb_map_find(&map, 0xfffff), &map.regions[0]);
    cr_assert_eq(gdb_map_find(&map, 0x100000), &map.regions[1]);
    cr_assert_eq(map.regions[1].block, 0);
    cr_assert(map.regions[2].rom);
    cr_assert_null(gdb_map_find(&map, 0x80000000));
    uint64_t start = 0x1fff, len = 2;
    gdb_region_align(&map.regions[0], &start, &len);
    cr_assert(start == 0x1000 && len == 0x2000);
    start = 0x2000, len = 0x1000;
    gdb_region_align(&map.regions[0], &start, &len);
    cr_assert(start == 0x2000 && len == 0x1000);
}

Test(gdb_rsp, a_memory_map_that_cannot_be_used)
{
    static const char *const bad[] = {
        "",
        "<memory-map>",
        "<memory-map><memory type=\"flash\" start=\"0\" length=\"16\"/></memory-map>",
        "<m><memory type=\"ram\" start=\"x\" length=\"16\"/></m>",
        "<m><memory type=\"ram\" start=\"0\" length=\"16\"/><memory type=\"ram\" start=\"8\" "
        "length=\"16\"/></m>",
        "<m><memory type=\"ram\" start=\"0xffffffffffffffff\" length=\"2\"/></m>",
        "<m><memory type=\"flash\" start=\"0\" length=\"16\"><property "
        "name=\"blocksize\">0</property></memory></m>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><m>&b;</m>"};
    struct gdb_map map;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(map_of(bad[i], &map), -1, "%s", bad[i]);
        cr_expect_eq(map.count, 0);
    }
    cr_expect_eq(map_of("<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
                        "\"http://sourceware.org/gdb/gdb-memory-map.dtd\"><memory-map></memory-map>",
                        &map),
                 0, "the manual's own heading");
}

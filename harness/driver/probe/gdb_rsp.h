/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the GDB remote serial protocol (GDB manual, appendix E): packets, their text, stop replies. No
 * descriptor and no clock: gdb_link.h has the connection. */
#ifndef OTARIG_DRIVER_PROBE_GDB_RSP_H
#define OTARIG_DRIVER_PROBE_GDB_RSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Above what any server announces; a packet that grows beyond it is none. */
#define GDB_PACKET_MAX (1u << 20)

/* "$data#xx"; in *framed (free it), its length is returned. `data` goes as it is: whoever has binary in it
 * escapes that first. */
size_t gdb_frame(const void *data, size_t len, char **framed);
/* Binary data for an X or vFlashWrite packet: # $ } * become two bytes. `out` has room for 2 * len. */
size_t gdb_escape(const uint8_t *data, size_t len, uint8_t *out);

/* Takes a byte stream apart. Zeroed is the beginning. */
struct gdb_reader {
    char *raw; /* between $ and #, as it came */
    size_t len, room;
    int state;
    uint8_t sum, told;
    char *text; /* of the last good packet: unescaped, runs expanded, NUL behind it */
    size_t text_len;
};
enum gdb_piece {
    GDB_NOTHING, /* more bytes are needed */
    GDB_PACKET,  /* text, text_len: until the next call */
    GDB_BAD,     /* wrong checksum, or no packet at all */
    GDB_ACK,
    GDB_NAK,
    GDB_NOTICE, /* "%...": an asynchronous notification, which we never asked for */
};
/* One byte. */
enum gdb_piece gdb_read(struct gdb_reader *reader, uint8_t byte);
void gdb_reader_release(struct gdb_reader *reader);

/* "0a1b" -> bytes; the number of them, at most `size`; -1: not hex, or an odd length. */
long gdb_unhex(const char *text, size_t len, uint8_t *out, size_t size);
/* Two digits a byte and a NUL: `out` has room for 2 * len + 1. */
void gdb_hex(const uint8_t *data, size_t len, char *out);

enum gdb_cause { GDB_NO_CAUSE, GDB_WATCH, GDB_BREAK };
struct gdb_stop {
    char kind; /* T or S: stopped; W, X: there is no core any more */
    unsigned signal;
    enum gdb_cause cause; /* as far as the server says */
    bool has_address;
    uint64_t address; /* GDB_WATCH */
};
/* "T05watch:20009000;", "S02", "W00". False: another packet. */
bool gdb_stop_parse(const char *text, size_t len, struct gdb_stop *stop);

/* The value of a feature in the reply to qSupported: "NAME=VALUE" or "NAME+" -> "+"; false: absent. */
bool gdb_feature(const char *reply, const char *name, char *value, size_t size);
/* Register `number` of 4 bytes in the reply to `g`, target order little endian; false: not there. */
bool gdb_register(const char *reply, size_t len, unsigned number, uint32_t *value);

#endif

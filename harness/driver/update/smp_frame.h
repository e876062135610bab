/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMP over a console: Zephyr's "SMP over console" framing (doc/services/device_mgmt/smp_transport.rst). A
 * packet is length (16 bit, big endian, counts the CRC), payload, CRC-16/XMODEM of the payload; in base64;
 * cut into lines of at most 127 bytes, the first one led by 06 09, the further ones by 04 14, each ended by a
 * newline.
 *
 * What boards really send is wider, and all of it is taken: lines of any length that end in CR, LF or both;
 * prompts before a marker and log lines between a frame's lines; a length that does not count the CRC (Zephyr
 * before 2.7.1), and no CRC at all where the payload fills its line to the last byte (the same versions). A
 * log line in the middle of a frame's line is cut out again, if what is left has the right CRC. */
#ifndef OTARIG_DRIVER_UPDATE_SMP_FRAME_H
#define OTARIG_DRIVER_UPDATE_SMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMP_PACKET_MAX 8192
#define SMP_RAW_MAX (SMP_PACKET_MAX * 2)

uint16_t smp_crc16(const void *data, size_t len);
/* The lines of one packet, malloc; *out_len bytes. */
char *smp_frame_build(const void *packet, size_t len, size_t *out_len);

/* What was met besides good frames, since smp_parser_init(). */
struct smp_frame_counts {
    unsigned long broken; /* began and did not end well */
    unsigned long mended; /* a log line was cut out of them */
    unsigned long short_len, no_crc;
};

/* Finds packets in a console's bytes; everything else is passed over. */
struct smp_parser {
    char raw[SMP_RAW_MAX]; /* what came since the marker of the frame's first line */
    size_t raw_len;
    char last;
    bool in_frame;
    uint8_t packet[SMP_PACKET_MAX + 4];
    struct smp_frame_counts counts;
    void (*found)(void *arg, const uint8_t *packet, size_t len);
    void *arg;
};
void smp_parser_init(struct smp_parser *parser, void (*found)(void *arg, const uint8_t *packet, size_t len),
                     void *arg);
void smp_parser_put(struct smp_parser *parser, const void *data, size_t len);
/* Nothing more will come: a packet that is whole but for its CRC is taken as it is. */
void smp_parser_late(struct smp_parser *parser);

#endif

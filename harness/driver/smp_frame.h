/* SMP over a console: Zephyr's "SMP over console" framing (doc/services/device_mgmt/smp_transport.rst). A
 * packet is length (16 bit, big endian, counts the CRC), payload, CRC-16/XMODEM of the payload; in base64;
 * cut into lines of at most 127 bytes, the first one led by 06 09, the further ones by 04 14, each ended by a
 * newline. */
#ifndef OTARIG_DRIVER_SMP_FRAME_H
#define OTARIG_DRIVER_SMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMP_PACKET_MAX 8192

uint16_t smp_crc16(const void *data, size_t len);
/* The lines of one packet, malloc; *out_len bytes. */
char *smp_frame_build(const void *packet, size_t len, size_t *out_len);

/* Finds packets in a console's bytes; everything else is passed over. */
struct smp_parser {
    char line[2048];
    size_t line_len;
    uint8_t packet[SMP_PACKET_MAX + 4];
    size_t packet_len;
    bool in_packet;
    unsigned long broken; /* frames that began and did not end well */
    void (*found)(void *arg, const uint8_t *packet, size_t len);
    void *arg;
};
void smp_parser_init(struct smp_parser *parser, void (*found)(void *arg, const uint8_t *packet, size_t len),
                     void *arg);
void smp_parser_put(struct smp_parser *parser, const void *data, size_t len);

#endif

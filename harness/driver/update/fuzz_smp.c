/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board may say: console bytes with frames in them; frames that a log line was printed into; and, past
 * the CRC, packets of any content. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mcuboot_image.h"
#include "harness/driver/update/smp_frame.h"
#include "harness/driver/update/smp_msg.h"
#include "harness/driver/update/smp_status.h"

#define LOG "[00:00:01.000,000] <inf> app: 21 C\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void take_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct smp_header header;
    struct smp_status status;
    if (!smp_header_get(packet, len, &header))
        return;
    cJSON *answer = smp_decode(packet + SMP_HEADER_LEN, header.len);
    smp_status_of(answer, &status);
    if ((status.rc != 0) != (status.text[0] != 0))
        abort();
    cJSON_Delete(answer);
}

struct expected {
    const uint8_t *data;
    size_t len;
    int found;
};

static void compare(void *arg, const uint8_t *packet, size_t len)
{
    struct expected *expected = arg;
    if (len != expected->len || (len && memcmp(packet, expected->data, len)))
        abort();
    expected->found++;
}

/* What is framed comes out as it went in, whatever lay before it. */
static void frame(const uint8_t *data, size_t len)
{
    static struct smp_parser parser;
    struct expected expected = {data, len, 0};
    size_t lines_len;
    char *lines = smp_frame_build(data, len, &lines_len);
    smp_parser_init(&parser, compare, &expected);
    smp_parser_put(&parser,
                   "log \x06\x09"
                   "AAVmb2+v\n",
                   16);
    smp_parser_put(&parser, lines, lines_len);
    if (expected.found != 1)
        abort();
    free(lines);
}

static void count(void *arg, const uint8_t *packet, size_t len)
{
    ++*(int *)arg;
}

/* A packet with a header of SMP, with a log line somewhere in its text, is found all the same. Another one
 * may be found in its place, by a CRC that is right by chance: that is counted for nothing. */
static void mend(const uint8_t *data, size_t len)
{
    static struct smp_parser parser;
    uint8_t packet[SMP_HEADER_LEN + 2000];
    size_t lines_len, body = len - 2 < 2000 ? len - 2 : 2000, all = SMP_HEADER_LEN + body;
    int found = 0;
    smp_header_put(packet, &(struct smp_header){.op = SMP_READ_RSP, .seq = data[0], .len = body});
    memcpy(packet + SMP_HEADER_LEN, data + 2, body);
    char *lines = smp_frame_build(packet, all, &lines_len);
    size_t at = 2 + (size_t)(data[0] << 8 | data[1]) % (lines_len - 3);
    smp_parser_init(&parser, count, &found);
    smp_parser_put(&parser, lines, at);
    smp_parser_put(&parser, LOG, strlen(LOG));
    smp_parser_put(&parser, lines + at, lines_len - at);
    if (at > 2 && found != 1 && lines[at] != 0x14 && lines[at] != 0x04)
        abort();
    free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct smp_parser parser;
    uint8_t hash[32];
    smp_parser_init(&parser, take_packet, NULL);
    smp_parser_put(&parser, data, len / 3);
    smp_parser_late(&parser);
    smp_parser_put(&parser, data + len / 3, len - len / 3);
    smp_parser_late(&parser);
    take_packet(NULL, data, len);
    cJSON_Delete(smp_decode(data, len));
    mcuboot_image_hash(data, len, hash);
    if (len > 2)
        mend(data, len);
    if (len <= SMP_PACKET_MAX)
        frame(data, len);
    return 0;
}

/* What a board may say: console bytes with frames in them; and, past the CRC, packets of any content. */
#include <stdlib.h>
#include <string.h>

#include "harness/driver/smp_frame.h"
#include "harness/driver/smp_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void take_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct smp_header header;
    if (smp_header_get(packet, len, &header))
        cJSON_Delete(smp_decode(packet + SMP_HEADER_LEN, header.len));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct smp_parser parser;
    smp_parser_init(&parser, take_packet, NULL);
    smp_parser_put(&parser, data, len / 3);
    smp_parser_put(&parser, data + len / 3, len - len / 3);
    take_packet(NULL, data, len);
    cJSON_Delete(smp_decode(data, len));
    if (len > SMP_PACKET_MAX)
        return 0;
    /* what is framed comes out as it went in, whatever lay before it */
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
    return 0;
}

/* libFuzzer: scenario files; images are never opened because none of their paths exists. */
#include "harness/explore/spec.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char board_text[] =
        "{\"name\":\"b\",\"chip\":\"stm32f407\",\"memory\":{\"slots\":[{\"address\":"
        "\"0x8010000\",\"size\":\"0x10000\"}]}}";
    struct json_document scenario, board;
    struct error error = {0};
    struct spec spec;
    if (json_parse(&scenario, "fuzz", (const char *)data, len, &error))
        return 0;
    if (json_parse(&board, "board", board_text, strlen(board_text), &error) == 0) {
        if (spec_parse(&spec, &scenario, &board, "/nonexistent", NULL, &error) == 0)
            spec_release(&spec);
        json_close(&board);
    }
    json_close(&scenario);
    return 0;
}

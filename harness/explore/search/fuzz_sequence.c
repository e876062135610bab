/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: sequences of cuts. */
#include "harness/explore/search/sequence.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json_document document;
    struct sequence_cut *cuts = NULL;
    size_t count;
    struct error error = {0};
    if (json_parse(&document, "fuzz", (const char *)data, len, &error))
        return 0;
    sequence_parse(&document, &cuts, &count, &error);
    free(cuts);
    json_close(&document);
    return 0;
}

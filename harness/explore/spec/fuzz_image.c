/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: ELF, Intel HEX and raw images. */
#include "harness/explore/spec/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct explore_image image;
    struct error error = {0};
    if (explore_image_parse(&image, "fuzz", data, len, &error) == 0)
        explore_image_release(&image);
    return 0;
}

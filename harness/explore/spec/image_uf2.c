/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/image_formats.h"

#include <string.h>

#define BLOCK 512u
#define PAYLOAD_MAX 476u
#define MAGIC_START0 0x0a324655u
#define MAGIC_START1 0x9e5d5157u
#define MAGIC_END 0x0ab16f30u
enum { NOT_MAIN_FLASH = 0x1, FILE_CONTAINER = 0x1000, FAMILY_PRESENT = 0x2000 };

static uint32_t word(const uint8_t *block, unsigned n)
{
    uint32_t value;
    memcpy(&value, block + 4 * n, 4);
    return value;
}

bool image_is_uf2(const uint8_t *data, size_t len)
{
    return len >= BLOCK && word(data, 0) == MAGIC_START0 && word(data, 1) == MAGIC_START1;
}

static const char *wrong_block(const uint8_t *block, uint32_t number, uint32_t count)
{
    if (word(block, 0) != MAGIC_START0 || word(block, 1) != MAGIC_START1 || word(block, 127) != MAGIC_END)
        return "no UF2 block";
    if (word(block, 2) & FILE_CONTAINER)
        return "a file inside of a container, not flash contents";
    if (word(block, 4) > PAYLOAD_MAX)
        return "more than 476 bytes";
    if (word(block, 5) != number || word(block, 6) != count)
        return "blocks are missing or out of order";
    if (word(block, 4) > UINT32_MAX - word(block, 3))
        return "address wraps around";
    return NULL;
}

/* Files for several chips hold several sequences of blocks, each for a family. */
int image_parse_uf2(struct explore_image *image, const uint8_t *data, size_t len, struct error *error)
{
    uint32_t family = 0, blocks = (uint32_t)(len / BLOCK);
    bool known = false;
    if (len % BLOCK)
        return error_set(error, ERROR_INPUT, "%s: cut off in UF2 block %u", image->path, blocks);
    for (uint32_t i = 0; i < blocks; i++) {
        const uint8_t *block = data + (size_t)i * BLOCK;
        uint32_t its = word(block, 2) & FAMILY_PRESENT ? word(block, 7) : 0;
        if (known && its != family)
            return error_set(error, ERROR_INPUT,
                             "%s: UF2 block %u: for another chip (family 0x%08x) than those before (0x%08x)",
                             image->path, i, its, family);
        const char *wrong = wrong_block(block, i, blocks);
        if (wrong)
            return error_set(error, ERROR_INPUT, "%s: UF2 block %u: %s", image->path, i, wrong);
        family = its;
        known = true;
        if (word(block, 4) && !(word(block, 2) & NOT_MAIN_FLASH))
            image_add(image, word(block, 3), block + 32, word(block, 4), true);
    }
    return 0;
}

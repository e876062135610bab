/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/flash.h"

#include <stdio.h>
#include <string.h>

static int find_write(const struct board *board, const struct image_set *images, const char *name,
                      const char *start, const struct image **image, uint32_t *address, struct error *error)
{
    bool is_start = !strcmp(name, BOARD_START);
    *image = image_find(images, is_start ? start : name);
    if (!*image)
        return error_set(error, ERROR_INPUT, "firmware %s: no image '%s'", images->folder,
                         is_start ? start : name);
    return board_where(board, name, address)
               ? 0
               : error_set(error, ERROR_INPUT, "%s: $.initial: '%s' has no place", board->path, name);
}

int flash_check(const struct board *board, const struct image_set *images, const char *start,
                struct error *error)
{
    const struct image *image;
    uint32_t address;
    for (char **name = board->initial; name && *name; name++)
        if (find_write(board, images, *name, start, &image, &address, error))
            return -1;
    return 0;
}

int flash_board(struct by_hand *hand, const struct board *board, const struct image_set *images,
                const char *start, bool loud, struct error *error)
{
    int failed = by_hand_probe(hand, &(struct probe_job){.verb = PROBE_ERASE_ALL}, error);
    for (char **name = board->initial; name && *name && !failed; name++) {
        const struct image *image;
        uint32_t address;
        failed = find_write(board, images, *name, start, &image, &address, error);
        if (failed)
            break;
        const struct probe_job job = {
            .verb = PROBE_PROGRAM, .path = image->file, .address = address, .blank = true};
        if (loud)
            printf("%s: %s at 0x%x, %zu bytes\n", hand->place->name, image->name, address, image->file_len);
        failed = by_hand_probe(hand, &job, error);
    }
    return failed ? failed : by_hand_probe(hand, &(struct probe_job){.verb = PROBE_RESET_RUN}, error);
}

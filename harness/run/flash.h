/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the initial images of a board through its probe. */
#ifndef OTARIG_RUN_FLASH_H
#define OTARIG_RUN_FLASH_H

#include <stdbool.h>

#include "harness/run/by_hand.h"
#include "harness/board/board.h"
#include "harness/board/image.h"

/* Can it be done? `start` names the application. ERROR_INPUT. Touches nothing. */
int flash_check(const struct board *board, const struct image_set *images, const char *start,
                struct error *error);
/* Erases the whole board, writes and starts it; `loud`: with a line on stdout for each image. The rig is open
 * and powered. Blocks until it is done. */
int flash_board(struct by_hand *hand, const struct board *board, const struct image_set *images,
                const char *start, bool loud, struct error *error);

#endif

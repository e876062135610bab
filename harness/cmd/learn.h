/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records starts of the healthy board at a place: cold ones, warm ones, those with an update and one that
 * goes back. What the console said, with times. */
#ifndef OTARIG_CMD_LEARN_H
#define OTARIG_CMD_LEARN_H

#include "harness/run/by_hand.h"
#include "harness/io/lines.h"
#include "harness/board/align.h"
#include "harness/board/board.h"
#include "harness/board/image.h"

struct learn {
    struct sink sink; /* first member: hears the rig before the hand does */
    struct by_hand *hand;
    const struct board *board;
    const struct image_set *images;
    uint64_t quiet_us, watch_us; /* a start is over after so long without a byte; at the latest */
    struct lines lines;
    uint64_t from_us, heard_us;
    struct align_boot *boots, *now; /* `now` NULL: nothing is recorded */
    size_t count;
    const char *ran; /* name of the image that was put onto the board; NULL: unknown */
    char note[300];  /* why something was left out; "" */
};

/* The rig is open. ERROR_RIG where it or the board does not do what a healthy one does, and then what was
 * recorded so far stays. */
void learn_begin(struct learn *learn, struct by_hand *hand, const struct board *board,
                 const struct image_set *images);
int learn_colds(struct learn *learn, unsigned count, struct error *error);
int learn_warms(struct learn *learn, unsigned count, struct error *error);
int learn_updates(struct learn *learn, unsigned count, struct error *error);
int learn_revert(struct learn *learn, struct error *error);
void learn_end(struct learn *learn);
/* [{start, kind, version, lines: [{ms, text}]}]; the caller frees. */
cJSON *learn_json(const struct learn *learn);

#endif

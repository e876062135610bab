/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a run is, and for how long it will go on: cases run at once, one on each place. */
#ifndef OTARIG_SUPERVISE_PROGRESS_H
#define OTARIG_SUPERVISE_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

struct progress {
    size_t cases, places, over;
    uint64_t over_us;   /* what the cases that are over took, added up */
    uint64_t *begun_us; /* of each case; 0: waits, or is over */
};

struct progress progress_new(size_t cases, size_t places);
void progress_free(struct progress *progress);
void progress_begin(struct progress *progress, size_t index, uint64_t now_us);
/* A case that was not begun may end, too (its worker died): it tells nothing of how long one takes. */
void progress_end(struct progress *progress, size_t index, uint64_t took_us);
/* Until the last one is over, from what those that are over took; UINT64_MAX: none is yet. */
uint64_t progress_left_us(const struct progress *progress, uint64_t now_us);
/* "1 of 13 cases, 6 running, about 52 s left" */
void progress_text(const struct progress *progress, uint64_t now_us, char *text, size_t size);

#endif

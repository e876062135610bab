/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board that fetches by itself has of an image, as its server's answers tell: in one piece or in
 * parts, in any order, broken off and taken up again. */
#ifndef OTARIG_DRIVER_UPDATE_FETCH_H
#define OTARIG_DRIVER_UPDATE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_part {
    int64_t from, to; /* [from, to) */
};
struct fetch {
    char name[65]; /* of the image; another one begins anew */
    int64_t size;
    struct fetch_part *parts; /* with gaps between them */
    size_t count;
    struct fetch_part loose; /* of an answer that was broken off: how much of it arrived is not known yet */
};

/* An answer with the bytes [from, from + len) of the image is over; `whole`: all of it was sent. What one
 * that was broken off has brought is known by where the next one begins: a board that goes on there has what
 * comes before. true: the board has the whole image now. */
bool fetch_add(struct fetch *fetch, const char *name, int64_t size, int64_t from, int64_t len, bool whole);
void fetch_release(struct fetch *fetch); /* it is empty then */

#endif

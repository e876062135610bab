/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs, as a log: each record is four words, and the newest whole one counts. Two pages take turns; a
 * page that is full stays as it is until the other one holds a newer record. */
#ifndef FW_SHELL_RECORDS_H
#define FW_SHELL_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

enum record_state {
    RECORD_CONFIRMED = 1, /* `slot` runs and stays */
    RECORD_PENDING,       /* `slot` is to be tried */
    RECORD_TRIED          /* it has been started once, and nobody has confirmed it */
};

struct record {
    enum record_state state;
    uint32_t slot; /* 0, 1 */
};

struct record record_get(void); /* none: slot 0, confirmed */
void record_put(enum record_state state, uint32_t slot);

#endif

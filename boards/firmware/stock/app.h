/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the stock application. */
#ifndef FW_STOCK_APP_H
#define FW_STOCK_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"

/* images.c */
extern bool images_selftest_passed;
void images_confirm(void);

/* upload.c */
struct smp_chunk;
/* An SMP return code. *match: the image is whole (*done) and has the hash that the client said. */
int upload_put(const struct smp_chunk *chunk, uint32_t *next_off, bool *done, bool *match);
void upload_forget(void);

#endif

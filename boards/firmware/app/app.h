/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the demo application. */
#ifndef FW_APP_H
#define FW_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/smp.h"

/* upload.c */
int upload_put(const struct smp_chunk *chunk, uint32_t *next_off); /* an SMP return code, 0 fine */
void upload_forget(void);
bool upload_selftest(void);
bool upload_underway(void); /* it has begun and is not whole yet */

/* data.c: user data, two pages in turns. */
enum data_state { DATA_OK, DATA_MIGRATED, DATA_NEW, DATA_LOST };
enum data_state data_open(uint32_t *format, uint32_t *print); /* print: what the contents come to */
void data_migrate(void); /* to the format of this build; only when this image is here to stay */

extern bool app_selftest_passed;

#endif

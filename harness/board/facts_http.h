/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source "http" of a board file. */
#ifndef OTARIG_BOARD_FACTS_HTTP_H
#define OTARIG_BOARD_FACTS_HTTP_H

#include "harness/board/facts.h"

int facts_take_http(struct json at, enum fact fact, struct source *source, struct error *error);
void facts_free_http(struct source_http *http); /* NULL is allowed */

#endif

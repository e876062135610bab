/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of objects that were checked before, or that nobody vouches for: result.json, journal lines, what a
 * virtual rack answers. What is absent or of another type reads as what the caller says, so that a report of
 * an odd file is thin, never a crash. (Input files are read through json.h, which says what is wrong.) */
#ifndef OTARIG_BASE_MEMBER_H
#define OTARIG_BASE_MEMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

const char *member_text(const cJSON *object, const char *key); /* "" when absent; borrowed */
const char *member_text_or(const cJSON *object, const char *key, const char *absent);
double member_number(const cJSON *object, const char *key, double absent);
/* `absent` when there is none, or none that an int64_t can hold. */
int64_t member_integer(const cJSON *object, const char *key, int64_t absent);
bool member_true(const cJSON *object, const char *key);
const cJSON *member_list(const cJSON *object, const char *key); /* NULL when it is no array */

#endif

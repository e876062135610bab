/* Members of result.json and of journal lines, read by the reports: what is absent or of another type reads
 * as empty, so that a report of an odd file is thin, never a crash. */
#ifndef OTARIG_REPORTS_MEMBER_H
#define OTARIG_REPORTS_MEMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

const char *member_text(const cJSON *object, const char *key); /* "" when absent; borrowed */
/* `absent` when there is none, or none that an int64_t can hold. */
int64_t member_integer(const cJSON *object, const char *key, int64_t absent);
bool member_true(const cJSON *object, const char *key);
const cJSON *member_list(const cJSON *object, const char *key); /* NULL when it is no array */

#endif

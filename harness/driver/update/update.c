/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all update clients share: names, and the event that ends a job. */
#include <string.h>

#include "harness/driver/driver.h"

const char *update_intent_name(enum update_intent intent)
{
    static const char *const names[UPDATE_INTENTS] = {"state",   "deliver", "activate", "restart",
                                                      "confirm", "ping",    "erase"};
    return names[intent];
}

static const char *const outcomes[UPDATE_OUTCOMES] = {"done",   "refused", "silent",   "link-lost",
                                                      "failed", "rig",     "cancelled"};

const char *update_outcome_name(enum update_outcome outcome)
{
    return outcomes[outcome];
}

enum update_outcome update_outcome_of(const cJSON *fields, bool ok)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(fields, "outcome"));
    for (int i = 0; name && i < UPDATE_OUTCOMES; i++)
        if (!strcmp(name, outcomes[i]))
            return i;
    return ok ? UPDATE_DONE : UPDATE_FAILED;
}

void update_put_end(struct sink *sink, const char *role, enum update_intent intent,
                    enum update_outcome outcome, const char *reason, const char *text, cJSON *fields)
{
    if (!fields)
        fields = cJSON_CreateObject();
    /* what a board answers may have such a member, too */
    cJSON_DeleteItemFromObjectCaseSensitive(fields, "outcome");
    cJSON_AddStringToObject(fields, "outcome", outcomes[outcome]);
    if (outcome != UPDATE_DONE) {
        cJSON_AddStringToObject(fields, "reason", reason);
        cJSON_AddStringToObject(fields, "text", text);
    }
    event_put_full(sink, EVENT_UPDATE, role, outcome == UPDATE_DONE ? "done" : "failed",
                   update_intent_name(intent), EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

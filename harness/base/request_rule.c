/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/request_rule.h"

#include <stdlib.h>

#include "harness/base/mem.h"

const char *const certificate_words[] = {"good",         "expired", "not_yet", "wrong_host",
                                         "unknown_root", "revoked", NULL};
const char *const request_kinds[] = {"poll", "manifest", "artifact", "report", "attributes",
                                     "auth", "cancel",   "other",    NULL};
const char *const spoil_words[] = {"tell",     "stall",       "reset",  "truncate",  "corrupt",     "slow",
                                   "endless",  "swap",        "length", "no_ranges", "whole",       "status",
                                   "redirect", "portal",      "empty",  "stale",     "other_image", "lose",
                                   "double",   "certificate", NULL};

#define BODY_KEYS "do", "from_byte", "percent"
static const char *const *const action_keys[] = {
    [SPOIL_TELL] = (const char *const[]){BODY_KEYS, NULL},
    [SPOIL_STALL] = (const char *const[]){BODY_KEYS, "for_ms", NULL},
    [SPOIL_RESET] = (const char *const[]){BODY_KEYS, NULL},
    [SPOIL_TRUNCATE] = (const char *const[]){BODY_KEYS, NULL},
    [SPOIL_CORRUPT] = (const char *const[]){BODY_KEYS, "every", "seed", NULL},
    [SPOIL_SLOW] = (const char *const[]){BODY_KEYS, "rate", NULL},
    [SPOIL_ENDLESS] = (const char *const[]){BODY_KEYS, "seed", NULL},
    [SPOIL_SWAP] = (const char *const[]){BODY_KEYS, "artifact", NULL},
    [SPOIL_LENGTH] = (const char *const[]){"do", "length", NULL},
    [SPOIL_NO_RANGES] = (const char *const[]){"do", NULL},
    [SPOIL_WHOLE] = (const char *const[]){"do", NULL},
    [SPOIL_STATUS] = (const char *const[]){"do", "status", "retry_after_s", NULL},
    [SPOIL_REDIRECT] = (const char *const[]){"do", "to", NULL},
    [SPOIL_PORTAL] = (const char *const[]){"do", NULL},
    [SPOIL_EMPTY] = (const char *const[]){"do", NULL},
    [SPOIL_STALE] = (const char *const[]){"do", NULL},
    [SPOIL_OTHER_IMAGE] = (const char *const[]){"do", "artifact", NULL},
    [SPOIL_LOSE] = (const char *const[]){"do", NULL},
    [SPOIL_DOUBLE] = (const char *const[]){"do", NULL},
    [SPOIL_CERTIFICATE] = (const char *const[]){"do", "certificate", NULL},
};

static int take_text(struct json at, const char *key, bool required, char **out, struct error *error)
{
    const char *text;
    if (!required && !json_present(json_get(at, key)))
        return 0;
    if (json_string(json_get(at, key), &text, error))
        return -1;
    *out = mem_string(text);
    return 0;
}

static int take_number(struct json at, const char *key, int64_t low, int64_t high, int64_t *out,
                       struct error *error)
{
    struct json member = json_get(at, key);
    return json_present(member) ? json_integer(member, low, high, out, error) : 0;
}

int request_rule_parse_on(struct json at, const char *const *also, struct request_rule *rule,
                          struct error *error)
{
    const char *keys[24] = {"request", "path", "device", "method", "count"};
    for (size_t n = 5; also && *also && n < 23; also++)
        keys[n++] = *also;
    if (!json_present(at))
        return 0;
    if (json_object(at, error) || json_check_keys(at, keys, error) ||
        take_text(at, "path", false, &rule->path, error) ||
        take_text(at, "device", false, &rule->device, error) ||
        take_text(at, "method", false, &rule->method, error) ||
        take_number(at, "count", 1, 1000000, &rule->count, error))
        return -1;
    return json_present(json_get(at, "request"))
               ? json_choice(json_get(at, "request"), request_kinds, &rule->kind, error)
               : 0;
}

static int parse_action(struct json at, struct request_rule *rule, struct error *error)
{
    int mode = 0;
    int64_t seed = 1;
    if (json_object(at, error) || json_choice(json_get(at, "do"), spoil_words, &mode, error) ||
        json_check_keys(at, action_keys[mode], error))
        return -1;
    rule->mode = mode;
    if (take_number(at, "from_byte", 0, INT64_C(1) << 40, &rule->from_byte, error) ||
        take_number(at, "percent", 0, 100, &rule->from_percent, error) ||
        take_number(at, "for_ms", 1, 86400000, &rule->for_ms, error) ||
        take_number(at, "rate", 1, 1000000000, &rule->rate, error) ||
        take_number(at, "every", 1, 1000000000, &rule->every, error) ||
        take_number(at, "seed", 0, INT64_C(1) << 52, &seed, error) ||
        take_number(at, "length", 0, INT64_C(1) << 50, &rule->length, error) ||
        take_number(at, "status", 400, 599, &rule->status, error) ||
        take_number(at, "retry_after_s", 0, 86400, &rule->retry_s, error) ||
        take_text(at, "to", mode == SPOIL_REDIRECT, &rule->to, error) ||
        take_text(at, "artifact", mode == SPOIL_OTHER_IMAGE, &rule->artifact, error))
        return -1;
    rule->seed = (uint64_t)seed;
    if (rule->from_percent >= 0 && json_present(json_get(at, "from_byte")))
        return json_expected(at, error, "one of 'from_byte' and 'percent'");
    if (mode == SPOIL_LENGTH && rule->length < 0)
        return json_expected(json_get(at, "length"), error, "a number of bytes");
    return mode == SPOIL_CERTIFICATE
               ? json_choice(json_get(at, "certificate"), certificate_words, &rule->certificate, error)
               : 0;
}

int request_rule_parse(struct json on, struct json times, struct json action, struct request_rule *rule,
                       struct error *error)
{
    *rule = (struct request_rule){.kind = -1,
                                  .count = 1,
                                  .times = 1,
                                  .from_percent = -1,
                                  .rate = 1000,
                                  .every = 97,
                                  .length = -1,
                                  .status = 503,
                                  .retry_s = -1};
    if (json_present(times) && json_integer(times, 0, 1000000, &rule->times, error))
        return -1;
    return request_rule_parse_on(on, NULL, rule, error) || parse_action(action, rule, error) ? -1 : 0;
}

void request_rule_release(struct request_rule *rule)
{
    free(rule->path);
    free(rule->device);
    free(rule->method);
    free(rule->to);
    free(rule->artifact);
    *rule = (struct request_rule){0};
}

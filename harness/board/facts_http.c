/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/facts_http.h"

#include <stdlib.h>

#include "harness/base/json_pointer.h"
#include "harness/base/mem.h"
#include "harness/base/option.h"
#include "harness/base/secret.h"
#include "harness/base/url.h"

#define TEXT(member, text, must, like, want)                                                                 \
    {                                                                                                        \
        .name = #member, .help = text, .type = OPTION_STRING,                                                \
        .offset = offsetof(struct source_http, member), .required = must, .pattern = like, .wanted = want    \
    }
#define POINTER(member, text) TEXT(member, text, false, JSON_POINTER_PATTERN, JSON_POINTER_WANTED)

static const struct option_spec options[] = {
    TEXT(url, "what is asked for; {place}: the name of the place", true, HTTP_URL, HTTP_URL_WANTED),
    TEXT(user, "who we are", false, NULL, NULL),
    TEXT(password_from, "where the password is", false, SECRET_PATTERN, SECRET_WANTED),
    TEXT(token_from, "where a bearer token is", false, SECRET_PATTERN, SECRET_WANTED),
    TEXT(ca_file, "certificates to trust", false, NULL, NULL),
    POINTER(version, "of the image that runs"),
    POINTER(hash, "of the image that runs"),
    POINTER(confirmed, "whether it is to stay"),
    POINTER(state, "of the data"),
    POINTER(print, "of the data"),
    POINTER(report, "what it says of its last update"),
    POINTER(boot_id, "another one in each life of the board"),
    POINTER(value, "what is compared with \"equals\""),
    TEXT(equals, "what \"value\" is when the fact holds", false, NULL, NULL),
    {.name = "verify",
     .help = "its certificate is verified",
     .type = OPTION_BOOL,
     .offset = offsetof(struct source_http, verify),
     .standard = "true"},
    {.name = "within_ms",
     .help = "it has so long",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct source_http, within_ms),
     .standard = "2000",
     .low = 1,
     .high = 600000},
    {0},
};

static const char *const value[] = {"value", NULL}, *const equals[] = {"equals", NULL};
static const struct option_rule rules[] = {
    HTTP_WHO_RULES,
    {OPTION_NEEDS, value, "equals", NULL, "both \"value\" and \"equals\""},
    {OPTION_NEEDS, equals, "value", NULL, "both \"value\" and \"equals\""},
    {0}};

/* What an answer has to tell for the fact; NULL: that it comes is enough. */
static const char *lacks(enum fact fact, const struct source_http *http)
{
    if (fact == FACT_IMAGE && !http->version && !http->hash)
        return "\"version\" or \"hash\", where it is told";
    if (fact == FACT_CONFIRMED && !http->confirmed && !http->value)
        return "\"confirmed\", where it is told, or \"value\" and \"equals\"";
    if (fact == FACT_DATA && !http->state && !http->print)
        return "\"state\" or \"print\", where it is told";
    if (fact == FACT_REPORT && !http->report)
        return "\"report\", where it is told";
    if (fact == FACT_COLD && !http->boot_id && !http->value)
        return "\"boot_id\", where it is told, or \"value\" and \"equals\"";
    return NULL;
}

int facts_take_http(struct json at, enum fact fact, struct source *source, struct error *error)
{
    static const char *const also[] = {"from", "comment", NULL};
    source->http = mem_alloc(sizeof *source->http);
    if (option_parse(options, at, also, source->http, sizeof *source->http, error) ||
        option_hold_rules(rules, at, error))
        return -1;
    const char *wanted = lacks(fact, source->http);
    if (wanted)
        return json_expected(at, error, "%s", wanted);
    source->within_us = source->http->within_ms * 1000;
    if (source->http->equals)
        source->equals = mem_string(source->http->equals);
    return 0;
}

void facts_free_http(struct source_http *http)
{
    if (!http)
        return;
    option_release(options, http);
    free(http);
}

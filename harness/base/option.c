/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/option.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/pattern.h"
#include "harness/base/surroundings.h"
#include "harness/base/take.h"

static void *field(void *config, const struct option_spec *spec)
{
    return (char *)config + spec->offset;
}

/* What the text should have been; NULL: it is. */
static const char *unlike(const struct option_spec *spec, const char *text)
{
    char why[200];
    if (!spec->pattern)
        return NULL;
    void *pattern = pattern_compile(spec->pattern, why, sizeof why);
    bool matches = pattern && pattern_matches(pattern, text, strlen(text));
    pattern_free(pattern);
    return matches ? NULL : spec->wanted;
}

static int read_strings(const struct option_spec *spec, struct json at, char ***out, struct error *error)
{
    bool program = spec->type == OPTION_PROGRAM;
    if (json_array(at, error))
        return -1;
    if (program && !json_count(at))
        return json_expected(at, error, "a program and its arguments");
    *out = mem_array(json_count(at) + 1, sizeof **out);
    for (size_t i = 0; i < json_count(at); i++) {
        const char *text;
        if (json_string(json_at(at, i), &text, error))
            return -1;
        if (program && !i && !text[0])
            return json_expected(json_at(at, i), error, "a program");
        if (unlike(spec, text))
            return json_expected(json_at(at, i), error, "%s", spec->wanted);
        (*out)[i] = mem_string(text);
    }
    return 0;
}

static int read_text(const struct option_spec *spec, struct json at, char **out, struct error *error)
{
    const char *text;
    if (json_string(at, &text, error))
        return -1;
    const char *wanted = !text[0] ? "a text that is not empty" : unlike(spec, text);
    if (wanted)
        return json_expected(at, error, "%s", wanted);
    *out = mem_string(text);
    return 0;
}

static int read_number(const struct option_spec *spec, struct json at, int64_t *out, struct error *error)
{
    int64_t low = spec->low, high = spec->high;
    if (!low && !high)
        low = -(INT64_C(1) << 53), high = INT64_C(1) << 53;
    if (spec->or_zero && cJSON_IsNumber(at.node) && at.node->valuedouble == 0) {
        *out = 0;
        return 0;
    }
    return (spec->type == OPTION_WORD ? json_word : json_integer)(at, low, high, out, error);
}

static int read_name(struct json at, char **out, struct error *error)
{
    const char *text;
    if (json_string(at, &text, error))
        return -1;
    if (!take_is_name(text))
        return json_expected(at, error, "%s", TAKE_NAME_WANTED);
    *out = mem_string(text);
    return 0;
}

static int read_value(const struct option_spec *spec, struct json at, struct json object, void *config,
                      struct error *error)
{
    switch (spec->type) {
    case OPTION_STRING:
        return read_text(spec, at, field(config, spec), error);
    case OPTION_INTEGER:
    case OPTION_WORD:
        return read_number(spec, at, field(config, spec), error);
    case OPTION_BOOL:
        return json_bool(at, field(config, spec), error);
    case OPTION_CHOICE:
        return json_choice(at, spec->choices, field(config, spec), error);
    case OPTION_STRINGS:
    case OPTION_PROGRAM:
        return read_strings(spec, at, field(config, spec), error);
    case OPTION_NAME:
        return read_name(at, field(config, spec), error);
    case OPTION_COMMENT:
        return take_comment(object, error);
    case OPTION_VERSION:
        return take_version(object, spec->low, error);
    case OPTION_BELOW:
        return 0;
    }
    return -1;
}

static void set_standard(const struct option_spec *spec, void *config)
{
    if (!spec->standard)
        return;
    switch (spec->type) {
    case OPTION_STRING:
        *(char **)field(config, spec) = mem_string(spec->standard);
        break;
    case OPTION_INTEGER:
    case OPTION_WORD:
        *(int64_t *)field(config, spec) = strtoll(spec->standard, NULL, 0);
        break;
    case OPTION_BOOL:
        *(bool *)field(config, spec) = !strcmp(spec->standard, "true");
        break;
    case OPTION_CHOICE:
        for (int i = 0; spec->choices[i]; i++)
            if (!strcmp(spec->choices[i], spec->standard))
                *(int *)field(config, spec) = i;
        break;
    case OPTION_STRINGS:
    case OPTION_PROGRAM:
    case OPTION_NAME:
    case OPTION_COMMENT:
    case OPTION_VERSION:
    case OPTION_BELOW:
        break;
    }
}

static int check_keys(const struct option_spec *table, struct json object, const char *const *also,
                      struct error *error)
{
    const char *known[64];
    size_t count = 0;
    for (size_t i = 0; also && also[i] && count < 63; i++)
        known[count++] = also[i];
    for (size_t i = 0; table && table[i].name && count < 63; i++)
        known[count++] = table[i].name;
    known[count] = NULL;
    return json_check_keys(object, known, error);
}

/* A rack file says what is run. That of a stranger is read before it is used, not run because it lay there.
 */
int option_may_run(struct json at, struct error *error)
{
    if (!at.document->foreign || surroundings_may_run())
        return 0;
    return error_set(
        error, ERROR_INPUT,
        "%s: %s: this is run: expected a file that belongs to you or to root and that nobody else "
        "can write, or --allow-exec",
        at.document->name, at.path);
}

int option_parse(const struct option_spec *table, struct json object, const char *const *also, void *config,
                 size_t size, struct error *error)
{
    memset(config, 0, size);
    if (json_object(object, error) || check_keys(table, object, also, error))
        return -1;
    for (const struct option_spec *spec = table; spec && spec->name; spec++) {
        struct json at = json_get(object, spec->name);
        if (!json_present(at) && spec->required)
            return json_expected(at, error, "%s (required)", spec->help);
        if (json_present(at) && spec->runs && option_may_run(at, error))
            return -1;
        if (!json_present(at))
            set_standard(spec, config);
        else if (read_value(spec, at, object, config, error))
            return -1;
    }
    return 0;
}

/* Is the option there and as the rule says? A choice is compared as text, a bool as "true". */
static bool is_as_said(const struct option_rule *rule, struct json object)
{
    struct json at = json_get(object, rule->when);
    return cJSON_IsString(at.node) ? !strcmp(at.node->valuestring, rule->is)
                                   : cJSON_IsTrue(at.node) && !strcmp(rule->is, "true");
}

/* `present` of the rule's `count` names are there. */
static bool rule_holds(const struct option_rule *rule, struct json object, size_t present, size_t count)
{
    switch (rule->kind) {
    case OPTION_ANY_OF:
        return present;
    case OPTION_ONE_OF:
        return present == 1;
    case OPTION_NEEDS:
        return !present || json_present(json_get(object, rule->when));
    case OPTION_NOT_WITH:
        return !present || !json_present(json_get(object, rule->when));
    case OPTION_ONLY_WHERE:
        return !present || is_as_said(rule, object);
    case OPTION_EXACTLY_WHERE:
        return is_as_said(rule, object) ? present == count : !present;
    }
    return false;
}

int option_hold_rules(const struct option_rule *rules, struct json object, struct error *error)
{
    for (const struct option_rule *rule = rules; rule && rule->kind; rule++) {
        size_t present = 0, count = 0;
        for (; rule->names[count]; count++)
            present += json_present(json_get(object, rule->names[count]));
        if (!rule_holds(rule, object, present, count))
            return json_expected(object, error, "%s", rule->wanted);
    }
    return 0;
}

void option_release(const struct option_spec *table, void *config)
{
    for (const struct option_spec *spec = table; spec && spec->name; spec++) {
        if (spec->type == OPTION_STRING || spec->type == OPTION_NAME)
            free(*(char **)field(config, spec));
        bool is_list = spec->type == OPTION_STRINGS || spec->type == OPTION_PROGRAM;
        char **list = is_list ? *(char ***)field(config, spec) : NULL;
        for (char **text = list; text && *text; text++)
            free(*text);
        free(list);
    }
}

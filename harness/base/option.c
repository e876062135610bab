/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/option.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

static void *field(void *config, const struct option_spec *spec)
{
    return (char *)config + spec->offset;
}

static int read_strings(struct json at, bool program, char ***out, struct error *error)
{
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
        (*out)[i] = mem_string(text);
    }
    return 0;
}

static int read_text(const struct option_spec *spec, struct json at, char **out, struct error *error)
{
    const char *text;
    if (json_string(at, &text, error))
        return -1;
    const char *wanted = !text[0] ? "a text that is not empty" : spec->check ? spec->check(text) : NULL;
    if (wanted)
        return json_expected(at, error, "%s", wanted);
    *out = mem_string(text);
    return 0;
}

static int read_value(const struct option_spec *spec, struct json at, void *config, struct error *error)
{
    int64_t low = spec->low, high = spec->high;
    switch (spec->type) {
    case OPTION_STRING:
        return read_text(spec, at, field(config, spec), error);
    case OPTION_INTEGER:
    case OPTION_WORD:
        if (!low && !high)
            low = -(INT64_C(1) << 53), high = INT64_C(1) << 53;
        return (spec->type == OPTION_WORD ? json_word : json_integer)(at, low, high, field(config, spec),
                                                                      error);
    case OPTION_BOOL:
        return json_bool(at, field(config, spec), error);
    case OPTION_CHOICE:
        return json_choice(at, spec->choices, field(config, spec), error);
    case OPTION_STRINGS:
    case OPTION_PROGRAM:
        return read_strings(at, spec->type == OPTION_PROGRAM, field(config, spec), error);
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
        else if (read_value(spec, at, config, error))
            return -1;
    }
    return 0;
}

void option_release(const struct option_spec *table, void *config)
{
    for (const struct option_spec *spec = table; spec && spec->name; spec++) {
        if (spec->type == OPTION_STRING)
            free(*(char **)field(config, spec));
        bool is_list = spec->type == OPTION_STRINGS || spec->type == OPTION_PROGRAM;
        char **list = is_list ? *(char ***)field(config, spec) : NULL;
        for (char **text = list; text && *text; text++)
            free(*text);
        free(list);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/spec_loader.h"

#include <string.h>

#include "harness/base/mem.h"

#define MS UINT64_C(1000000)

int spec_parse_end(struct spec_loader *loader, struct json at)
{
    static const char *const keys[] = {"exec", "mark", "quiet_ms", "total_ms", "resets", "comment", NULL};
    struct spec *spec = loader->spec;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error))
        return -1;
    struct json exec = json_get(at, "exec"), mark = json_get(at, "mark");
    if (json_present(exec) && json_array(exec, loader->error))
        return -1;
    spec->exec = mem_array(json_count(exec) + 1, sizeof *spec->exec);
    for (size_t i = 0; i < json_count(exec); i++)
        if (spec_take_region(loader, json_at(exec, i), &spec->exec[spec->exec_count++]))
            return -1;
    if (json_present(mark) && spec_take_pattern(loader, mark, &spec->end_pattern))
        return -1;
    if (spec_take_ns(loader, at, "quiet_ms", 8000, &spec->quiet_ns) ||
        spec_take_ns(loader, at, "total_ms", 120000, &spec->total_ns) ||
        spec_take_count(loader, at, "resets", 4, &spec->resets))
        return -1;
    if (json_present(json_get(at, "quiet_ms")) && spec->quiet_ns > spec->total_ns)
        return json_expected(json_get(at, "quiet_ms"), loader->error,
                             "at most total_ms, %u: else no boot is ever quiet",
                             (unsigned)(spec->total_ns / MS));
    return 0;
}

int spec_parse_watchdog(struct spec_loader *loader, struct json at)
{
    static const char *const keys[] = {"timeout_ms", "pin", "comment", NULL};
    struct json pin = json_get(at, "pin");
    int64_t ms, number = -1;
    loader->spec->watchdog.pin = -1;
    if (!json_present(at))
        return 0;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
        json_integer(json_get(at, "timeout_ms"), 1, 24 * 3600 * 1000, &ms, loader->error) ||
        (json_present(pin) && json_integer(pin, 0, 255, &number, loader->error)))
        return -1;
    loader->spec->watchdog.timeout_ns = (uint64_t)ms * MS;
    loader->spec->watchdog.pin = (int)number;
    return 0;
}

static int take_regions(struct spec_loader *loader, struct json at, struct spec_region **out, size_t *count)
{
    if (!json_present(at))
        return 0;
    if (json_array(at, loader->error))
        return -1;
    *out = mem_array(json_count(at) + 1, sizeof **out);
    for (size_t i = 0; i < json_count(at); i++)
        if (spec_take_nvm_region(loader, json_at(at, i), &(*out)[(*count)++]))
            return -1;
    return 0;
}

int spec_parse_cuts(struct spec_loader *loader, struct json at)
{
    static const char *const keys[] = {"trailers", "rot", "from", "comment", NULL};
    struct spec *spec = loader->spec;
    if (!json_present(at))
        return 0;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error))
        return -1;
    struct json from = json_get(at, "from");
    spec->trailers_given = json_present(json_get(at, "trailers"));
    if (take_regions(loader, json_get(at, "trailers"), &spec->trailers, &spec->trailer_count) ||
        take_regions(loader, json_get(at, json_present(json_get(at, "rot")) ? "rot" : "trailers"), &spec->rot,
                     &spec->rot_count))
        return -1;
    return json_present(from) ? spec_take_pattern(loader, from, &spec->cut_from) : 0;
}

static int parse_stimulus(struct spec_loader *loader, struct json at, struct stimulus *stimulus)
{
    static const char *const keys[] = {"at_ms", "mark", "text", "bytes", "port", "comment", NULL};
    const char *text;
    if (json_object(at, loader->error) || json_check_keys(at, keys, loader->error) ||
        spec_take_count(loader, at, "port", 0, &stimulus->port))
        return -1;
    struct json mark = json_get(at, "mark"), when = json_get(at, "at_ms");
    int64_t ms = 0;
    if (json_present(mark) && spec_take_pattern(loader, mark, &stimulus->pattern))
        return -1;
    if (json_present(mark) && !json_string(mark, &text, loader->error))
        stimulus->mark = mem_string(text);
    if ((json_present(when) || !json_present(mark)) &&
        json_integer(when, 0, 24 * 3600 * 1000, &ms, loader->error))
        return -1;
    stimulus->after_ns = (uint64_t)ms * MS;
    if (json_present(json_get(at, "bytes")))
        return spec_take_hex(loader, json_get(at, "bytes"), &stimulus->data, &stimulus->len);
    if (json_string(json_get(at, "text"), &text, loader->error))
        return -1;
    stimulus->len = strlen(text);
    stimulus->data = mem_copy(text, stimulus->len + 1);
    return 0;
}

int spec_parse_input(struct spec_loader *loader, struct json at, struct input *input)
{
    if (!json_present(at))
        return 0;
    if (json_array(at, loader->error))
        return -1;
    if (json_count(at) > INPUT_MAX)
        return json_expected(at, loader->error, "at most %d entries", INPUT_MAX);
    for (size_t i = 0; i < json_count(at); i++)
        if (parse_stimulus(loader, json_at(at, i), &input->items[input->count++]))
            return -1;
    return 0;
}

int spec_take_input(struct spec_loader *loader, struct json object, struct input **out)
{
    struct json at = json_get(object, "input");
    if (!json_present(at))
        return 0;
    *out = mem_alloc(sizeof **out);
    return spec_parse_input(loader, at, *out);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/validate_explore.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/cmd/cmd.h"
#include "harness/explore/spec/spec.h"
#include "harness/base/surroundings.h"

static int check_failures(struct json failures, struct error *error)
{
    const char *text;
    int class;
    if (json_array(failures, error))
        return -1;
    for (size_t i = 0; i < json_count(failures); i++) {
        struct json at = json_at(failures, i);
        if (json_object(at, error) || json_string(json_get(at, "id"), &text, error) ||
            json_choice(json_get(at, "class"), explore_class_names + 1, &class, error) ||
            json_array(json_get(at, "cuts"), error))
            return -1;
    }
    return 0;
}

int validate_explore_result(const char *path, struct json root, struct error *error)
{
    static const char *const counts[] = {"operations", "states", "bad_states", "depth", "workers", NULL};
    struct json summary = json_get(root, "summary"), depths = json_get(root, "depths");
    const char *scenario, *board;
    int64_t number, states = 0;
    bool fixpoint;
    if (json_integer(json_get(root, "schema_version"), 1, 1, &number, error) ||
        json_string(json_get(root, "scenario"), &scenario, error) ||
        json_string(json_get(root, "board"), &board, error) || json_object(summary, error) ||
        json_bool(json_get(summary, "fixpoint"), &fixpoint, error) || json_array(depths, error))
        return -1;
    for (size_t i = 0; counts[i]; i++)
        if (json_integer(json_get(summary, counts[i]), 0, INT64_C(1) << 53, i == 1 ? &states : &number,
                         error))
            return -1;
    for (size_t i = 0; i < json_count(depths); i++)
        if (json_integer(json_get(json_at(depths, i), "new_states"), 0, states, &number, error))
            return -1;
    if (check_failures(json_get(root, "failures"), error))
        return -1;
    printf("%s: exploration of '%s' on %s, %lld states, %zu classes of failure\n", path, scenario, board,
           (long long)states, json_count(json_get(root, "failures")));
    return 0;
}

int validate_explore_scenario(const char *path, const char *board, const char *firmware, struct json root,
                              struct error *error)
{
    struct spec spec;
    char *demo = firmware ? NULL : surroundings_firmware();
    const struct spec_folders folders = {.firmware = firmware, .standard = demo};
    int result = -1;
    if (!board)
        json_expected(json_get(root, "kind"), error, "--board BOARD beside an exploration");
    else
        result = spec_load(&spec, path, board, &folders, error);
    if (!result) {
        printf("%s: exploration '%s' on %s\n", path, spec.name, spec.board);
        spec_release(&spec);
    }
    free(demo);
    return result;
}

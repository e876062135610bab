/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a scenario file: its variations are listed and each of the first cases is filled in and parsed.
 */
#include <stdlib.h>

#include "harness/plan/scenario.h"
#include "harness/plan/variation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void one_case(const struct json_document *document, const struct variation *variation)
{
    struct error error = {0};
    struct scenario scenario;
    cJSON *tree = NULL;
    if (variation_apply(json_root(document), variation->values, &tree, &error))
        return;
    struct json_document filled = {.name = document->name, .root = tree};
    if (!scenario_parse(json_root(&filled), &scenario, &error)) {
        /* what was accepted must keep its promises */
        for (size_t i = 0; i < scenario.step_count; i++)
            if (scenario.steps[i].fault && !scenario_fault(&scenario, scenario.steps[i].fault))
                abort();
        if (!scenario.clauses[0] || !scenario.expect.runs || !scenario.start)
            abort();
        scenario_release(&scenario);
    } else if (error.kind != ERROR_INPUT || !error.text[0]) {
        abort();
    }
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct error error = {0};
    struct json_document document;
    struct variations variations;
    if (json_parse(&document, "fuzz", (const char *)data, len, &error))
        return 0;
    if (!variation_list(json_root(&document), "fuzz", NULL, 1, &variations, &error)) {
        for (size_t i = 0; i < variations.count && i < 4; i++)
            one_case(&document, &variations.list[i]);
        variation_release(&variations);
    }
    json_close(&document);
    return 0;
}

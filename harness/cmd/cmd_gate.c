/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig gate: do these runs show what a release needs? */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/trust.h"
#include "harness/gate/gate.h"
#include "reports/result.h"

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_run(const char *folder)
{
    char *path = mem_printf("%s/result.json", folder);
    bool is = !access(path, F_OK);
    free(path);
    return is;
}

/* A folder of a run, or one of such folders (what `run --out` names): appends the runs, by name. */
static int find_runs(const char *folder, cJSON *runs, struct error *error)
{
    struct dirent **entries;
    int before = cJSON_GetArraySize(runs);
    if (is_run(folder)) {
        cJSON_AddItemToArray(runs, cJSON_CreateString(folder));
        return 0;
    }
    int count = scandir(folder, &entries, is_shown, alphasort);
    for (int i = 0; i < count; i++) {
        char *inner = mem_printf("%s/%s", folder, entries[i]->d_name);
        if (is_run(inner))
            cJSON_AddItemToArray(runs, cJSON_CreateString(inner));
        free(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return cJSON_GetArraySize(runs) > before
               ? 0
               : error_set(error, ERROR_INPUT,
                           "%s: expected the folder of a run, or a folder of such, found no "
                           "result.json in it",
                           folder);
}

/* A run may hold one campaign. */
static cJSON *campaigns_of(const char *folder)
{
    struct json_document document;
    cJSON *list = cJSON_CreateArray();
    char *path = mem_printf("%s/campaign.json", folder);
    if (!access(path, F_OK) && !json_load(&document, path, NULL)) {
        cJSON_AddItemToArray(list, document.root);
        document.root = NULL;
        json_close(&document);
    }
    free(path);
    return list;
}

static int add_run(struct gate *gate, const char *folder, struct error *error)
{
    char *path = mem_printf("%s/result.json", folder);
    cJSON *result = result_read(path, error);
    free(path);
    if (!result)
        return -1;
    /* what a campaign says rests on all of its cases */
    cJSON *campaigns = trust_result(result, folder) ? NULL : campaigns_of(folder);
    gate_add(gate, folder, result, campaigns);
    cJSON_Delete(campaigns);
    cJSON_Delete(result);
    return 0;
}

static void print_json(const struct gate *gate, FILE *out)
{
    cJSON *root = gate_json(gate);
    char *text = cJSON_Print(root);
    fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static const struct {
    const char *name;
    void (*print)(const struct gate *gate, FILE *out);
} formats[] = {{"text", gate_text}, {"markdown", gate_markdown}, {"json", print_json}};

static int judge(const struct policy *policy, const cJSON *runs, size_t format, struct error *error)
{
    static const int codes[] = {[GATE_MET] = 0, [GATE_OPEN] = 4, [GATE_FAILED] = 1};
    struct gate gate;
    const cJSON *run;
    gate_begin(&gate, policy, (int64_t)time(NULL));
    cJSON_ArrayForEach(run, runs) if (add_run(&gate, run->valuestring, error))
    {
        gate_end(&gate);
        return error_print(error);
    }
    gate_judge(&gate);
    formats[format].print(&gate, stdout);
    int code = codes[gate_state(&gate)];
    gate_end(&gate);
    return code;
}

int cmd_gate(int argc, char **argv)
{
    const char *wanted = "text";
    const struct argument table[] = {{"format", "FORMAT",
                                      "text, markdown (for the page of a CI job) or json (default: text)",
                                      ARGUMENT_TEXT, .to = &wanted},
                                     {0}};
    const struct arguments arguments = {
        "gate",
        "usage: otarig gate POLICY RUN... [--format FORMAT]\nSays whether runs show what a release needs: a "
        "policy "
        "file names scenarios, boards,\nfirmware, age, and builds that must fail. RUN is the folder of a "
        "run, or a "
        "folder of\nsuch. Journals are judged again first.\n",
        "Exit: 0 all is shown, 1 a case fails, 2 bad input, 4 something is not shown.\n", table};
    struct policy policy;
    struct error error = {0};
    size_t format = 0;
    int code, first;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (argc - first < 2)
        return arguments_wrong("gate", "expected a policy and at least one run, found %d argument%s",
                               argc - first, argc - first == 1 ? "" : "s");
    while (format < sizeof formats / sizeof *formats && strcmp(formats[format].name, wanted))
        format++;
    if (format == sizeof formats / sizeof *formats)
        return arguments_wrong("gate", "--format: expected text, markdown or json, found '%s'", wanted);
    if (policy_load(argv[first], &policy, &error))
        return error_print(&error);
    cJSON *runs = cJSON_CreateArray();
    int failed = 0;
    for (int i = first + 1; i < argc && !failed; i++) {
        cmd_trim(argv[i]);
        failed = find_runs(argv[i], runs, &error);
    }
    code = failed ? error_print(&error) : judge(&policy, runs, format, &error);
    cJSON_Delete(runs);
    policy_release(&policy);
    return code;
}

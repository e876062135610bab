/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/base/output.h"
#include "harness/base/member.h"

static const char *const counters[] = {"pass", "fail", "inconclusive", "rig_error"};

cJSON *result_new(const char *run_id, const char *command, uint64_t seed)
{
    char stamp[40], host[128] = "";
    time_t now = clock_wall_s();
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    gethostname(host, sizeof host - 1);
    cJSON *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "schema_version", RESULT_SCHEMA_VERSION);
    cJSON *run = cJSON_AddObjectToObject(result, "run");
    cJSON_AddStringToObject(run, "id", run_id);
    cJSON_AddStringToObject(run, "started", stamp);
    cJSON_AddStringToObject(run, "otarig_version", OTARIG_VERSION);
    cJSON_AddStringToObject(run, "command", command);
    cJSON_AddStringToObject(run, "host", host);
    cJSON_AddNumberToObject(run, "seed", (double)seed);
    cJSON_AddArrayToObject(result, "boards");
    cJSON_AddNullToObject(result, "firmware");
    cJSON_AddObjectToObject(result, "images");
    cJSON *summary = cJSON_AddObjectToObject(result, "summary");
    cJSON_AddNumberToObject(summary, "cases", 0);
    for (size_t i = 0; i < 4; i++)
        cJSON_AddNumberToObject(summary, counters[i], 0);
    cJSON_AddArrayToObject(result, "cases");
    return result;
}

void result_plan(cJSON *result, size_t cases)
{
    cJSON_AddNumberToObject(cJSON_GetObjectItem(result, "run"), "cases_planned", (double)cases);
}

void result_skip(cJSON *result, const char *id, const char *scenario_file, char *const *reasons)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(result, "skipped");
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "id", id);
    cJSON_AddStringToObject(one, "scenario_file", scenario_file);
    cJSON *why = cJSON_AddArrayToObject(one, "reasons");
    for (; *reasons; reasons++)
        cJSON_AddItemToArray(why, cJSON_CreateString(*reasons));
    cJSON_AddItemToArray(list ? list : cJSON_AddArrayToObject(result, "skipped"), one);
}

size_t result_missing(const cJSON *result)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run");
    int planned = (int)member_integer(run, "cases_planned", 0);
    int there = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(result, "cases"));
    return planned > there ? (size_t)(planned - there) : 0;
}

static void take_over(cJSON *result, const cJSON *fields)
{
    const cJSON *board = cJSON_GetObjectItem(fields, "board"),
                *firmware = cJSON_GetObjectItem(fields, "firmware");
    const cJSON *images = cJSON_GetObjectItem(fields, "images"), *known;
    cJSON *boards = cJSON_GetObjectItem(result, "boards");
    bool listed = false;
    cJSON_ArrayForEach(known, boards) listed |= cJSON_Compare(known, board, true);
    if (board && !listed)
        cJSON_AddItemToArray(boards, cJSON_Duplicate(board, true));
    if (firmware)
        cJSON_ReplaceItemInObject(result, "firmware", cJSON_Duplicate(firmware, true));
    if (images)
        cJSON_ReplaceItemInObject(result, "images", cJSON_Duplicate(images, true));
}

void result_count(cJSON *result)
{
    const cJSON *one, *cases = cJSON_GetObjectItem(result, "cases");
    cJSON *summary = cJSON_GetObjectItem(result, "summary");
    int counts[4] = {0};
    cJSON_ArrayForEach(one, cases)
    {
        const cJSON *verdict = cJSON_GetObjectItem(one, "verdict");
        for (int i = 0; i < 4 && verdict; i++)
            counts[i] += !strcmp(verdict->valuestring, verdict_kind_name((enum verdict_kind)i));
    }
    cJSON_SetNumberValue(cJSON_GetObjectItem(summary, "cases"), cJSON_GetArraySize(cases));
    for (int i = 0; i < 4; i++)
        cJSON_SetNumberValue(cJSON_GetObjectItem(summary, counters[i]), counts[i]);
}

static int index_of(const cJSON *cases, const char *id)
{
    const cJSON *one;
    int index = 0;
    cJSON_ArrayForEach(one, cases)
    {
        const cJSON *known = cJSON_GetObjectItem(one, "id");
        if (cJSON_IsString(known) && !strcmp(known->valuestring, id))
            return index;
        index++;
    }
    return -1;
}

cJSON *result_add_case(cJSON *result, const cJSON *case_fields, const struct verdict *verdict,
                       const char *folder, const char *const *evidence, int64_t duration_ms)
{
    static const char *const copied[] = {"scenario", "family",   "covers",    "board",
                                         "place",    "firmware", "variation", "scenario_file"};
    const cJSON *id = cJSON_GetObjectItem(case_fields, "case");
    cJSON *cases = cJSON_GetObjectItem(result, "cases"), *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "id", cJSON_IsString(id) ? id->valuestring : "?");
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const cJSON *member = cJSON_GetObjectItem(case_fields, copied[i]);
        if (member)
            cJSON_AddItemToObject(one, copied[i], cJSON_Duplicate(member, true));
    }
    cJSON *judged = verdict_json(verdict);
    for (cJSON *member; (member = judged->child);) {
        cJSON_DetachItemViaPointer(judged, member);
        cJSON_AddItemToObject(one, member->string, member);
    }
    cJSON_Delete(judged);
    cJSON_AddNumberToObject(one, "duration_ms", (double)duration_ms);
    cJSON *files = cJSON_AddArrayToObject(one, "evidence");
    for (size_t i = 0; evidence && evidence[i]; i++)
        cJSON_AddItemToArray(files, cJSON_CreateString(evidence[i]));
    cJSON_AddStringToObject(one, "folder", folder);
    int index = index_of(cases, cJSON_GetObjectItem(one, "id")->valuestring);
    if (index >= 0)
        cJSON_ReplaceItemInArray(cases, index, one);
    else
        cJSON_AddItemToArray(cases, one);
    take_over(result, case_fields);
    result_count(result);
    return one;
}

void result_distrust(cJSON *one, const char *reason)
{
    static const char *const judged[] = {"contract", "cuts"};
    cJSON_ReplaceItemInObject(one, "verdict", cJSON_CreateString(verdict_kind_name(VERDICT_INCONCLUSIVE)));
    cJSON_DeleteItemFromObject(one, "reason");
    cJSON_AddStringToObject(one, "reason", reason);
    cJSON_DeleteItemFromObject(one, "class");
    cJSON_AddNullToObject(one, "class");
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        cJSON_DeleteItemFromObject(one, judged[i]);
        cJSON_AddArrayToObject(one, judged[i]);
    }
    cJSON_DeleteItemFromObject(one, "recovery_ms");
    cJSON_AddNullToObject(one, "recovery_ms");
}

int result_write(const cJSON *result, const char *path, struct error *error)
{
    char *text = cJSON_Print(result);
    int failed = output_text(path, text, error);
    cJSON_free(text);
    return failed;
}

/* counts: as `counters` */
static int check_cases(struct json cases, int64_t counts[4], struct error *error)
{
    const char *id;
    int verdict;
    const char *const kinds[] = {"pass", "fail", "inconclusive", "rig-error", NULL};
    if (json_array(cases, error))
        return -1;
    for (size_t i = 0; i < json_count(cases); i++) {
        struct json at = json_at(cases, i);
        if (json_object(at, error) || json_string(json_get(at, "id"), &id, error) ||
            json_choice(json_get(at, "verdict"), kinds, &verdict, error))
            return -1;
        counts[verdict]++;
    }
    return 0;
}

static int check_result(struct json root, struct error *error)
{
    int64_t cases, sums[4], counts[4] = {0};
    struct json summary = json_get(root, "summary");
    if (json_object(root, error) ||
        json_integer(json_get(root, "schema_version"), RESULT_SCHEMA_VERSION, RESULT_SCHEMA_VERSION, &cases,
                     error) ||
        json_object(json_get(root, "run"), error) || json_object(summary, error) ||
        json_integer(json_get(summary, "cases"), 0, INT32_MAX, &cases, error))
        return -1;
    for (size_t i = 0; i < 4; i++)
        if (json_integer(json_get(summary, counters[i]), 0, INT32_MAX, &sums[i], error))
            return -1;
    if (check_cases(json_get(root, "cases"), counts, error))
        return -1;
    for (size_t i = 0; i < 4; i++)
        if (sums[i] != counts[i])
            return json_expected(json_get(summary, counters[i]), error, "%lld, as there are in $.cases",
                                 (long long)counts[i]);
    if ((size_t)cases != json_count(json_get(root, "cases")))
        return json_expected(json_get(summary, "cases"), error, "%zu, as there are in $.cases",
                             json_count(json_get(root, "cases")));
    return 0;
}

cJSON *result_read(const char *path, struct error *error)
{
    struct json_document document;
    if (json_load(&document, path, error))
        return NULL;
    cJSON *result = check_result(json_root(&document), error) ? NULL : cJSON_Duplicate(document.root, true);
    json_close(&document);
    return result;
}

int result_exit_code(const cJSON *result)
{
    const cJSON *summary = cJSON_GetObjectItem(result, "summary");
    int counts[4];
    for (int i = 0; i < 4; i++)
        counts[i] = cJSON_GetObjectItem(summary, counters[i])->valueint;
    return counts[3] ? 3 : counts[1] ? 1 : counts[2] || !counts[0] ? 4 : 0;
}

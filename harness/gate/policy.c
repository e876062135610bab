/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/gate/policy.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/option.h"
#include "harness/base/take.h"
#include "harness/record/verdict.h"

#define SHA256_PATTERN "^[0-9a-f]{64}$"

static const struct option_spec need_table[] = {
    {.name = "scenario",
     .help = "a pattern for FAMILY/NAME or NAME: \"power-cut/*\", \"swap-grid\"",
     .type = OPTION_STRING,
     .required = true,
     .offset = offsetof(struct policy_need, scenario)},
    {.name = "boards",
     .help = "on each of these boards; without it on any",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct policy_need, boards)},
    {.name = "cases",
     .help = "so many cases must pass",
     .type = OPTION_INTEGER,
     .standard = "1",
     .low = 1,
     .high = 1000000,
     .offset = offsetof(struct policy_need, cases)},
    {.name = "comment", .help = "for people, ignored", .type = OPTION_COMMENT},
    {0}};

static const struct option_spec phase_table[] = {
    {.name = "phase",
     .help = "the name of a phase, as a campaign tells it",
     .type = OPTION_STRING,
     .required = true,
     .offset = offsetof(struct policy_phase, phase)},
    {.name = "scenario",
     .help = "a pattern for the name of the campaign's scenario; without it any",
     .type = OPTION_STRING,
     .offset = offsetof(struct policy_phase, scenario)},
    {.name = "below_percent",
     .help = "a campaign must have shown that less than so many of 100 cuts in this phase fail",
     .type = OPTION_INTEGER,
     .required = true,
     .low = 1,
     .high = 99,
     .offset = offsetof(struct policy_phase, below_percent)},
    {.name = "comment", .help = "for people, ignored", .type = OPTION_COMMENT},
    {0}};

static const struct option_spec bad_table[] = {
    {.name = "firmware",
     .help = "what a build with a defect is called (\"variant\" of its manifest): a run must have failed it",
     .type = OPTION_NAME,
     .required = true,
     .offset = offsetof(struct policy_bad, firmware)},
    {.name = "class",
     .help = "the class of that failure (\"no-rollback\"); without it any",
     .type = OPTION_NAME,
     .offset = offsetof(struct policy_bad, class)},
    {.name = "comment", .help = "for people, ignored", .type = OPTION_COMMENT},
    {0}};

static cJSON *list_schema(const struct option_spec *of)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "array");
    cJSON_AddItemToObject(schema, "items", option_schema(of, NULL));
    cJSON_AddNumberToObject(schema, "minItems", 1);
    return schema;
}

static cJSON *needs_schema(const struct option_spec *spec)
{
    return list_schema(need_table);
}

static cJSON *phases_schema(const struct option_spec *spec)
{
    return list_schema(phase_table);
}

static cJSON *bads_schema(const struct option_spec *spec)
{
    return list_schema(bad_table);
}

static cJSON *images_schema(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject(), *names = cJSON_CreateObject(), *hash = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddNumberToObject(schema, "minProperties", 1);
    cJSON_AddStringToObject(names, "pattern", TAKE_NAME_PATTERN);
    cJSON_AddItemToObject(schema, "propertyNames", names);
    cJSON_AddStringToObject(hash, "type", "string");
    cJSON_AddStringToObject(hash, "pattern", SHA256_PATTERN);
    cJSON_AddItemToObject(schema, "additionalProperties", hash);
    return schema;
}

static const struct option_spec policy_table[] = {
    {.name = "schema_version", .help = "of this format", .type = OPTION_VERSION, .low = 1, .required = true},
    {.name = "name",
     .help = "what this gate is called",
     .type = OPTION_NAME,
     .required = true,
     .offset = offsetof(struct policy, name)},
    {.name = "require",
     .help = "scenarios whose cases must have passed",
     .type = OPTION_BELOW,
     .required = true,
     .below = needs_schema},
    {.name = "known_bad",
     .help = "builds with a defect that must have failed; their cases count for nothing else",
     .type = OPTION_BELOW,
     .below = bads_schema},
    {.name = "phases",
     .help = "what campaigns must have shown of phases of the update",
     .type = OPTION_BELOW,
     .below = phases_schema},
    {.name = "images",
     .help = "the release's files by the names of the manifest: SHA-256; runs with other ones do not count",
     .type = OPTION_BELOW,
     .below = images_schema},
    {.name = "max_age_h",
     .help = "runs that began more hours ago do not count; 0: any",
     .type = OPTION_INTEGER,
     .high = 87600,
     .offset = offsetof(struct policy, max_age_h)},
    {.name = "unproven_allowed",
     .help = "so many cases may have neither passed nor failed",
     .type = OPTION_INTEGER,
     .high = 1000000,
     .offset = offsetof(struct policy, unproven_allowed)},
    {.name = "comment", .help = "for people, ignored", .type = OPTION_COMMENT},
    {0}};

cJSON *policy_schema(void)
{
    return option_schema(policy_table, NULL);
}

/* Each element of a list by a table, into an array of `count` structs of `size` bytes. */
static void *parse_list(struct json at, const struct option_spec *table, size_t size, size_t *count,
                        struct error *error)
{
    if (!json_present(at) || json_array(at, error))
        return NULL;
    if (!json_count(at)) {
        json_expected(at, error, "at least one element");
        return NULL;
    }
    char *list = mem_array(json_count(at), size);
    for (size_t i = 0; i < json_count(at); i++) {
        ++*count;
        if (option_parse(table, json_at(at, i), NULL, list + i * size, size, error))
            return list;
    }
    return list;
}

static int parse_images(struct json at, struct policy *policy, struct error *error)
{
    if (!json_present(at))
        return 0;
    if (json_object(at, error))
        return -1;
    if (!json_count(at))
        return json_expected(at, error, "at least one image");
    policy->images = mem_array(json_count(at), sizeof *policy->images);
    for (size_t i = 0; i < json_count(at); i++) {
        struct json one = json_member(at, i);
        struct policy_image *image = &policy->images[policy->image_count++];
        const char *sha256;
        if (!take_is_name(one.node->string))
            return json_expected(one, error, "as its key " TAKE_NAME_WANTED);
        if (json_string(one, &sha256, error))
            return -1;
        if (strlen(sha256) != 64 || sha256[strspn(sha256, "0123456789abcdef")])
            return json_expected(one, error, "a SHA-256 of 64 hexadecimal digits in small letters");
        *image = (struct policy_image){mem_string(one.node->string), mem_string(sha256)};
    }
    return 0;
}

static int check_classes(struct json at, const struct policy *policy, struct error *error)
{
    for (size_t i = 0; i < policy->bad_count; i++)
        if (policy->bad[i].class && verdict_class_find(policy->bad[i].class) <= CLASS_NONE)
            return json_expected(json_get(json_at(at, i), "class"), error,
                                 "a class of failure (docs/verdict.md)");
    return 0;
}

static int parse(struct json root, struct policy *policy, struct error *error)
{
    if (option_parse(policy_table, root, NULL, policy, sizeof *policy, error))
        return -1;
    *error = (struct error){0};
    policy->needs =
        parse_list(json_get(root, "require"), need_table, sizeof *policy->needs, &policy->need_count, error);
    if (error->kind == ERROR_NONE)
        policy->bad = parse_list(json_get(root, "known_bad"), bad_table, sizeof *policy->bad,
                                 &policy->bad_count, error);
    if (error->kind == ERROR_NONE)
        policy->phases = parse_list(json_get(root, "phases"), phase_table, sizeof *policy->phases,
                                    &policy->phase_count, error);
    return error->kind != ERROR_NONE || parse_images(json_get(root, "images"), policy, error) ||
                   check_classes(json_get(root, "known_bad"), policy, error)
               ? -1
               : 0;
}

int policy_load(const char *path, struct policy *policy, struct error *error)
{
    struct json_document document;
    *policy = (struct policy){0};
    if (json_load(&document, path, error))
        return -1;
    int result = parse(json_root(&document), policy, error);
    policy->path = mem_string(path);
    json_close(&document);
    if (result)
        policy_release(policy);
    return result;
}

void policy_release(struct policy *policy)
{
    for (size_t i = 0; i < policy->need_count; i++)
        option_release(need_table, &policy->needs[i]);
    for (size_t i = 0; i < policy->phase_count; i++)
        option_release(phase_table, &policy->phases[i]);
    for (size_t i = 0; i < policy->bad_count; i++)
        option_release(bad_table, &policy->bad[i]);
    for (size_t i = 0; i < policy->image_count; i++) {
        free(policy->images[i].name);
        free(policy->images[i].sha256);
    }
    free(policy->needs);
    free(policy->phases);
    free(policy->bad);
    free(policy->images);
    free(policy->path);
    option_release(policy_table, policy);
    *policy = (struct policy){0};
}

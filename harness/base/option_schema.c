/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option tables as JSON Schema, draft 2020-12. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/option.h"
#include "harness/base/take.h"

static cJSON *typed(const char *type)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", type);
    return schema;
}

static cJSON *text_like(const char *pattern)
{
    cJSON *schema = typed("string");
    cJSON_AddStringToObject(schema, "pattern", pattern);
    return schema;
}

static cJSON *not_empty(void)
{
    cJSON *schema = typed("string");
    cJSON_AddNumberToObject(schema, "minLength", 1);
    return schema;
}

static cJSON *whole_number(const struct option_spec *spec)
{
    cJSON *schema = typed("integer");
    if (spec->low || spec->high) {
        cJSON_AddNumberToObject(schema, "minimum", (double)spec->low);
        cJSON_AddNumberToObject(schema, "maximum", (double)spec->high);
    }
    return schema;
}

/* One of two; what only one of them says. */
static cJSON *either(cJSON *one, cJSON *other)
{
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "oneOf");
    cJSON_AddItemToArray(list, one);
    cJSON_AddItemToArray(list, other);
    return schema;
}

static cJSON *number(const struct option_spec *spec)
{
    cJSON *schema = whole_number(spec);
    if (spec->or_zero) {
        cJSON *zero = cJSON_CreateObject();
        cJSON_AddNumberToObject(zero, "const", 0);
        schema = either(zero, schema);
    }
    return spec->type == OPTION_WORD ? either(schema, text_like("^0x[0-9a-fA-F]+$")) : schema;
}

static cJSON *texts(const struct option_spec *spec)
{
    cJSON *schema = typed("array");
    cJSON_AddItemToObject(schema, "items", spec->pattern ? text_like(spec->pattern) : typed("string"));
    if (spec->type == OPTION_PROGRAM) {
        cJSON_AddNumberToObject(schema, "minItems", 1);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(schema, "prefixItems"), not_empty());
    }
    return schema;
}

static cJSON *choice(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "enum");
    for (size_t i = 0; spec->choices[i]; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(spec->choices[i]));
    return schema;
}

static cJSON *comment(void)
{
    cJSON *list = typed("array");
    cJSON_AddItemToObject(list, "items", typed("string"));
    return either(typed("string"), list);
}

static cJSON *version(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddNumberToObject(schema, "const", (double)spec->low);
    return schema;
}

static cJSON *value(const struct option_spec *spec)
{
    switch (spec->type) {
    case OPTION_STRING:
        return spec->pattern ? text_like(spec->pattern) : not_empty();
    case OPTION_NAME:
        return text_like(TAKE_NAME_PATTERN);
    case OPTION_INTEGER:
    case OPTION_WORD:
        return number(spec);
    case OPTION_BOOL:
        return typed("boolean");
    case OPTION_CHOICE:
        return choice(spec);
    case OPTION_STRINGS:
    case OPTION_PROGRAM:
        return texts(spec);
    case OPTION_COMMENT:
        return comment();
    case OPTION_VERSION:
        return version(spec);
    case OPTION_BELOW:
        return spec->below(spec);
    }
    return NULL;
}

/* {"required": [names]} */
static cJSON *needs(const char *const *names)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(schema, "required");
    for (size_t i = 0; names[i]; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
    return schema;
}

/* {"anyOf": [{"required": [name]}...]}, or "oneOf" */
static cJSON *some_of(const char *word, const char *const *names)
{
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, word);
    for (size_t i = 0; names[i]; i++) {
        const char *one[] = {names[i], NULL};
        cJSON_AddItemToArray(list, needs(one));
    }
    return schema;
}

static cJSON *none_of(const char *const *names)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddItemToObject(schema, "not", some_of("anyOf", names));
    return schema;
}

static cJSON *rule_schema(const struct option_rule *rule)
{
    const char *when[] = {rule->when, NULL};
    cJSON *schema = cJSON_CreateObject();
    switch (rule->kind) {
    case OPTION_ANY_OF:
    case OPTION_ONE_OF:
        cJSON_Delete(schema);
        return some_of(rule->kind == OPTION_ANY_OF ? "anyOf" : "oneOf", rule->names);
    case OPTION_NEEDS:
    case OPTION_NOT_WITH:
        cJSON_AddItemToObject(schema, "if", needs(when));
        cJSON_AddItemToObject(schema, rule->kind == OPTION_NEEDS ? "else" : "then", none_of(rule->names));
        return schema;
    case OPTION_ONLY_WHERE:
    case OPTION_EXACTLY_WHERE:
        break;
    }
    cJSON *where = needs(when);
    cJSON *is = cJSON_AddObjectToObject(cJSON_AddObjectToObject(where, "properties"), rule->when);
    cJSON_AddItemToObject(is, "const",
                          strcmp(rule->is, "true") ? cJSON_CreateString(rule->is) : cJSON_CreateTrue());
    cJSON_AddItemToObject(schema, "if", where);
    if (rule->kind == OPTION_EXACTLY_WHERE)
        cJSON_AddItemToObject(schema, "then", needs(rule->names));
    cJSON_AddItemToObject(schema, "else", none_of(rule->names));
    return schema;
}

cJSON *option_schema(const struct option_spec *table, const struct option_rule *rules)
{
    cJSON *schema = typed("object"), *members = cJSON_AddObjectToObject(schema, "properties");
    cJSON *required = cJSON_CreateArray(), *all = cJSON_CreateArray();
    for (const struct option_spec *spec = table; spec && spec->name; spec++) {
        cJSON *member = value(spec);
        if (spec->help && !cJSON_GetObjectItem(member, "description"))
            cJSON_AddStringToObject(member, "description", spec->help);
        if (spec->standard && spec->type != OPTION_INTEGER && spec->type != OPTION_WORD)
            cJSON_AddItemToObject(member, "default",
                                  spec->type == OPTION_BOOL
                                      ? cJSON_CreateBool(!strcmp(spec->standard, "true"))
                                      : cJSON_CreateString(spec->standard));
        else if (spec->standard)
            cJSON_AddNumberToObject(member, "default", (double)strtoll(spec->standard, NULL, 0));
        cJSON_AddItemToObject(members, spec->name, member);
        if (spec->required)
            cJSON_AddItemToArray(required, cJSON_CreateString(spec->name));
    }
    for (const struct option_rule *rule = rules; rule && rule->kind; rule++)
        cJSON_AddItemToArray(all, rule_schema(rule));
    cJSON_AddItemToObject(schema, "required", required);
    if (cJSON_GetArraySize(all))
        cJSON_AddItemToObject(schema, "allOf", all);
    else
        cJSON_Delete(all);
    cJSON_AddBoolToObject(schema, "additionalProperties", false);
    return schema;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/rack/rack.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

static const struct {
    const char *name;
    enum driver_kind kind;
} roles[RACK_ROLES] = {{"power", DRIVER_POWER},   {"console", DRIVER_CONSOLE}, {"probe", DRIVER_PROBE},
                       {"server", DRIVER_SERVER}, {"update", DRIVER_UPDATE},   {"sense", DRIVER_SENSE}};

const char *rack_role_name(enum rack_role role)
{
    return roles[role].name;
}

bool rack_delivery_restarts(const struct rack_place *place)
{
    const struct rack_device *client = &place->devices[RACK_UPDATE];
    return client->driver && client->driver->update &&
           !(client->driver->update->abilities(client->config) &
             (UPDATE_CAN_ACTIVATE | UPDATE_CAN_PERMANENT | UPDATE_CAN_RESTART));
}

bool rack_probe_can(const struct rack_place *place, enum probe_verb verb)
{
    const struct rack_device *probe = &place->devices[RACK_PROBE];
    const struct probe_ops *ops = probe->driver ? probe->driver->probe : NULL;
    return probe->driver && (!ops || !ops->verbs || ops->verbs(probe->config) & 1u << verb);
}

/* Any driver of the member's kind, with its options. */
static cJSON *drivers_schema(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "oneOf");
    for (size_t i = 0; driver_table[i]; i++) {
        const struct driver *driver = driver_table[i];
        if (strcmp(driver_kind_name(driver->kind), spec->name))
            continue; /* a role is named after the kind of its drivers */
        cJSON *one = option_schema(driver->options, driver->rules), *is = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "description", driver->help);
        cJSON_AddStringToObject(is, "const", driver->name);
        cJSON_AddItemToObject(cJSON_GetObjectItem(one, "properties"), "driver", is);
        cJSON_AddItemToArray(cJSON_GetObjectItem(one, "required"), cJSON_CreateString("driver"));
        cJSON_AddItemToArray(list, one);
    }
    if (!cJSON_GetArraySize(list)) { /* no driver of this kind was built in: nothing is right here */
        cJSON_DeleteItemFromObject(schema, "oneOf");
        cJSON_AddObjectToObject(schema, "not");
    }
    return schema;
}

static int parse_device(struct json at, enum rack_role role, struct rack_device *device, struct error *error)
{
    static const char *const also[] = {"driver", NULL};
    const char *name;
    if (!json_present(at))
        return 0;
    if (json_object(at, error) || json_string(json_get(at, "driver"), &name, error))
        return -1;
    device->driver = driver_find(name, roles[role].kind);
    if (!device->driver)
        return json_expected(json_get(at, "driver"), error, "%s %s driver (see `otarig drivers`)",
                             strchr("aeiou", roles[role].name[0]) ? "an" : "a", roles[role].name);
    device->config = mem_alloc(device->driver->config_size ? device->driver->config_size : 1);
    if (option_parse(device->driver->options, at, also, device->config, device->driver->config_size, error) ||
        option_hold_rules(device->driver->rules, at, error))
        return -1;
    const char *wrong = device->driver->check ? device->driver->check(device->config) : NULL;
    if (wrong)
        return json_expected(at, error, "%s", wrong);
    if (device->driver->claim)
        device->driver->claim(device->config, device->claim, sizeof device->claim);
    if (device->driver->claim_also)
        device->driver->claim_also(device->config, device->claim_also, sizeof device->claim_also);
    return 0;
}

/* What a place may say. `power` to `sense` follow `roles`. */
struct place_config {
    char *name, *board, *quarantined;
    int safe;
};

static const char *const rails[] = {"off", "on", NULL};
static const struct option_spec place_table[] = {
    {.name = "name",
     .help = "of the place; the command line and the results use it",
     .type = OPTION_NAME,
     .required = true,
     .offset = offsetof(struct place_config, name)},
    {.name = "board",
     .help = "which board is wired there: a name of boards/, or a file",
     .type = OPTION_STRING,
     .required = true,
     .offset = offsetof(struct place_config, board)},
    {.name = "comment", .help = "for people", .type = OPTION_COMMENT},
    {.name = "quarantined",
     .help = "why nothing may run here",
     .type = OPTION_STRING,
     .offset = offsetof(struct place_config, quarantined)},
    {.name = "safe",
     .help = "the rail's state when nothing runs",
     .type = OPTION_CHOICE,
     .choices = rails,
     .standard = "off",
     .offset = offsetof(struct place_config, safe)},
    {.name = "power",
     .help = "what switches the board's rail",
     .type = OPTION_BELOW,
     .below = drivers_schema},
    {.name = "console", .help = "the board's serial console", .type = OPTION_BELOW, .below = drivers_schema},
    {.name = "probe", .help = "a debug probe", .type = OPTION_BELOW, .below = drivers_schema},
    {.name = "server",
     .help = "the server that the board fetches its updates from",
     .type = OPTION_BELOW,
     .below = drivers_schema},
    {.name = "update", .help = "how the board is updated", .type = OPTION_BELOW, .below = drivers_schema},
    {.name = "sense", .help = "what else sees the rail", .type = OPTION_BELOW, .below = drivers_schema},
    {0},
};

static int parse_place(struct json at, struct rack_place *place, struct error *error)
{
    struct place_config config;
    int result = option_parse(place_table, at, NULL, &config, sizeof config, error);
    *place = (struct rack_place){.name = config.name,
                                 .board = config.board,
                                 .unproven = config.quarantined,
                                 .safe_on = config.safe == 1};
    for (int role = 0; !result && role < RACK_ROLES; role++)
        result = parse_device(json_get(at, roles[role].name), role, &place->devices[role], error);
    return result;
}

/* What both have; NULL: nothing. */
static const char *shared(const struct rack_device *a, const struct rack_device *b)
{
    const char *mine[] = {a->claim, a->claim_also}, *theirs[] = {b->claim, b->claim_also};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (mine[i][0] && !strcmp(mine[i], theirs[k]))
                return mine[i];
    return NULL;
}

/* Two places must not share one physical thing: the later one is named, with the earlier one. */
static int check_claims(struct json places, const struct rack *rack, size_t index, struct error *error)
{
    const struct rack_place *place = &rack->places[index];
    for (size_t i = 0; i < index; i++) {
        const struct rack_place *other = &rack->places[i];
        if (!strcmp(other->name, place->name))
            return json_expected(json_get(json_at(places, index), "name"), error,
                                 "a name of its own ($.places[%zu] has it already)", i);
        for (int a = 0; a < RACK_ROLES; a++)
            for (int b = 0; b < RACK_ROLES; b++) {
                const char *key = shared(&place->devices[a], &other->devices[b]);
                struct json at = json_get(json_at(places, index), roles[a].name);
                if (key)
                    return error_set(
                        error, ERROR_INPUT,
                        "%s: %s: expected a device of its own (%s belongs to place '%s' already)",
                        at.document->name, at.path, key, other->name);
            }
    }
    return 0;
}

static int parse_places(struct json root, struct rack *rack, struct error *error)
{
    struct json places = json_get(root, "places");
    if (json_array(places, error))
        return -1;
    if (!json_count(places))
        return json_expected(places, error, "at least one place");
    rack->places = mem_array(json_count(places), sizeof *rack->places);
    for (size_t i = 0; i < json_count(places); i++) {
        rack->place_count++;
        if (parse_place(json_at(places, i), &rack->places[i], error) || check_claims(places, rack, i, error))
            return -1;
    }
    return 0;
}

static cJSON *places_schema(const struct option_spec *spec)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "array");
    cJSON_AddNumberToObject(schema, "minItems", 1);
    cJSON_AddItemToObject(schema, "items", option_schema(place_table, NULL));
    return schema;
}

/* What a virtual rack is made of is read by the virtual rack itself; of an object only what its user chooses
 * is told. */
static cJSON *virtual_schema(const struct option_spec *spec)
{
    static const char text[] = "{\"type\": [\"boolean\", \"object\"], \"properties\": {\"time\": {\"enum\": "
                               "[\"real\", \"virtual\"], \"description\": "
                               "\"whose time passes: this computer's, or the rack's own, which jumps over "
                               "what is idle and stands while anybody "
                               "computes\"}}}";
    return cJSON_Parse(text);
}

static const struct option_spec rack_table[] = {
    {.name = "schema_version", .help = "of this format", .type = OPTION_VERSION, .low = 1, .required = true},
    {.name = "name",
     .help = "of the rack",
     .type = OPTION_NAME,
     .required = true,
     .offset = offsetof(struct rack, name)},
    {.name = "comment", .help = "for people", .type = OPTION_COMMENT},
    {.name = "virtual",
     .help = "the virtual rack emulates all below the wire; an object has its options",
     .type = OPTION_BELOW,
     .below = virtual_schema},
    {.name = "places",
     .help = "the boards and their wiring",
     .type = OPTION_BELOW,
     .required = true,
     .below = places_schema},
    {0},
};

cJSON *rack_schema(void)
{
    return option_schema(rack_table, NULL);
}

static void find_hurt(const cJSON *defects, struct rack *rack)
{
    const cJSON *defect;
    cJSON_ArrayForEach(defect, defects)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(defect, "place"));
        rack->hurt_others |= (rack->hurt && (!name || strcmp(rack->hurt, name))) ||
                             cJSON_GetObjectItem(defect, "other"); /* which it swaps something with */
        if (!rack->hurt)
            rack->hurt = mem_string(name ? name : "");
    }
}

bool rack_parts(const struct rack *rack)
{
    return rack->own_time && !rack->hurt;
}

bool rack_stands_alone(const struct rack *rack, const struct rack_place *place)
{
    return rack->own_time && (!rack->hurt || (!rack->hurt_others && !strcmp(rack->hurt, place->name)));
}

static int parse_rack(struct json root, struct rack *rack, struct error *error)
{
    struct json virtual = json_get(root, "virtual");
    int result = option_parse(rack_table, root, NULL, rack, sizeof *rack, error);
    rack->is_virtual = cJSON_IsTrue(virtual.node) || cJSON_IsObject(virtual.node);
    const char *time = cJSON_GetStringValue(json_get(virtual, "time").node);
    rack->own_time = rack->is_virtual && (!time || strcmp(time, "real"));
    find_hurt(json_get(virtual, "defects").node, rack);
    if (!result && json_present(virtual) && !cJSON_IsBool(virtual.node) && !cJSON_IsObject(virtual.node))
        result = json_expected(virtual, error, "true, false or an object");
    return result ? result : parse_places(root, rack, error);
}

int rack_load(const char *path, struct rack *rack, struct error *error)
{
    struct json_document document;
    *rack = (struct rack){0};
    if (json_load(&document, path, error))
        return -1;
    int result = parse_rack(json_root(&document), rack, error);
    rack->path = mem_string(path);
    json_close(&document);
    if (result)
        rack_release(rack);
    return result;
}

void rack_release(struct rack *rack)
{
    free(rack->hurt);
    for (size_t i = 0; i < rack->place_count; i++) {
        struct rack_place *place = &rack->places[i];
        for (int role = 0; role < RACK_ROLES; role++) {
            struct rack_device *device = &place->devices[role];
            if (device->config)
                option_release(device->driver->options, device->config);
            free(device->config);
        }
        free(place->name);
        free(place->board);
        free(place->unproven);
    }
    free(rack->places);
    free(rack->name);
    free(rack->path);
    *rack = (struct rack){0};
}

const struct rack_place *rack_place(const struct rack *rack, const char *name)
{
    for (size_t i = 0; i < rack->place_count; i++)
        if (!strcmp(rack->places[i].name, name))
            return &rack->places[i];
    return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig init: a rack and a board file for what is plugged in. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/escape.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/output.h"
#include "harness/base/surroundings.h"
#include "harness/cmd/cmd.h"
#include "harness/driver/plugged.h"
#include "harness/board/board.h"
#include "harness/board/image.h"
#include "harness/rack/rack.h"
#include "harness/base/take.h"

#define ANSWER_MAX 200

struct wish {
    const char *template, *name, *place, *relay, *port, *probe, *folder;
    double baud;
    bool list;
};

struct work {
    struct plugged *found;
    size_t count;
    char answers[5][ANSWER_MAX];
    char *rack, *board; /* the files */
};

/* What a device calls itself may move no terminal's cursor. */
static void say(char *text)
{
    escape_terminal(stdout, text);
    free(text);
}

/* ---- what is there ---- */

/* The word by which options name a device; "" when it can be named by none. */
static const char *word_of(const struct plugged *one)
{
    return one->kind == PLUGGED_RELAY  ? one->serial
           : one->kind == PLUGGED_HUB  ? one->location
           : one->kind == PLUGGED_PORT ? (one->location[0] ? one->location : one->name)
                                       : one->name;
}

static void print_found(const struct work *work)
{
    if (!work->count)
        puts("plugged in: no relay board, USB hub, serial port or debug probe that otarig knows");
    for (size_t i = 0; i < work->count; i++) {
        const struct plugged *one = &work->found[i];
        say(mem_printf("%-12s %-26s %s", plugged_kind_name(one->kind), one->what, one->ids));
        if (one->serial[0])
            say(mem_printf(", serial %s", one->serial));
        if (one->location[0])
            say(mem_printf(", at %s", one->location));
        static const char *const options[PLUGGED_KINDS] = {[PLUGGED_RELAY] = "relay",
                                                           [PLUGGED_HUB] = "relay",
                                                           [PLUGGED_PORT] = "port",
                                                           [PLUGGED_PROBE] = "probe"};
        const char *word = word_of(one);
        say(mem_printf(", --%s %s%s\n", options[one->kind], word[0] ? word : "SERIAL",
                       one->kind == PLUGGED_HUB ? ":PORT" : ""));
    }
}

/* "OTR00001, OTR00002", or "none". `also` may be the same kind. */
static void words(const struct work *work, enum plugged_kind kind, enum plugged_kind also, char *out,
                  size_t size)
{
    size_t len = 0;
    snprintf(out, size, "none");
    for (size_t i = 0; i < work->count && len < size; i++)
        if (work->found[i].kind == kind || work->found[i].kind == also)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", word_of(&work->found[i]));
}

static const struct plugged *only(const struct work *work, enum plugged_kind kind)
{
    const struct plugged *found = NULL;
    for (size_t i = 0; i < work->count; i++) {
        if (work->found[i].kind != kind)
            continue;
        if (found)
            return NULL;
        found = &work->found[i];
    }
    return found;
}

/* ---- asking ---- */

static bool is_dialog(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Where nobody can be asked, what lacks is an error that names the choices. */
static int ask(const char **value, char answer[ANSWER_MAX], const char *option, const char *what,
               const char *choices, const char *usual, struct error *error)
{
    if (*value)
        return 0;
    if (!is_dialog())
        return error_set(error, ERROR_INPUT, "init: expected --%s (%s; found: %s)", option, what, choices);
    say(mem_printf("%s (%s)%s%s%s: ", what, choices, usual[0] ? " [" : "", usual, usual[0] ? "]" : ""));
    fflush(stdout);
    if (!fgets(answer, ANSWER_MAX, stdin))
        return error_set(error, ERROR_INPUT, "init: expected an answer for --%s, found the end of the input",
                         option);
    answer[strcspn(answer, "\n")] = 0;
    if (!answer[0])
        snprintf(answer, ANSWER_MAX, "%s", usual);
    if (!answer[0])
        return error_set(error, ERROR_INPUT, "init: expected an answer for --%s, found none", option);
    *value = answer;
    return 0;
}

static int is_template(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && !strcmp(entry->d_name + len - 5, ".json");
}

static void templates(char *out, size_t size)
{
    struct dirent **entries;
    char *folder = surroundings_data("boards/templates");
    int count = scandir(folder, &entries, is_template, alphasort);
    size_t len = 0;
    snprintf(out, size, "none");
    for (int i = 0; i < count; i++) {
        if (len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%.*s", len ? ", " : "",
                                    (int)strlen(entries[i]->d_name) - 5, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    free(folder);
}

static int ask_all(struct wish *wish, struct work *work, struct error *error)
{
    char choices[600], usual[100] = "";
    templates(choices, sizeof choices);
    if (ask(&wish->template, work->answers[0], "template", "the kind of board", choices, "", error))
        return -1;
    if (ask(&wish->name, work->answers[1], "name", "what you call this type of board", "a name",
            wish->template, error))
        return -1;
    const struct plugged *relay = only(work, PLUGGED_RELAY), *port = only(work, PLUGGED_PORT),
                         *probe = only(work, PLUGGED_PROBE);
    words(work, PLUGGED_RELAY, PLUGGED_HUB, choices, sizeof choices);
    if (relay && relay->serial[0])
        snprintf(usual, sizeof usual, "%s:1", relay->serial);
    if (ask(&wish->relay, work->answers[2], "relay",
            "the relay that feeds it, SERIAL:CHANNEL, LOCATION:PORT of a hub, or none", choices, usual,
            error))
        return -1;
    words(work, PLUGGED_PORT, PLUGGED_PORT, choices, sizeof choices);
    if (ask(&wish->port, work->answers[3], "port", "its console, a device, a USB location or none", choices,
            port ? word_of(port) : "", error))
        return -1;
    words(work, PLUGGED_PROBE, PLUGGED_PROBE, choices, sizeof choices);
    return ask(&wish->probe, work->answers[4], "probe", "its debug probe, FILE[:SERIAL] of OpenOCD or none",
               choices, probe ? word_of(probe) : "none", error);
}

/* ---- the rack ---- */

static bool is_none(const char *text)
{
    return !strcmp(text, "none");
}

/* "1-1.4" is where an adapter or a hub is plugged in; everything else is a device or a serial number. */
static bool is_location(const char *text)
{
    size_t bus = strspn(text, "0123456789");
    return bus && text[bus] == '-' && isdigit((unsigned char)text[bus + 1]) &&
           !text[bus + 1 + strspn(text + bus + 1, "0123456789.")];
}

/* Of the relay board of this number; one that is not plugged in is taken for the most common kind. */
static const char *relay_driver(const struct work *work, const char *serial)
{
    for (size_t i = 0; i < work->count; i++)
        if (work->found[i].kind == PLUGGED_RELAY && !strcmp(work->found[i].serial, serial))
            return work->found[i].name;
    return "ftdi";
}

static int add_power(cJSON *place, const struct work *work, const char *relay, struct error *error)
{
    const char *colon = strrchr(relay, ':');
    uint32_t channel;
    if (is_none(relay))
        return 0;
    if (!colon || colon == relay)
        return error_set(error, ERROR_INPUT, "--relay: expected SERIAL:CHANNEL or LOCATION:PORT, found '%s'",
                         relay);
    char *which = mem_printf("%.*s", (int)(colon - relay), relay);
    bool hub = is_location(which);
    int failed = arguments_u32(hub ? "--relay: PORT" : "--relay: CHANNEL", colon + 1, 1, hub ? 255 : 8,
                               &channel, error);
    if (!failed) {
        cJSON *power = cJSON_AddObjectToObject(place, "power");
        cJSON_AddStringToObject(power, "driver", hub ? "usbhub" : relay_driver(work, which));
        cJSON_AddStringToObject(power, hub ? "location" : "serial", which);
        cJSON_AddNumberToObject(power, hub ? "port" : "channel", channel);
    }
    free(which);
    return failed;
}

static void add_console(cJSON *place, const char *port, double baud)
{
    if (is_none(port))
        return;
    cJSON *console = cJSON_AddObjectToObject(place, "console");
    cJSON_AddStringToObject(console, "driver", "serial");
    cJSON_AddStringToObject(console, is_location(port) ? "location" : "port", port);
    cJSON_AddNumberToObject(console, "baud", baud);
}

static void add_probe(cJSON *place, const char *probe)
{
    const char *colon = strchr(probe, ':');
    if (is_none(probe))
        return;
    cJSON *one = cJSON_AddObjectToObject(place, "probe");
    char *adapter = mem_printf("%.*s", (int)(colon ? (size_t)(colon - probe) : strlen(probe)), probe);
    cJSON_AddStringToObject(one, "driver", "openocd");
    cJSON_AddStringToObject(one, "adapter", adapter);
    if (colon)
        cJSON_AddStringToObject(one, "serial", colon + 1);
    free(adapter);
}

/* The kinds that MCUmgr updates. Others need a program of the user. */
static bool add_update(cJSON *place, const char *template)
{
    bool recovery = !strcmp(template, "mcuboot-serial-recovery");
    if (!recovery && strcmp(template, "zephyr-mcuboot-smp") != 0)
        return false;
    cJSON *update = cJSON_AddObjectToObject(place, "update");
    cJSON_AddStringToObject(update, "driver", "smp");
    if (recovery)
        cJSON_AddBoolToObject(update, "recovery", true);
    return true;
}

static cJSON *rack_json(const struct wish *wish, const struct work *work, bool *updates, struct error *error)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "name", wish->name);
    cJSON_AddStringToObject(
        root, "comment",
        "Written by otarig init. `otarig drivers` lists what each device takes; docs/drivers "
        "has a page for each.");
    cJSON *place = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "places"), place);
    cJSON_AddStringToObject(place, "name", wish->place);
    cJSON_AddStringToObject(place, "board", work->board);
    int failed = add_power(place, work, wish->relay, error);
    add_console(place, wish->port, wish->baud);
    add_probe(place, wish->probe);
    *updates = add_update(place, wish->template);
    if (!failed)
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* ---- the board ---- */

/* The text of the template under its new name: a person goes on with it, so lines and comments stay. */
static char *renamed(const char *path, const struct wish *wish, struct error *error)
{
    uint8_t *data;
    size_t len;
    if (image_read(path, &data, &len, error))
        return NULL;
    len -= len && data[len - 1] == '\n'; /* output_text() ends the file with one */
    char *text = mem_printf("%.*s", (int)len, (const char *)data), *out = NULL;
    char *key = mem_printf("\"name\": \"%s\"", wish->template), *at = strstr(text, key);
    if (at)
        out = mem_printf("%.*s\"name\": \"%s\"%s", (int)(at - text), text, wish->name, at + strlen(key));
    else
        error_set(error, ERROR_INPUT, "%s: expected the line %s, found none", path, key);
    free(key);
    free(text);
    free(data);
    return out;
}

/* NULL: ERROR_INPUT. */
static char *board_text(const struct wish *wish, struct error *error)
{
    char choices[600], *path = NULL, *out = NULL;
    templates(choices, sizeof choices);
    if (take_is_name(wish->template))
        path = mem_printf("%s/templates/%s.json", surroundings_boards(), wish->template);
    if (!path || access(path, R_OK))
        error_set(error, ERROR_INPUT, "--template: expected one of %s, found '%s'", choices, wish->template);
    else
        out = renamed(path, wish, error);
    free(path);
    return out;
}

/* ---- writing both, or none ---- */

static int check_new(const char *path, struct error *error)
{
    return access(path, F_OK) ? 0 : error_set(error, ERROR_INPUT, "%s: is there already", path);
}

/* With the parsers that will read them. */
static int check_written(const struct work *work, struct error *error)
{
    struct rack rack;
    struct board board;
    if (board_load(work->board, &board, error))
        return -1;
    board_release(&board);
    if (rack_load(work->rack, &rack, error))
        return -1;
    rack_release(&rack);
    return 0;
}

static int write_both(const struct work *work, const char *board, const cJSON *rack, struct error *error)
{
    char *text = cJSON_Print(rack);
    int result = output_text(work->board, board, error) || output_text(work->rack, text, error) ||
                         check_written(work, error)
                     ? -1
                     : 0;
    if (result) {
        unlink(work->board);
        unlink(work->rack);
    }
    cJSON_free(text);
    return result;
}

static void print_next(const struct wish *wish, const struct work *work, bool updates)
{
    printf("wrote %s and %s\n\nNext:\n", work->rack, work->board);
    if (is_none(wish->relay))
        puts("  a place needs a power switch: \"power\" in the rack file (docs/drivers/power-exec.md)");
    if (!updates)
        puts("  the update client is a program of yours: \"update\" in the rack file "
             "(docs/drivers/update-exec.md)");
    printf("  otarig images FOLDER                                # the manifest of your images\n"
           "  otarig doctor --rack %s                      # is each device found, reachable, answering?\n"
           "  otarig learn %s --rack %s --firmware FOLDER    # marks and limits from the board itself\n"
           "  otarig run %s/clean-update --rack %s --firmware FOLDER\n"
           "The comments in %s say what to change in it.\n",
           work->rack, wish->place, work->rack, surroundings_scenarios(), work->rack, work->board);
}

static int init(struct wish *wish, struct work *work, struct error *error)
{
    bool updates;
    if (plugged_list(&work->found, &work->count, error))
        return -1;
    if (wish->list || is_dialog())
        print_found(work);
    if (wish->list)
        return 0;
    if (ask_all(wish, work, error))
        return -1;
    if (!take_is_name(wish->name) || !take_is_name(wish->place))
        return error_set(
            error, ERROR_INPUT,
            "--name, --place: expected a name of 1 to 64 letters, digits, '.', '_' or '-', found "
            "'%s'",
            take_is_name(wish->name) ? wish->place : wish->name);
    work->rack = mem_printf("%s/rack.json", wish->folder);
    work->board = mem_printf("%s/%s.json", wish->folder, wish->name);
    if (!strcmp(work->rack, work->board))
        return error_set(error, ERROR_INPUT,
                         "--name: expected another name than 'rack', which is that file's");
    if (check_new(work->rack, error) || check_new(work->board, error))
        return -1;
    char *board = board_text(wish, error);
    cJSON *rack = board ? rack_json(wish, work, &updates, error) : NULL;
    int result = rack ? write_both(work, board, rack, error) : -1;
    if (!result)
        print_next(wish, work, updates);
    cJSON_free(board);
    cJSON_Delete(rack);
    return result;
}

int cmd_init(int argc, char **argv)
{
    struct wish wish = {.place = "desk", .folder = ".", .baud = 115200};
    const struct argument table[] = {
        {"list", NULL, "say what is plugged in, and write nothing", ARGUMENT_FLAG, .to = &wish.list},
        {"template", "KIND", "the kind of board, a file of boards/templates", ARGUMENT_TEXT,
         .to = &wish.template},
        {"name", "NAME", "what you call this type of board", ARGUMENT_TEXT, .to = &wish.name},
        {"place", "P", "what you call this place (desk)", ARGUMENT_TEXT, .to = &wish.place},
        {"relay", "SERIAL:CHANNEL", "the relay that feeds the board, of a USB hub LOCATION:PORT, or none",
         ARGUMENT_TEXT, .to = &wish.relay},
        {"port", "PORT", "its console: a device, where the adapter is plugged in (1-1.4), or none",
         ARGUMENT_TEXT, .to = &wish.port},
        {"baud", "N", "bits a second of the console (115200)", ARGUMENT_WHOLE, .to = &wish.baud, .low = 50,
         .high = 12000000},
        {"probe", "FILE[:SERIAL]", "its debug probe: OpenOCD's interface file, or none", ARGUMENT_TEXT,
         .to = &wish.probe},
        {"out", "DIR", "where the files are written (.)", ARGUMENT_TEXT, .to = &wish.folder},
        {0}};
    const struct arguments arguments = {
        "init",
        "usage: otarig init [option...]\n"
        "Looks at what is plugged in (relay boards, USB hubs, serial ports, debug probes) and writes "
        "rack.json and "
        "the\n"
        "board file NAME.json, made of a template. On a terminal it asks for what no option says; elsewhere "
        "it\n"
        "refuses, and names what it found. Files that are there are never written over. It switches "
        "nothing.\n",
        "Exit: 0 written, 2 bad input, 3 this computer does not list its devices.\n", table};
    struct work work = {0};
    struct error error = {0};
    int first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (first < argc)
        return arguments_wrong("init", "expected options only, found '%s'", argv[first]);
    code = init(&wish, &work, &error) ? error_print(&error) : 0;
    free(work.found);
    free(work.rack);
    free(work.board);
    return code;
}

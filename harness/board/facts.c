/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/facts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/option.h"
#include "harness/board/board.h"
#include "harness/board/facts_http.h"
#include "harness/rack/rack.h"
#include "harness/base/take.h"

#define BIT(fact) (1u << (fact))
#define WITHIN_US 2000000

/* One row a kind of source: its wire, for which facts it can speak, and what it is worth. */
static const struct {
    const char *name, *wire;
    int role; /* of the place that it needs; -1: none */
    unsigned facts;
} kinds[SOURCES] = {
    [SOURCE_MARK] = {"mark", "console", RACK_CONSOLE, BIT(FACTS) - 1},
    [SOURCE_ASK] = {"ask", "console", RACK_CONSOLE, (BIT(FACTS) - 1) & ~BIT(FACT_STARTED)},
    [SOURCE_UPDATE] = {"update", "update", RACK_UPDATE,
                       BIT(FACT_UP) | BIT(FACT_IMAGE) | BIT(FACT_CONFIRMED) | BIT(FACT_ALIVE)},
    [SOURCE_PROBE] = {"probe", "probe", RACK_PROBE, BIT(FACT_COLD) | BIT(FACT_ALIVE) | BIT(FACT_CONFIRMED)},
    [SOURCE_STORAGE] = {"storage", "probe", RACK_PROBE, BIT(FACT_IMAGE) | BIT(FACT_DATA)},
    [SOURCE_EXEC] = {"exec", "exec", -1, (BIT(FACTS) - 1) & ~BIT(FACT_STARTED)},
    [SOURCE_HTTP] = {"http", "network", -1, (BIT(FACTS) - 1) & ~BIT(FACT_STARTED)},
    [SOURCE_SENSE] = {"sense", "power", RACK_POWER, BIT(FACT_COLD)},
    [SOURCE_CANARY] = {"canary", "probe", RACK_PROBE, BIT(FACT_COLD)},
    [SOURCE_SILENCE] = {"silence", "console", RACK_CONSOLE, BIT(FACT_COLD)},
};

static const struct {
    const char *name, *text, *clauses, *advice;
} facts[FACTS] = {
    [FACT_STARTED] = {"started", "the board starts", "G3 (restarts)",
                      "a mark 'boot': the first line of every boot"},
    [FACT_COLD] =
        {"cold", "it had lost its power", "H1",
         "one of: a mark with a group and what it equals after a power-up; a probe and a register that "
         "tells the cause of a reset; a \"canary\" in unused RAM; a power driver or a sense that sees the "
         "rail; \"silence\" (the weakest)"},
    [FACT_UP] = {"up", "the application runs", "G1 G3",
                 "a mark 'app_up', an \"ask\", or an update client that answers"},
    [FACT_IMAGE] =
        {"image", "which image runs", "G2 G3 G4 G7",
         "a mark with a group 'version' or 'hash', an \"ask\", an update client that lists images, "
         "or a probe that reads the running slot"},
    [FACT_CONFIRMED] = {"confirmed", "the image is to stay", "G2 (no-rollback)",
                        "an update client that lists images, or a mark with a group 'confirmed'"},
    [FACT_ALIVE] = {"alive", "the application works now", "G1",
                    "an update client that answers, an \"ask\", or a probe"},
    [FACT_DATA] = {"data", "the user's data are those of before", "G5",
                   "a mark 'data' with 'state' or 'print', an \"ask\", or \"storage\" with memory.data"},
    [FACT_REPORT] = {"report", "what it says of its last update", "G6",
                     "a mark 'report' with a group 'last'"},
};

const char *fact_name(enum fact fact)
{
    return facts[fact].name;
}

const char *fact_text(enum fact fact)
{
    return facts[fact].text;
}

const char *source_name(enum source_kind kind)
{
    return kinds[kind].name;
}

const char *source_wire(enum source_kind kind)
{
    return kinds[kind].wire;
}

bool source_is_passive(const struct source *source)
{
    return source->kind == SOURCE_MARK || source->kind == SOURCE_SENSE || source->kind == SOURCE_SILENCE;
}

/* ---- parsing ---- */

static int check_answer(struct json at, const char *text, struct error *error)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
    if (!regex)
        return json_expected(at, error, "a regular expression (wrong at character %zu)", (size_t)offset);
    pcre2_code_free(regex);
    return 0;
}

/* "equals" is a text or a number; as text it is compared. */
static int take_equals(struct json at, char **out, struct error *error)
{
    struct json equals = json_get(at, "equals");
    int64_t number;
    if (!json_present(equals))
        return 0;
    if (cJSON_IsString(equals.node)) {
        *out = mem_string(equals.node->valuestring);
        return 0;
    }
    if (json_word(equals, 0, UINT32_MAX, &number, error))
        return -1;
    *out = mem_printf("%llx", (unsigned long long)number);
    return 0;
}

static int take_mark(struct json at, struct board *board, enum fact fact, struct source *source,
                     struct error *error)
{
    static const char *const keys[] = {"from", "mark", "group", "equals", "intact", "comment", NULL};
    static const char *const usual[FACTS] = {"boot",   "boot", "app_up", "app_up",
                                             "app_up", NULL,   "data",   "report"};
    if (json_check_keys(at, keys, error) || take_string(at, "mark", false, &source->mark, error) ||
        take_string(at, "group", false, &source->group, error) || take_equals(at, &source->equals, error) ||
        take_strings(at, "intact", false, &source->intact, error))
        return -1;
    if (!source->mark && usual[fact])
        source->mark = mem_string(usual[fact]);
    if (!source->mark || !board_mark(board, source->mark))
        return json_expected(json_get(at, "mark"), error, "a mark of $.marks");
    if (fact == FACT_COLD && (!source->group || !source->equals))
        return json_expected(at, error, "\"group\" and \"equals\": what the line says after a power-up");
    return 0;
}

static int take_ask(struct json at, struct source *source, struct error *error)
{
    static const char *const keys[] = {"from",   "say",       "answer",  "equals", "group",
                                       "intact", "within_ms", "comment", NULL};
    if (json_check_keys(at, keys, error) || take_string(at, "say", true, &source->say, error) ||
        take_string(at, "answer", true, &source->answer, error) ||
        take_string(at, "group", false, &source->group, error) || take_equals(at, &source->equals, error) ||
        take_strings(at, "intact", false, &source->intact, error) ||
        take_ms(at, "within_ms", false, &source->within_us, error))
        return -1;
    return check_answer(json_get(at, "answer"), source->answer, error);
}

static int take_probe(struct json at, struct source *source, struct error *error)
{
    static const char *const keys[] = {"from", "address", "mask", "equals", "comment", NULL};
    source->mask = UINT32_MAX;
    if (json_check_keys(at, keys, error) || take_address(at, "address", true, &source->address, error) ||
        take_address(at, "mask", false, &source->mask, error) ||
        take_address(at, "equals", true, &source->value, error))
        return -1;
    if (source->address % 4)
        return json_expected(json_get(at, "address"), error, "the address of a word (a multiple of 4)");
    return source->value & ~source->mask
               ? json_expected(json_get(at, "equals"), error, "no bit outside of \"mask\"")
               : 0;
}

static int take_exec(struct json at, struct source *source, struct error *error)
{
    static const char *const keys[] = {"from", "run", "within_ms", "comment", NULL};
    if (json_check_keys(at, keys, error) || take_strings(at, "run", true, &source->run, error) ||
        take_ms(at, "within_ms", false, &source->within_us, error))
        return -1;
    return source->run[0] && source->run[0][0]
               ? option_may_run(json_get(at, "run"), error)
               : json_expected(json_get(at, "run"), error, "a program and its arguments");
}

static int take_canary(struct json at, struct source *source, struct error *error)
{
    static const char *const keys[] = {"from", "address", "comment", NULL};
    if (json_check_keys(at, keys, error) || take_address(at, "address", true, &source->address, error))
        return -1;
    return source->address % 4
               ? json_expected(json_get(at, "address"), error, "the address of a word (a multiple of 4)")
               : 0;
}

static int take_plain(struct json at, struct board *board, enum fact fact, struct source *source,
                      struct error *error)
{
    static const char *const keys[] = {"from", "within_ms", "comment", NULL};
    if (json_check_keys(at, keys, error) || take_ms(at, "within_ms", false, &source->within_us, error))
        return -1;
    if (source->kind == SOURCE_STORAGE && fact == FACT_DATA && !board->data.len)
        return json_expected(at, error, "$.memory.data, whose bytes are meant");
    return 0;
}

static int parse_source(struct json at, struct board *board, enum fact fact, struct source *source,
                        struct error *error)
{
    const char *words[SOURCES + 1] = {0};
    int kind;
    for (int i = 0; i < SOURCES; i++)
        words[i] = kinds[i].name;
    if (json_object(at, error) || take_comment(at, error) ||
        take_choice(at, "from", true, words, &kind, error))
        return -1;
    *source = (struct source){.kind = (enum source_kind)kind, .within_us = WITHIN_US};
    if (!(kinds[kind].facts & BIT(fact)))
        return json_expected(json_get(at, "from"), error, "a source that can tell '%s'", facts[fact].name);
    switch (source->kind) {
    case SOURCE_MARK:
        return take_mark(at, board, fact, source, error);
    case SOURCE_ASK:
        return take_ask(at, source, error);
    case SOURCE_PROBE:
        return fact == FACT_ALIVE ? take_plain(at, board, fact, source, error)
                                  : take_probe(at, source, error);
    case SOURCE_EXEC:
        return take_exec(at, source, error);
    case SOURCE_HTTP:
        return facts_take_http(at, fact, source, error);
    case SOURCE_CANARY:
        return take_canary(at, source, error);
    default:
        return take_plain(at, board, fact, source, error);
    }
}

static int parse_fact(struct json list, struct board *board, enum fact fact, struct error *error)
{
    struct fact_sources *sources = &board->facts[fact];
    if (json_array(list, error))
        return -1;
    if (!json_count(list) || json_count(list) > SOURCES_MAX)
        return json_expected(list, error, "1 to %d sources", SOURCES_MAX);
    for (size_t i = 0; i < json_count(list); i++)
        if (parse_source(json_at(list, i), board, fact, &sources->list[sources->count++], error))
            return -1;
    return 0;
}

/* ---- what follows from the rest of the board file ---- */

static struct source *add(struct board *board, enum fact fact, enum source_kind kind)
{
    struct fact_sources *sources = &board->facts[fact];
    struct source *source = &sources->list[sources->count++];
    *source = (struct source){.kind = kind, .within_us = WITHIN_US};
    return source;
}

static bool mark_has(const struct board *board, const char *name, const char *group)
{
    const struct board_mark *mark = board_mark(board, name);
    char *wanted = mem_printf("(?<%s>", group);
    bool found = mark && strstr(mark->expression, wanted);
    free(wanted);
    return found;
}

static void add_mark(struct board *board, enum fact fact, const char *mark)
{
    if (board_mark(board, mark))
        add(board, fact, SOURCE_MARK)->mark = mem_string(mark);
}

static void derive_cold(struct board *board)
{
    if (mark_has(board, "boot", "reset")) {
        struct source *source = add(board, FACT_COLD, SOURCE_MARK);
        source->mark = mem_string("boot");
        source->group = mem_string("reset");
        source->equals = mem_printf("%llx", (unsigned long long)board->power_on_reset);
    }
    add(board, FACT_COLD, SOURCE_SENSE);
}

static void derive_image(struct board *board)
{
    if (mark_has(board, "app_up", "hash") || mark_has(board, "app_up", "version"))
        add_mark(board, FACT_IMAGE, "app_up");
    add(board, FACT_IMAGE, SOURCE_UPDATE);
    if (board->slots[0].len)
        add(board, FACT_IMAGE, SOURCE_STORAGE);
}

static void derive(struct board *board, enum fact fact)
{
    switch (fact) {
    case FACT_STARTED:
        add_mark(board, fact, "boot");
        break;
    case FACT_COLD:
        derive_cold(board);
        break;
    case FACT_UP:
        add_mark(board, fact, "app_up");
        add(board, fact, SOURCE_UPDATE);
        break;
    case FACT_IMAGE:
        derive_image(board);
        break;
    case FACT_CONFIRMED:
        if (mark_has(board, "app_up", "confirmed"))
            add_mark(board, fact, "app_up");
        add(board, fact, SOURCE_UPDATE);
        break;
    case FACT_ALIVE:
        add(board, fact, SOURCE_UPDATE);
        add(board, fact, SOURCE_PROBE);
        break;
    case FACT_DATA:
        add_mark(board, fact, "data");
        if (!board->facts[fact].count && board->data.len)
            add(board, fact, SOURCE_STORAGE);
        break;
    case FACT_REPORT:
        add_mark(board, fact, "report");
        break;
    case FACTS:
        break;
    }
}

int facts_parse(struct json root, struct board *board, struct error *error)
{
    const char *keys[FACTS + 1] = {0};
    struct json at = json_get(root, "facts");
    for (int i = 0; i < FACTS; i++)
        keys[i] = facts[i].name;
    if (json_present(at) && (json_object(at, error) || json_check_keys(at, keys, error)))
        return -1;
    for (int fact = 0; fact < FACTS; fact++) {
        struct json list = json_get(at, facts[fact].name);
        if (!json_present(list))
            derive(board, (enum fact)fact);
        else if (parse_fact(list, board, (enum fact)fact, error))
            return -1;
    }
    return 0;
}

void facts_release(struct board *board)
{
    for (int fact = 0; fact < FACTS; fact++)
        for (size_t i = 0; i < board->facts[fact].count; i++) {
            struct source *source = &board->facts[fact].list[i];
            free(source->mark);
            free(source->group);
            free(source->equals);
            free(source->say);
            free(source->answer);
            facts_free_http(source->http);
            take_free_strings(source->run);
            take_free_strings(source->intact);
        }
}

/* ---- asking for them ---- */

const struct source *facts_source(const struct board *board, enum fact fact, enum source_kind kind)
{
    const struct fact_sources *sources = &board->facts[fact];
    for (size_t i = 0; i < sources->count; i++)
        if (sources->list[i].kind == kind)
            return &sources->list[i];
    return NULL;
}

static bool senses(const struct rack_place *place)
{
    const struct rack_device *power = &place->devices[RACK_POWER];
    return place->devices[RACK_SENSE].driver ||
           (power->driver && power->driver->power && power->driver->power->sense_us &&
            power->driver->power->sense_us(power->config));
}

static bool answers(const struct rack_place *place)
{
    const struct rack_device *update = &place->devices[RACK_UPDATE];
    return update->driver && update->driver->update &&
           update->driver->update->abilities(update->config) & UPDATE_BOARD_ANSWERS;
}

bool facts_usable(const struct source *source, const struct rack_place *place)
{
    int role = kinds[source->kind].role;
    if (!place || role < 0)
        return true;
    if (source->kind == SOURCE_SENSE)
        return senses(place);
    if (source->kind == SOURCE_UPDATE)
        return answers(place);
    return place->devices[role].driver != NULL;
}

const struct source *facts_next(const struct board *board, enum fact fact, const struct rack_place *place,
                                size_t from, size_t *index)
{
    const struct fact_sources *sources = &board->facts[fact];
    for (size_t i = from; i < sources->count; i++)
        if (facts_usable(&sources->list[i], place)) {
            *index = i;
            return &sources->list[i];
        }
    return NULL;
}

static bool known(const struct board *board, const struct rack_place *place, enum fact fact)
{
    size_t index;
    return facts_next(board, fact, place, 0, &index) != NULL;
}

const char *facts_lack(const struct board *board, const struct rack_place *place, const char *clause)
{
    static const struct {
        const char *clause;
        enum fact fact;
        const char *why;
    } needs[] = {{"G1", FACT_UP, "nothing tells that this board's application runs"},
                 {"G2", FACT_IMAGE, "nothing tells which image runs on this board"},
                 {"G3", FACT_IMAGE, "nothing tells which image runs on this board"},
                 {"G4", FACT_IMAGE, "nothing tells which image runs on this board"},
                 {"G5", FACT_DATA, "nothing tells of this board's data"},
                 {"G6", FACT_REPORT, "this board reports nothing"},
                 {"H1", FACT_COLD, "nothing can prove that this board lost its power"}};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (!strcmp(needs[i].clause, clause) && !known(board, place, needs[i].fact))
            return needs[i].why;
    if (place && !strcmp(clause, "G4") && !place->devices[RACK_UPDATE].driver)
        return "the place has no update client";
    return NULL;
}

void facts_print(FILE *out, const struct board *board, const struct rack_place *place)
{
    fprintf(out, "%-10s %-34s %-18s %s\n", "fact", "sources, the most trusted first", "clauses", "wires");
    for (int fact = 0; fact < FACTS; fact++) {
        char names[120] = "", wires[80] = "";
        size_t index;
        const struct source *source;
        for (size_t from = 0; (source = facts_next(board, (enum fact)fact, place, from, &index));
             from = index + 1) {
            size_t len = strlen(names), wired = strlen(wires);
            snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", source_name(source->kind));
            if (!strstr(wires, source_wire(source->kind)))
                snprintf(wires + wired, sizeof wires - wired, "%s%s", wired ? ", " : "",
                         source_wire(source->kind));
        }
        fprintf(out, "%-10s %-34s %-18s %s\n", facts[fact].name, names[0] ? names : "none",
                facts[fact].clauses, wires[0] ? wires : "-");
        if (!names[0])
            fprintf(out, "%-10s   not judged: %s; to add: %s\n", "", facts[fact].clauses, facts[fact].advice);
    }
}

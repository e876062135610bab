/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/board.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <inttypes.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/base/take.h"

const char *const board_confirms_words[] = {"host", "itself", "never", NULL};

/* Names that the author chooses become names of files, words of commands and lines of reports. */
static int check_name(struct json at, struct error *error)
{
    if (take_is_name(at.node->string))
        return 0;
    return error_set(
        error, ERROR_INPUT,
        "%s: %s: expected as its key a name of 1 to 64 letters, digits, '.', '_' or '-', found '%s'",
        at.document->name, at.path, at.node->string);
}

static int check_expression(struct json at, const char *text, struct error *error)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
    if (!regex) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(code, why, sizeof why);
        return json_expected(at, error, "a regular expression (%s at character %zu)", why, (size_t)offset);
    }
    pcre2_code_free(regex);
    return 0;
}

static int parse_marks(struct json root, struct board *board, struct error *error)
{
    struct json marks = json_get(root, "marks");
    if (!json_present(marks))
        return 0;
    if (json_object(marks, error))
        return -1;
    board->marks = mem_array(json_count(marks) + 1, sizeof *board->marks);
    for (size_t i = 0; i < json_count(marks); i++) {
        struct json at = json_member(marks, i);
        const char *text;
        if (check_name(at, error) || json_string(at, &text, error) || check_expression(at, text, error))
            return -1;
        struct board_mark *mark = &board->marks[board->mark_count++];
        mark->name = mem_string(at.node->string);
        mark->expression = mem_string(text);
    }
    return 0;
}

/* A run that cannot tell whether the application runs, or which, could judge nothing. */
static int check_facts(struct json root, const struct board *board, struct error *error)
{
    static const enum fact needed[] = {FACT_UP, FACT_IMAGE};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!board->facts[needed[i]].count)
            return json_expected(json_get(json_get(root, "facts"), fact_name(needed[i])), error,
                                 "a source that tells it (%s)", fact_text(needed[i]));
    return 0;
}

static int parse_phases(struct json root, struct board *board, struct error *error)
{
    static const char *const keys[] = {"mark", "after_ms", "length_ms", "comment", NULL};
    struct json phases = json_get(root, "phases");
    if (!json_present(phases))
        return 0;
    if (json_object(phases, error))
        return -1;
    board->phases = mem_array(json_count(phases) + 1, sizeof *board->phases);
    for (size_t i = 0; i < json_count(phases); i++) {
        struct json at = json_member(phases, i);
        struct board_phase *phase = &board->phases[board->phase_count++];
        phase->name = mem_string(at.node->string);
        phase->after_ms = -1;
        if (json_object(at, error) || json_check_keys(at, keys, error) || take_comment(at, error) ||
            take_string(at, "mark", false, &phase->mark, error) ||
            take_integer(at, "after_ms", false, 0, 3600000, &phase->after_ms, error) ||
            take_integer(at, "length_ms", false, 1, 3600000, &phase->length_ms, error))
            return -1;
        if (phase->mark && !board_mark(board, phase->mark))
            return json_expected(json_get(at, "mark"), error, "a mark of $.marks");
        if (!phase->mark && phase->after_ms < 0)
            return json_expected(at, error, "\"mark\", or \"after_ms\" where the board prints none");
    }
    return 0;
}

static int parse_span(struct json at, struct board_span *span, struct error *error)
{
    static const char *const keys[] = {"address", "size", "page", NULL};
    int64_t len = 0, page = 1;
    if (json_object(at, error) || json_check_keys(at, keys, error) ||
        take_address(at, "address", true, &span->address, error) ||
        take_word(at, "size", true, 1, UINT32_MAX, &len, error) ||
        take_word(at, "page", false, 1, UINT32_MAX, &page, error))
        return -1;
    if (len % page || span->address % page)
        return json_expected(at, error, "a range of whole pages of %" PRId64 " bytes", page);
    if (span->address + len > (int64_t)UINT32_MAX + 1)
        return json_expected(json_get(at, "size"), error, "a size that ends below 4 GiB");
    span->len = (uint32_t)len;
    return 0;
}

static int check_inside(struct json at, const struct board_span *part, const struct board_span *whole,
                        struct error *error)
{
    if (part->address < whole->address ||
        (uint64_t)part->address + part->len > (uint64_t)whole->address + whole->len)
        return json_expected(at, error, "a range inside $.memory.flash");
    return 0;
}

static int parse_memory(struct json root, struct board *board, struct error *error)
{
    static const char *const keys[] = {"flash", "slots", "slot_header", "data", "device_id",
                                       "runs",  "state", "comment",     NULL};
    struct json memory = json_get(root, "memory");
    if (!json_present(memory))
        return 0;
    if (json_object(memory, error) || json_check_keys(memory, keys, error) || take_comment(memory, error) ||
        parse_span(json_get(memory, "flash"), &board->flash, error))
        return -1;
    struct json slots = json_get(memory, "slots");
    if (json_present(slots) && json_array(slots, error))
        return -1;
    if (json_present(slots) && json_count(slots) != 2)
        return json_expected(slots, error, "two slots");
    for (size_t i = 0; i < json_count(slots); i++)
        if (parse_span(json_at(slots, i), &board->slots[i], error) ||
            check_inside(json_at(slots, i), &board->slots[i], &board->flash, error))
            return -1;
    static const char *const places[] = {"first", "either", NULL};
    int runs = 0;
    if (take_choice(memory, "runs", false, places, &runs, error))
        return -1;
    board->runs_either = runs == 1;
    struct json state = json_get(memory, "state");
    if (json_present(state) && json_array(state, error))
        return -1;
    board->state = mem_array(json_count(state) + 1, sizeof *board->state);
    for (size_t i = 0; i < json_count(state); i++)
        if (parse_span(json_at(state, i), &board->state[board->state_count++], error))
            return -1;
    struct json data = json_get(memory, "data");
    if (json_present(data) &&
        (parse_span(data, &board->data, error) || check_inside(data, &board->data, &board->flash, error)))
        return -1;
    struct board_span id = {0};
    struct json id_at = json_get(memory, "device_id");
    if (json_present(id_at) && parse_span(id_at, &id, error))
        return -1;
    board->device_id_address = id.address;
    board->device_id_len = id.len;
    return take_address(memory, "slot_header", false, &board->slot_header_len, error);
}

/* {"name": {"address", "size"}, ...} */
static int parse_named_spans(struct json spans, struct board_span **list, size_t *count, struct error *error)
{
    if (!json_present(spans))
        return 0;
    if (json_object(spans, error))
        return -1;
    *list = mem_array(json_count(spans) + 1, sizeof **list);
    for (size_t i = 0; i < json_count(spans); i++) {
        struct json at = json_member(spans, i);
        struct board_span *span = &(*list)[(*count)++];
        span->name = mem_string(at.node->string);
        if (check_name(at, error) || parse_span(at, span, error))
            return -1;
    }
    return 0;
}

/* What has no place would be written over the boot loader. */
static int check_initial(struct json root, const struct board *board, struct error *error)
{
    struct json at = json_get(root, "initial");
    for (size_t i = 0; i < json_count(at); i++) {
        const char *name = board->initial[i];
        uint32_t address;
        if (board_where(board, name, &address))
            continue;
        if (!strcmp(name, BOARD_START))
            return json_expected(json_at(at, i), error,
                                 "a board with $.memory.slots, the first of which takes it");
        return json_expected(json_at(at, i), error, "an image that has an address in $.images, or %s",
                             BOARD_START);
    }
    return 0;
}

static int parse_images(struct json root, struct board *board, struct error *error)
{
    static const char *const keys[] = {"file", "address", NULL};
    struct json images = json_get(root, "images");
    if (json_present(images) && json_object(images, error))
        return -1;
    board->images = mem_array(json_count(images) + 1, sizeof *board->images);
    for (size_t i = 0; i < json_count(images); i++) {
        struct json at = json_member(images, i);
        struct board_image *image = &board->images[board->image_count++];
        image->name = mem_string(at.node->string);
        image->has_address = json_present(json_get(at, "address"));
        if (check_name(at, error) || json_object(at, error) || json_check_keys(at, keys, error) ||
            take_string(at, "file", false, &image->file, error) ||
            take_address(at, "address", false, &image->address, error))
            return -1;
    }
    return take_strings(root, "initial", false, &board->initial, error) || check_initial(root, board, error);
}

static int parse_limits(struct json root, struct board *board, struct error *error)
{
    static const char *const keys[] = {"boot_ms",      "recovery_ms", "cycles",      "quiet_ms", "off_ms",
                                       "first_run_ms", "answer_ms",   "boot_factor", "comment",  NULL};
    struct json limits = json_get(root, "limits");
    board->boot_ms = 5000;
    board->recovery_ms = 30000;
    board->cycles = 3;
    board->off_ms = 200;
    board->first_run_ms = 2000;
    board->boot_factor = 10;
    board->answer_ms = 3000;
    if (!json_present(limits))
        return 0;
    if (json_object(limits, error) || json_check_keys(limits, keys, error) || take_comment(limits, error) ||
        take_integer(limits, "boot_factor", false, 0, 1000, &board->boot_factor, error) ||
        take_integer(limits, "quiet_ms", false, 0, 3600000, &board->quiet_ms, error) ||
        take_integer(limits, "off_ms", false, 1, 3600000, &board->off_ms, error) ||
        take_integer(limits, "first_run_ms", false, 0, 3600000, &board->first_run_ms, error) ||
        take_integer(limits, "answer_ms", false, 1, 3600000, &board->answer_ms, error) ||
        take_integer(limits, "boot_ms", false, 1, 3600000, &board->boot_ms, error) ||
        take_integer(limits, "recovery_ms", false, 1, 3600000, &board->recovery_ms, error))
        return -1;
    return take_integer(limits, "cycles", false, 0, 100, &board->cycles, error);
}

static bool is_bare(struct json root)
{
    return !json_present(json_get(root, "marks")) && !json_present(json_get(root, "facts"));
}

int board_check_keys(struct json root, struct error *error)
{
    static const char *const keys[] = {"schema_version",
                                       "name",
                                       "title",
                                       "chip",
                                       "memory",
                                       "marks",
                                       "facts",
                                       "phases",
                                       "confirms",
                                       "evidence",
                                       "watches",
                                       "images",
                                       "initial",
                                       "limits",
                                       "power_on_reset",
                                       "power_on_reset_shared",
                                       "transports",
                                       "explore",
                                       "reset_pin",
                                       "comment",
                                       NULL};
    static const char *const bare_keys[] = {"schema_version", "name",    "title",     "chip",    "memory",
                                            "watches",        "explore", "reset_pin", "comment", NULL};
    return json_check_keys(root, is_bare(root) ? bare_keys : keys, error);
}

int board_load(const char *path, struct board *board, struct error *error)
{
    struct json_document document;
    *board = (struct board){0};
    if (json_load(&document, path, error))
        return -1;
    struct json root = json_root(&document);
    board->path = mem_string(path);
    board->bare = is_bare(root);
    int result = -1;
    if (take_version(root, 1, error) || board_check_keys(root, error) || take_comment(root, error) ||
        take_name(root, "name", true, &board->name, error) ||
        take_string(root, "title", !board->bare, &board->title, error) ||
        take_name(root, "chip", true, &board->chip, error) || parse_memory(root, board, error) ||
        parse_named_spans(json_get(root, "watches"), &board->watches, &board->watch_count, error))
        goto out;
    if (board->bare) {
        result = 0;
        goto out;
    }
    int confirms = CONFIRMS_HOST;
    if (parse_marks(root, board, error) || parse_phases(root, board, error) ||
        take_choice(root, "confirms", false, board_confirms_words, &confirms, error) ||
        parse_named_spans(json_get(root, "evidence"), &board->evidence, &board->evidence_count, error) ||
        parse_images(root, board, error) || parse_limits(root, board, error) ||
        take_word(root, "power_on_reset", false, 0, UINT32_MAX, &board->power_on_reset, error) ||
        take_bool(root, "power_on_reset_shared", &board->power_on_reset_shared, error) ||
        take_strings(root, "transports", false, &board->transports, error) ||
        facts_parse(root, board, error) || check_facts(root, board, error))
        goto out;
    board->confirms = (enum board_confirms)confirms;
    result = 0;
out:
    json_close(&document);
    if (result)
        board_release(board);
    return result;
}

int board_find(const char *folder, const char *name, struct board *board, struct error *error)
{
    char *path = surroundings_board(folder, name);
    int result = -1;
    if (strcmp(path, name) && access(path, R_OK))
        error_set(error, ERROR_INPUT, "board '%s': no file %s (see `otarig boards`)", name, path);
    else
        result = board_load(path, board, error);
    free(path);
    return result;
}

int board_can_run(const struct board *board, struct error *error)
{
    return board->bare ? error_set(error, ERROR_INPUT,
                                   "%s: $.marks: expected the lines of its console, or $.facts without one; "
                                   "without them it can be explored, but not run",
                                   board->path)
                       : 0;
}

void board_release(struct board *board)
{
    for (size_t i = 0; i < board->mark_count; i++) {
        free(board->marks[i].name);
        free(board->marks[i].expression);
    }
    for (size_t i = 0; i < board->watch_count; i++)
        free(board->watches[i].name);
    for (size_t i = 0; i < board->evidence_count; i++)
        free(board->evidence[i].name);
    for (size_t i = 0; i < board->image_count; i++) {
        free(board->images[i].name);
        free(board->images[i].file);
    }
    for (size_t i = 0; i < board->phase_count; i++) {
        free(board->phases[i].name);
        free(board->phases[i].mark);
    }
    facts_release(board);
    free(board->phases);
    free(board->state);
    free(board->marks);
    free(board->watches);
    free(board->evidence);
    free(board->images);
    take_free_strings(board->initial);
    take_free_strings(board->transports);
    free(board->name);
    free(board->title);
    free(board->chip);
    free(board->path);
    *board = (struct board){0};
}

const struct board_mark *board_mark(const struct board *board, const char *name)
{
    for (size_t i = 0; i < board->mark_count; i++)
        if (!strcmp(board->marks[i].name, name))
            return &board->marks[i];
    return NULL;
}

const struct board_phase *board_phase(const struct board *board, const char *name)
{
    for (size_t i = 0; i < board->phase_count; i++)
        if (!strcmp(board->phases[i].name, name))
            return &board->phases[i];
    return NULL;
}

/* A comparator masks low bits of an address (ARMv7-M, C1.8.17). */
static bool can_be_watched(const struct board_span *span)
{
    return !(span->len & (span->len - 1)) && !(span->address & (span->len - 1));
}

static const struct board_span *watch_of_state(const struct board *board, const char *name)
{
    const struct board_span *span = NULL;
    if (board->state_count && !strcmp(name, "swap_state"))
        span = &board->state[0];
    else if (board->state_count && !strcmp(name, "revert_state"))
        span = &board->state[board->state_count - 1];
    return span && can_be_watched(span) ? span : NULL;
}

const struct board_span *board_watch(const struct board *board, const char *name)
{
    for (size_t i = 0; i < board->watch_count; i++)
        if (!strcmp(board->watches[i].name, name))
            return &board->watches[i];
    return watch_of_state(board, name);
}

bool board_where(const struct board *board, const char *name, uint32_t *address)
{
    if (!strcmp(name, BOARD_START)) {
        *address = board->slots[0].address;
        return board->slots[0].len;
    }
    const struct board_image *image = board_image(board, name);
    *address = image ? image->address : 0;
    return image && image->has_address;
}

const struct board_image *board_image(const struct board *board, const char *name)
{
    for (size_t i = 0; i < board->image_count; i++)
        if (!strcmp(board->images[i].name, name))
            return &board->images[i];
    return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal reader and the fold on any bytes: no crash, and a pass only from a journal that earned it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "harness/record/journal.h"
#include "harness/record/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct verdict *verdict, bool rig, bool torn)
{
    if (verdict->kind == VERDICT_PASS || verdict->kind == VERDICT_FAIL)
        if (!verdict->complete || rig || torn)
            abort();
    if ((verdict->kind == VERDICT_FAIL) != (verdict->class != CLASS_NONE))
        abort();
    for (size_t i = 0; verdict->kind == VERDICT_PASS && i < VERDICT_CLAUSES; i++)
        if (verdict->clauses[i].judged && !verdict->clauses[i].holds)
            abort();
}

/* Without its last byte, and without its last line, nothing that was decided may still be. */
static void check_torn(const uint8_t *data, size_t len)
{
    size_t line = len - 1;
    while (line && data[line - 1] != '\n')
        line--;
    const size_t lengths[] = {len - 1, line};
    for (size_t i = 0; i < 2; i++) {
        struct error error = {0};
        struct verdict verdict;
        struct journal_reader *reader = journal_open_memory("torn", (const char *)data, lengths[i]);
        if (!verdict_of_reader(reader, &verdict, NULL, &error)) {
            if (verdict.kind == VERDICT_PASS || verdict.kind == VERDICT_FAIL)
                abort();
            verdict_release(&verdict);
        }
        journal_reader_free(reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct error error = {0};
    struct verdict verdict;
    struct journal_line line;
    bool rig = false;
    struct journal_reader *reader = journal_open_memory("fuzz", (const char *)data, len);
    while (journal_read(reader, &line, &error) > 0)
        rig |= line.event.kind == EVENT_RIG;
    journal_reader_free(reader);
    reader = journal_open_memory("fuzz", (const char *)data, len);
    if (!verdict_of_reader(reader, &verdict, NULL, &error)) {
        check(&verdict, rig, journal_torn(reader));
        if (verdict.kind == VERDICT_PASS || verdict.kind == VERDICT_FAIL)
            check_torn(data, len);
        cJSON_Delete(verdict_json(&verdict));
        verdict_release(&verdict);
    }
    journal_reader_free(reader);
    return 0;
}

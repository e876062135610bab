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
        cJSON_Delete(verdict_json(&verdict));
        verdict_release(&verdict);
    }
    journal_reader_free(reader);
    return 0;
}

/* Which pages hold flags, so that the reduced alphabet tries every operation there. */
#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/explore/search.h"

static void take_given(const struct spec *spec, uint8_t *trailer)
{
    for (size_t i = 0; i < spec->trailer_count; i++) {
        size_t offset = machine_offset(spec, spec->trailers[i].address);
        for (size_t page = offset >> 12; page <= (offset + spec->trailers[i].len - 1) >> 12; page++)
            trailer[page] = 1;
    }
}

/* Pages that are come back to again and again for few operations each: flags, not data. */
static void find(const struct spec *spec, const struct op *ops, size_t op_count, uint8_t *trailer)
{
    size_t pages = (spec->nvm_size >> 12) + 1, last = SIZE_MAX;
    uint32_t *visits = mem_array(pages, sizeof *visits), *writes = mem_array(pages, sizeof *writes);
    for (size_t i = 0; i < op_count; i++) {
        if (ops[i].kind != TWIN_NVM_WRITE)
            continue;
        size_t page = machine_offset(spec, ops[i].address) >> 12;
        visits[page] += page != last;
        writes[page]++;
        last = page;
    }
    for (size_t i = 0; i < pages; i++)
        trailer[i] = writes[i] && writes[i] <= 16 * visits[i];
    free(visits);
    free(writes);
}

void search_find_trailers(struct search *search, const struct op *ops, size_t op_count)
{
    if (search->spec->trailers_given)
        take_given(search->spec, search->trailer);
    else
        find(search->spec, ops, op_count, search->trailer);
}

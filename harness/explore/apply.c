/* What an operation, whole or torn, does to an image of the memory. */
#include <string.h>

#include "harness/explore/search.h"

void search_apply(const struct spec *spec, uint8_t *nvm, const struct op *op)
{
    if (op->kind == TWIN_NVM_ERASE_ALL)
        memset(nvm, 0xff, spec->nvm_size);
    else if (op->kind == TWIN_NVM_ERASE_PAGE)
        memset(nvm + machine_offset(spec, op->address), 0xff, op->value);
    else
        memcpy(nvm + machine_offset(spec, op->address), &op->value, op->len);
}

void search_tear(const struct spec *spec, uint8_t *nvm, const struct op *op, enum torn_model model,
                 uint64_t seed)
{
    if (op->kind == TWIN_NVM_ERASE_ALL) {
        torn_erase(model, seed, 0, nvm, spec->nvm_size & ~(size_t)3);
        return;
    }
    uint8_t *at = nvm + machine_offset(spec, op->address);
    if (op->kind == TWIN_NVM_ERASE_PAGE) {
        torn_erase(model, seed, op->address, at, op->value);
        return;
    }
    uint32_t before = 0, after;
    memcpy(&before, at, op->len);
    after = torn_word(model, seed, op->address, before, op->value);
    memcpy(at, &after, op->len);
}

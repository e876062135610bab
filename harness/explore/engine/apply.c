/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operation, whole or torn, does to an image of the memory. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/apply.h"

void apply_op(const struct spec *spec, uint8_t *nvm, const struct op *op)
{
    if (op->kind == TWIN_NVM_ERASE_ALL)
        memset(nvm, 0xff, spec->nvm_size);
    else if (op->kind == TWIN_NVM_ERASE_PAGE)
        twin_erase_part(op->address, nvm + machine_offset(spec, op->address), op->value, op->to_ppm);
    else
        memcpy(nvm + machine_offset(spec, op->address), &op->value, op->len);
}

static void tear_erase(const struct spec *spec, uint8_t *nvm, const struct op *op, enum torn_model model,
                       uint64_t seed)
{
    bool all = op->kind == TWIN_NVM_ERASE_ALL;
    size_t len = all ? spec->nvm_size & ~(size_t)3 : op->value;
    uint8_t *at = all ? nvm : nvm + machine_offset(spec, op->address), *whole = mem_copy(at, len);
    twin_erase_part(op->address, whole, len, all ? TWIN_WHOLE_PPM : op->to_ppm);
    torn_erase(model, seed, all ? 0 : op->address, at, whole, len);
    free(whole);
}

void apply_torn(const struct spec *spec, uint8_t *nvm, const struct op *op, enum torn_model model,
                uint64_t seed)
{
    if (op->kind != TWIN_NVM_WRITE) {
        tear_erase(spec, nvm, op, model, seed);
        return;
    }
    uint8_t *at = nvm + machine_offset(spec, op->address);
    uint32_t before = 0, after;
    memcpy(&before, at, op->len);
    after = torn_word(model, seed, op->address, before, op->value);
    memcpy(at, &after, op->len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sequence of cuts in a file: scenarios/sequence.schema.json. */
#ifndef OTARIG_EXPLORE_SEARCH_SEQUENCE_H
#define OTARIG_EXPLORE_SEARCH_SEQUENCE_H

#include "harness/base/json.h"
#include "harness/explore/engine/machine.h"
#include "harness/explore/engine/model.h"

#define SEQUENCE_MAX 1000
#define SEQUENCE_NONE UINT64_MAX

struct sequence_cut {
    uint64_t operation, after_ns; /* SEQUENCE_NONE: by the other one */
    unsigned model; /* MODEL_RESET: in the power cycle of the cut after it, or in the last one */
    /* what it hit when it was made last */
    struct op hit;
    uint64_t hit_at; /* its number; SEQUENCE_NONE: the boot was over before */
    bool tore;       /* the model is one for such an operation */
};

/* 1 to SEQUENCE_MAX cuts; the caller frees the array, also after an error. */
int sequence_load(const char *path, struct sequence_cut **cuts, size_t *count, struct error *error);
int sequence_parse(const struct json_document *document, struct sequence_cut **cuts, size_t *count,
                   struct error *error);
/* As such a file, on standard output. */
void sequence_print(const struct sequence_cut *cuts, size_t count);

#endif

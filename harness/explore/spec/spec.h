/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to explore: chip, flash contents at the start, what ends a boot, what must hold afterwards. From a
 * scenario and a board file; describes foreign boot loaders completely. */
#ifndef OTARIG_EXPLORE_SPEC_SPEC_H
#define OTARIG_EXPLORE_SPEC_SPEC_H

#include "fixtures/twin/live/outside.h"
#include "fixtures/twin/core/twin.h"
#include "harness/base/json.h"
#include "harness/explore/spec/image.h"

struct spec_region {
    char *name;
    uint32_t address, len;
};

enum clause_kind {
    CLAUSE_EXECUTES, /* the boot ended because code ran in the region */
    CLAUSE_SEEN,     /* a console line matches */
    CLAUSE_NEVER,    /* no console line matches */
    CLAUSE_WORD,     /* (word & mask) == value */
    CLAUSE_EQUALS,   /* the region begins with one of the images */
    CLAUSE_SWAPPED,  /* region has image, other has other_image, or both as they were */
    CLAUSE_STABLE,   /* a further boot ends the same way and leaves the non-volatile memory as it is */
    CLAUSE_ONE_OF,   /* all clauses of one of the alternatives hold */
    CLAUSE_SETTLES, /* no boot locks up, resets for ever or goes on for ever; the last one of every phase that
                       boots */
};
#define CLAUSE_IMAGES_MAX 8
struct clause {
    enum clause_kind kind;
    char *text;             /* for people */
    const char *fail_class; /* one of explore_class_names */
    struct spec_region region, other;
    size_t images[CLAUSE_IMAGES_MAX], image_count; /* indices; SWAPPED: exactly two, region's then other's */
    void *pattern;                                 /* of SEEN and NEVER */
    uint32_t mask, value;
    unsigned boots; /* of STABLE */
    bool class_given;
    struct clause *parts; /* of ONE_OF, in order of alternatives */
    size_t part_count;
    unsigned alternative; /* of a part */
};

enum preparation { PREPARE_IMAGE, PREPARE_BYTES, PREPARE_FILL, PREPARE_BOOTS };
struct prepare {
    enum preparation kind;
    size_t image;
    uint32_t address, len;
    uint8_t *bytes; /* BYTES */
    uint8_t fill;
    unsigned boots;
    struct input *input; /* in these boots; NULL: as in those around them */
};
struct prepare_list {
    struct prepare *items;
    size_t count;
};

/* Clean boots after the explored power cycle, and what holds after them. */
struct phase {
    char *comment; /* NULL: none */
    struct prepare_list prepare;
    unsigned boots;
    struct input *input; /* in these boots and those of `prepare`; NULL: that of the spec */
    struct clause *clauses;
    size_t clause_count;
};

struct spec {
    char *name, *title, *board, *chip, *path;
    char sha256[65]; /* of scenario and board, but for the files that they name */
    size_t nvm_size;
    struct spec_region *regions;
    size_t region_count;
    struct explore_image *images;
    size_t image_count;
    struct prepare_list prepare;
    /* what ends a boot */
    struct spec_region *exec;
    size_t exec_count;
    void *end_pattern;             /* console line; NULL: none */
    uint64_t quiet_ns;             /* this long neither a flash operation nor a reset */
    uint64_t total_ns;             /* of a power cycle, with all its boots */
    unsigned resets;               /* that a power cycle may take */
    bool installs_given, installs; /* does the boot without a cut install anything, as the scenario says? */
    int reset_pin;      /* that UICR.PSELRESET names at the start; -1: blank, as chips are delivered */
    struct input input; /* where nothing else is said */
    struct watchdog watchdog;
    /* what is cut */
    struct spec_region *trailers;
    size_t trailer_count;
    bool trailers_given;
    struct spec_region *rot; /* whose bits may flip while the power is off */
    size_t rot_count;
    void *cut_from; /* console line from which on operations are cut; NULL: from power-up */
    /* phases[0] is the explored power cycle itself */
    struct phase *phases;
    size_t phase_count;
};

/* Where image files are looked for, in this order; each may be NULL. */
struct spec_folders {
    const char *firmware; /* what the user names */
    const char *scenario; /* beside the scenario; spec_load finds it itself */
    const char *standard; /* where the demo firmware is built */
};
/* The files of a scenario and a board, read and parsed. */
int spec_load(struct spec *spec, const char *scenario, const char *board, const struct spec_folders *folders,
              struct error *error);
int spec_parse(struct spec *spec, const struct json_document *scenario, const struct json_document *board,
               const struct spec_folders *folders, struct error *error);
void spec_release(struct spec *spec);

/* Offset in nvm of a bus address; SIZE_MAX: no non-volatile memory. *left: bytes from there to the end of its
 * region. */
size_t spec_offset(const struct spec *spec, uint32_t address, size_t *left);
uint32_t spec_address(const struct spec *spec, size_t offset);                       /* the inverse */
const struct spec_region *spec_region_of(const struct spec *spec, uint32_t address); /* the smallest; NULL */
/* Non-volatile memory of the board as it is delivered. */
void spec_factory(const struct spec *spec, uint8_t *nvm);
/* Puts everything but boots into a flash image. */
void spec_write(const struct spec *spec, const struct prepare *prepare, uint8_t *nvm);

/* No outcome: what follows rests on a register that the twin does not model. */
#define EXPLORE_NOT_JUDGED "not-judged"
/* Outcome classes; index 0 is "". */
extern const char *const explore_class_names[];
/* Is the device out of reach for good, so that no worse can follow? */
bool explore_class_is_end(const char *name);

#endif

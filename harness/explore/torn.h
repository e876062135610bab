/* What a disturbance at a flash operation leaves: named models. Every value is a function of the model, the
 * seed and the operation, never of chance. */
#ifndef OTARIG_EXPLORE_TORN_H
#define OTARIG_EXPLORE_TORN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum torn_model {
    TORN_CLEAN,       /* not torn: the operation did not begin */
    TORN_ONE_BIT,     /* word: only one of the bits to clear is 0 */
    TORN_ALL_BUT_ONE, /* word: one of the bits to clear is still 1 */
    TORN_RANDOM,      /* word: a random half of them */
    TORN_FIRST_HALF,  /* erase: the first half of the page is erased */
    TORN_LAST_HALF,   /* erase: the last half is */
    TORN_BITS,        /* erase: in each word a random half of the zeros became ones */
    TORN_RESET,       /* no cut: a pin reset before the operation, RAM keeps its contents */
    TORN_MODELS
};
extern const char *const torn_names[]; /* ends with NULL */

static inline bool torn_is_tear(enum torn_model model)
{
    return model != TORN_CLEAN && model != TORN_RESET;
}
static inline bool torn_is_erase(enum torn_model model)
{
    return model >= TORN_FIRST_HALF && model <= TORN_BITS;
}
/* The word afterwards; equal to before or value when the model has nothing of its own to say. */
uint32_t torn_word(enum torn_model model, uint64_t seed, uint32_t address, uint32_t before, uint32_t value);
/* The erase unit afterwards, in place. */
void torn_erase(enum torn_model model, uint64_t seed, uint32_t address, uint8_t *page, size_t len);

#endif

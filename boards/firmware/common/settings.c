/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/settings.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/sys.h"

#define MAGIC 0x5e771265u
#define VALUE_WORDS 16u

/* No two boards have the same, so that nobody can make them anew and call them kept. The magic comes last. */
struct settings {
    uint32_t magic, values[VALUE_WORDS];
};

static uint32_t random_word(void)
{
    uint32_t word = 0;
    for (int i = 0; i < 4; i++) {
        RNG_EVENTS_VALRDY = 0;
        while (!RNG_EVENTS_VALRDY)
            ;
        word = word << 8 | (RNG_VALUE & 0xff);
    }
    return word;
}

static void save(const struct settings *settings)
{
    flash_erase(SETTINGS);
    for (uint32_t i = 0; i < VALUE_WORDS; i++)
        flash_write(SETTINGS + 4 + 4 * i, settings->values[i]);
    flash_write(SETTINGS, settings->magic);
}

static void make(void)
{
    struct settings settings = {.magic = MAGIC};
    RNG_TASKS_START = 1;
    for (uint32_t i = 0; i < VALUE_WORDS; i++)
        settings.values[i] = random_word();
    RNG_TASKS_STOP = 1;
    save(&settings);
}

void settings_open(void)
{
    if (flash_word(SETTINGS) != MAGIC)
        make();
}

void settings_rewrite(void)
{
    struct settings settings;
    memcpy(&settings, flash_at(SETTINGS), sizeof settings);
    save(&settings);
}

uint32_t settings_print(void)
{
    uint32_t sum = 0x811c9dc5u;
    for (uint32_t i = 0; i < VALUE_WORDS; i++)
        sum = (sum ^ flash_word(SETTINGS + 4 + 4 * i)) * 0x01000193u ^ sum >> 15;
    return sum;
}

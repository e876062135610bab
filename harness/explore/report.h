/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of an exploration: summary, explore.json, junit.xml, index.html with pictures. */
#ifndef OTARIG_EXPLORE_REPORT_H
#define OTARIG_EXPLORE_REPORT_H

#include <stdio.h>

#include "harness/explore/search/findings.h"

/* Files into `out` (NULL: none); the summary or, with `json`, explore.json on stdout. */
int explore_report_all(const struct search *search, const struct findings *findings, const char *out,
                       bool json, struct error *error);
/* OUT/cases/ID/live.json for each finding, OUT/cases/sample for `sample` states: what
 * `otarig repro` does on a rig. */
int explore_report_live(struct search *search, const struct findings *findings, const char *out,
                        unsigned sample, struct error *error);
cJSON *explore_report_json(const struct search *search, const struct findings *findings, const char *out);
void explore_report_html(FILE *file, const struct search *search, const struct findings *findings);
/* report_tables.c, parts of that page: what the boot without a cut writes, where cuts lead to a failure, what
 * the flags say before and after. */
void explore_report_writes(FILE *file, const struct search *search);
void explore_report_windows(FILE *file, const struct search *search, const struct finding *finding);
void explore_report_flags(FILE *file, const struct search *search, const struct finding *finding);
/* `out`: the folder of the evidence, NULL: there is none. */
void explore_report_junit(FILE *file, const struct search *search, const struct findings *findings,
                          const char *out);
void explore_report_text(FILE *file, const struct search *search, const struct findings *findings);
/* Why an exploration that found no failure proves nothing, in words the caller frees; NULL: it does. */
char *explore_report_open(const struct search *search, const struct findings *findings);
bool explore_report_is_open(const struct search *search, const struct findings *findings);
/* What a finding rests on, or what its boot waited for: "waits at ... for register ...", "" when it did not
 * wait. The caller frees. */
char *explore_report_waits(const struct finding *finding);
char *explore_report_rests(const struct finding *finding);

/* report_slots.c: what the boot without a cut did to a slot, or to a region that the contract asks about. */
struct report_slot {
    const struct spec_region *region;
    const char *before, *after; /* the image at its begin, "nothing", "something else" */
    uint32_t changed;           /* bytes */
};
/* One after the other, from *number on, 0 at first. */
bool explore_report_slot(const struct search *search, size_t *number, struct report_slot *slot);
/* A region in which the contract takes old or new, though the boot without a cut does not write there (or
 * none that the scenario says it does): "old or new" then holds whatever happens. NULL: there is none. */
const char *explore_report_idle_region(const struct search *search);
/* A dump of the code flash or of all non-volatile memory as an nvm image; the caller frees. NULL: error. */
uint8_t *explore_read_dump(const struct spec *spec, const char *path, struct error *error);
/* What an exploration says nothing of: how many texts. */
#define REPORT_CLAIMS_MAX 8
size_t explore_report_not_claimed(const struct search *search, const char *list[REPORT_CLAIMS_MAX]);
/* Most memory this process ever had, from the kernel. */
size_t explore_report_peak_bytes(void);
/* "in phase 1 (its comment)", "" for the explored power cycle; and what is wrong, with what the console said.
 * The caller frees. */
char *explore_report_phase(const struct search *search, const struct finding *finding);
char *explore_report_detail(const struct search *search, const struct finding *finding);
/* "before", "torn", "partial", "after" */
const char *explore_report_cut_kind(const struct cut *cut);

/* The last operation of a window, that is: a cut behind the last one of a boot belongs to that one. */
uint32_t explore_report_last(const struct window *window);
/* Which pin resets the chip, as UICR of an nRF52 said at the start. */
enum { REPORT_NO_PIN = -2, REPORT_PIN_BLANK = -1 };
int explore_report_reset_pin(const struct search *search);

#endif

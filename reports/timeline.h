/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The course of one case as a picture: power, steps, marks, faults over time; inline SVG. */
#ifndef OTARIG_REPORTS_TIMELINE_H
#define OTARIG_REPORTS_TIMELINE_H

#include <stdio.h>

#include "harness/base/error.h"

/* Reads the journal and writes one <svg> element. -1 when the journal cannot be read; nothing is written
 * then. */
int timeline_write(const char *journal_path, FILE *out, struct error *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network side of the scripted board: a real HTTP server on this computer. */
#ifndef OTARIG_RUN_SCRIPT_WEB_H
#define OTARIG_RUN_SCRIPT_WEB_H

#include <stdbool.h>
#include <stddef.h>

struct script_web {
    void *daemon; /* NULL: the board file names no network */
    bool (*tell)(void *arg, char *text, size_t size);
    void *arg;
};

/* Where the board file says @PORT@ it is replaced in the copy that is returned, which the caller frees.
 * `tell` writes an answer; false: the board does not answer. It is called on another thread. */
char *script_web_start(struct script_web *web, const char *board_json,
                       bool (*tell)(void *arg, char *text, size_t size), void *arg);
void script_web_stop(struct script_web *web);

#endif

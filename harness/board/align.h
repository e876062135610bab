/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligns what a board printed in several starts: lines that differ in numbers only are one and the same line
 * with places that vary. Pure functions of their input; `otarig learn` proposes marks from what they find
 * (propose.h). */
#ifndef OTARIG_BOARD_ALIGN_H
#define OTARIG_BOARD_ALIGN_H

#include <stdbool.h>
#include <stddef.h>

/* What a recorded start of the board began with. */
enum align_kind {
    ALIGN_COLD,   /* power came back */
    ALIGN_WARM,   /* a restart, and nothing was to be updated */
    ALIGN_UPDATE, /* a restart into an image that was delivered */
    ALIGN_REVERT, /* a restart of an image on trial that nobody has confirmed */
    ALIGN_KINDS
};
extern const char *const align_kind_names[ALIGN_KINDS];

struct align_line {
    char *text; /* as the console gave it; control characters may be in it */
    double ms;  /* since the power came or the restart was asked for */
};
struct align_boot {
    enum align_kind kind;
    char *version, *hash; /* of the image that ran in the end; NULL: unknown */
    struct align_line *lines;
    size_t count;
};

/* A line is a row of pieces: text that never varies, and tokens (what holds a digit, or a colour). */
struct align_piece {
    bool token, varies; /* a token has the same value everywhere, or not */
    char *text;         /* of what does not vary; NULL */
};
struct align_hit {
    size_t boot, line;
    char **values; /* of the pieces, in their order; text for all of them */
};
struct align_cluster {
    char *key; /* the line with its tokens taken out */
    struct align_piece *pieces;
    size_t piece_count;
    struct align_hit *hits;
    size_t hit_count;
};
struct align {
    const struct align_boot *boots; /* borrowed */
    size_t boot_count;
    struct align_cluster *clusters; /* in the order of their first lines */
    size_t count;
};

/* Lines with other control characters than tabs and colours (frames of an update client) are left out. */
void align_lines(const struct align_boot *boots, size_t count, struct align *align);
void align_release(struct align *align);

/* How often the cluster has a line in this boot. */
size_t align_hits(const struct align_cluster *cluster, size_t boot);
/* Its first line in this boot; NULL: none. */
const struct align_hit *align_first(const struct align_cluster *cluster, size_t boot);
/* How many lines it has in every boot of this kind: at least and at most. false: there is no such boot. */
bool align_range(const struct align *align, const struct align_cluster *cluster, enum align_kind kind,
                 size_t *least, size_t *most);

/* A regular expression for the cluster's lines; the caller frees. What varies at its beginning (time stamps,
 * prompts) and end is left out. `group` names a capturing group for the piece `which`, if `which` is less
 * than the number of pieces; `prefix_len` characters of that piece's values stand before the group ("v" of
 * "v1.2.0"); `inner` is the expression in the group, NULL: by what its values look like. */
char *align_expression(const struct align_cluster *cluster, size_t which, const char *group,
                       size_t prefix_len, const char *inner);

#endif

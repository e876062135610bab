/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/align.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

const char *const align_kind_names[ALIGN_KINDS] = {"cold", "warm", "update", "revert"};

#define ESCAPE '\x1b'
#define COLOUR "(?:\\x1b\\[[0-9;]*[A-Za-z])*"

/* ---- cutting a line into pieces ---- */

/* The length of a run of escape sequences (ECMA-48 CSI ... final byte) at `at`. */
static size_t colour_len(const char *at)
{
    size_t len = 0;
    while (at[len] == ESCAPE && at[len + 1] == '[') {
        size_t end = len + 2 + strspn(at + len + 2, "0123456789;?");
        if (!isalpha((unsigned char)at[end]))
            break;
        len = end + 1;
    }
    return len;
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '+' || c == '-';
}

/* The length of a token at `at`: a word with a digit in it, without what ends a sentence. */
static size_t token_len(const char *at)
{
    size_t len = 0;
    bool digit = false;
    for (; in_word(at[len]); len++)
        digit |= isdigit((unsigned char)at[len]) != 0;
    while (len && strchr(".+-", at[len - 1]))
        len--;
    return digit ? len : 0;
}

/* The length of the word at `at`, without what ends a sentence. */
static size_t word_len(const char *at)
{
    size_t len = 0;
    while (in_word(at[len]))
        len++;
    while (len && strchr(".+-", at[len - 1]))
        len--;
    return len;
}

struct cut {
    struct {
        bool token;
        size_t from, len;
    } * pieces;
    size_t count;
    char *key;
};

static void add_piece(struct cut *cut, bool token, size_t from, size_t len)
{
    if (!len)
        return;
    cut->pieces = mem_resize(cut->pieces, cut->count + 1, sizeof *cut->pieces);
    cut->pieces[cut->count].token = token;
    cut->pieces[cut->count].from = from;
    cut->pieces[cut->count++].len = len;
}

/* The word that begins at `word` (NO_WORD: none) is a token, whether it holds a digit or not. */
#define NO_WORD SIZE_MAX
static void cut_line(const char *text, size_t word, struct cut *cut)
{
    size_t len = strlen(text), plain = 0, at = 0, key_len = 0;
    *cut = (struct cut){.key = mem_alloc(len + 1)};
    while (at < len) {
        bool begins = !at || !in_word(text[at - 1]) || (cut->count && plain == at);
        size_t token = at == word ? word_len(text + at) : colour_len(text + at);
        if (!token && begins)
            token = token_len(text + at);
        if (!token) {
            cut->key[key_len++] = text[at++];
            continue;
        }
        add_piece(cut, false, plain, at - plain);
        add_piece(cut, true, at, token);
        cut->key[key_len++] = text[at] == ESCAPE ? '\2' : '\1';
        at += token;
        plain = at;
    }
    add_piece(cut, false, plain, len - plain);
}

static bool is_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 && *text != '\t' && *text != ESCAPE)
            return false;
    return true;
}

/* ---- clusters ---- */

static struct align_cluster *cluster_of(struct align *align, const char *key)
{
    for (size_t i = 0; i < align->count; i++)
        if (!strcmp(align->clusters[i].key, key))
            return &align->clusters[i];
    align->clusters = mem_resize(align->clusters, align->count + 1, sizeof *align->clusters);
    align->clusters[align->count] = (struct align_cluster){.key = mem_string(key)};
    return &align->clusters[align->count++];
}

static void add_hit(struct align_cluster *cluster, const struct cut *cut, const char *text, size_t boot,
                    size_t line)
{
    struct align_hit hit = {boot, line, mem_array(cut->count + 1, sizeof *hit.values)};
    for (size_t i = 0; i < cut->count; i++)
        hit.values[i] = mem_printf("%.*s", (int)cut->pieces[i].len, text + cut->pieces[i].from);
    if (!cluster->pieces) {
        cluster->piece_count = cut->count;
        cluster->pieces = mem_array(cut->count + 1, sizeof *cluster->pieces);
        for (size_t i = 0; i < cut->count; i++)
            cluster->pieces[i].token = cut->pieces[i].token;
    }
    cluster->hits = mem_resize(cluster->hits, cluster->hit_count + 1, sizeof *cluster->hits);
    cluster->hits[cluster->hit_count++] = hit;
}

static void release_cluster(struct align_cluster *cluster)
{
    for (size_t h = 0; h < cluster->hit_count; h++) {
        for (size_t p = 0; p < cluster->piece_count; p++)
            free(cluster->hits[h].values[p]);
        free(cluster->hits[h].values);
    }
    for (size_t p = 0; p < cluster->piece_count; p++)
        free(cluster->pieces[p].text);
    free(cluster->hits);
    free(cluster->pieces);
    free(cluster->key);
}

/* ---- lines that tell a version and one word more that goes with it: "1.0.0 in slot A", "2.0.0 in slot B"
 * ----
 */

static const char *text_of(const struct align *align, const struct align_hit *hit)
{
    return align->boots[hit->boot].lines[hit->line].text;
}

/* Does each of its lines hold, as a word, the version of the image that ran? */
static bool holds_version(const struct align *align, const struct align_cluster *cluster)
{
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const char *version = align->boots[cluster->hits[h].boot].version;
        bool holds = false;
        for (size_t p = 0; version && p < cluster->piece_count; p++) {
            const char *value = cluster->hits[h].values[p];
            holds |= cluster->pieces[p].token && !strcmp(value + (*value == 'v'), version);
        }
        if (!holds)
            return false;
    }
    return true;
}

static bool in_one_boot(const struct align_cluster *a, const struct align_cluster *b)
{
    for (size_t h = 0; h < a->hit_count; h++)
        if (align_hits(b, a->hits[h].boot))
            return true;
    return false;
}

/* Where in a line something stands that is another one in another line. */
struct differing {
    size_t word, skip; /* in this word, counted by blanks; so many of its characters are the same in both */
};

/* "slot=A," and "slot=B,": all but A and B is the same. false: more differs than one run of letters and
 * digits. */
static bool differing_part(const char *a, size_t a_len, const char *b, size_t b_len, size_t *skip)
{
    size_t same = 0;
    while (same < a_len && same < b_len && a[same] == b[same])
        same++;
    while (same && in_word(a[same - 1]))
        same--;
    size_t a_part = word_len(a + same), b_part = word_len(b + same);
    if (!a_part || !b_part || same + a_part > a_len || same + b_part > b_len)
        return false;
    *skip = same;
    return a_len - a_part == b_len - b_part &&
           !memcmp(a + same + a_part, b + same + b_part, a_len - same - a_part);
}

/* Two keys, which are as many words as their lines. false: they differ in more than one place, or where a
 * token stands. */
static bool find_differing(const char *a, const char *b, struct differing *out)
{
    bool found = false;
    for (size_t word = 0; *a && *b; word++) {
        size_t a_len = strcspn(a, " "), b_len = strcspn(b, " ");
        if (a_len != b_len || memcmp(a, b, a_len) != 0) {
            if (found || memchr(a, '\1', a_len) || memchr(b, '\1', b_len) ||
                !differing_part(a, a_len, b, b_len, &out->skip))
                return false;
            found = true;
            out->word = word;
        }
        a += a_len + (a[a_len] == ' ');
        b += b_len + (b[b_len] == ' ');
    }
    return !*a && !*b && found;
}

static void cut_at(const char *text, const struct differing *at, struct cut *cut)
{
    const char *word = text;
    for (size_t i = at->word; i && word; i--) {
        word = strchr(word, ' ');
        word += word != NULL;
    }
    cut_line(text, word ? (size_t)(word - text) + at->skip : NO_WORD, cut);
}

static void move_hits(const struct align *align, const struct align_cluster *from, const struct differing *at,
                      struct align_cluster *to)
{
    for (size_t h = 0; h < from->hit_count; h++) {
        const struct align_hit *hit = &from->hits[h];
        const char *text = text_of(align, hit);
        struct cut cut;
        cut_at(text, at, &cut);
        if (!to->key)
            to->key = mem_string(cut.key);
        add_hit(to, &cut, text, hit->boot, hit->line);
        free(cut.pieces);
        free(cut.key);
    }
}

/* Two lines that are cut the same way are one row of pieces. */
static bool cut_alike(const struct align *align, const struct align_cluster *a, const struct align_cluster *b,
                      const struct differing *at)
{
    struct cut one, other;
    cut_at(text_of(align, &a->hits[0]), at, &one);
    cut_at(text_of(align, &b->hits[0]), at, &other);
    bool alike = one.count == other.count && !strcmp(one.key, other.key);
    free(one.pieces);
    free(one.key);
    free(other.pieces);
    free(other.key);
    return alike;
}

static bool join(struct align *align, size_t i, size_t j)
{
    struct align_cluster *a = &align->clusters[i], *b = &align->clusters[j], both = {0};
    struct differing at;
    if (!find_differing(a->key, b->key, &at) || in_one_boot(a, b) || !holds_version(align, a) ||
        !holds_version(align, b) || !cut_alike(align, a, b, &at))
        return false;
    move_hits(align, a, &at, &both);
    move_hits(align, b, &at, &both);
    release_cluster(a);
    release_cluster(b);
    *a = both;
    memmove(b, b + 1, (align->count - j - 1) * sizeof *b);
    align->count--;
    return true;
}

static void join_versions(struct align *align)
{
    for (size_t i = 0; i < align->count; i++)
        for (size_t j = i + 1; j < align->count;)
            j = join(align, i, j) ? i + 1 : j + 1;
}

static void find_constants(struct align_cluster *cluster)
{
    for (size_t p = 0; p < cluster->piece_count; p++) {
        const char *first = cluster->hits[0].values[p];
        for (size_t h = 1; h < cluster->hit_count; h++)
            cluster->pieces[p].varies |= strcmp(first, cluster->hits[h].values[p]) != 0;
        cluster->pieces[p].text = cluster->pieces[p].varies ? NULL : mem_string(first);
    }
}

void align_lines(const struct align_boot *boots, size_t count, struct align *align)
{
    *align = (struct align){.boots = boots, .boot_count = count};
    for (size_t b = 0; b < count; b++)
        for (size_t l = 0; l < boots[b].count; l++) {
            const char *text = boots[b].lines[l].text;
            struct cut cut;
            if (!text[0] || !is_text(text))
                continue;
            cut_line(text, NO_WORD, &cut);
            add_hit(cluster_of(align, cut.key), &cut, text, b, l);
            free(cut.pieces);
            free(cut.key);
        }
    join_versions(align);
    for (size_t i = 0; i < align->count; i++)
        find_constants(&align->clusters[i]);
}

void align_release(struct align *align)
{
    for (size_t i = 0; i < align->count; i++)
        release_cluster(&align->clusters[i]);
    free(align->clusters);
    *align = (struct align){0};
}

size_t align_hits(const struct align_cluster *cluster, size_t boot)
{
    size_t count = 0;
    for (size_t h = 0; h < cluster->hit_count; h++)
        count += cluster->hits[h].boot == boot;
    return count;
}

const struct align_hit *align_first(const struct align_cluster *cluster, size_t boot)
{
    for (size_t h = 0; h < cluster->hit_count; h++)
        if (cluster->hits[h].boot == boot)
            return &cluster->hits[h];
    return NULL;
}

bool align_range(const struct align *align, const struct align_cluster *cluster, enum align_kind kind,
                 size_t *least, size_t *most)
{
    bool any = false;
    *least = *most = 0;
    for (size_t b = 0; b < align->boot_count; b++) {
        if (align->boots[b].kind != kind)
            continue;
        size_t hits = align_hits(cluster, b);
        *least = !any || hits < *least ? hits : *least;
        *most = !any || hits > *most ? hits : *most;
        any = true;
    }
    return any;
}

/* ---- expressions ---- */

static bool all_of(const struct align_cluster *cluster, size_t piece, size_t skip, const char *characters)
{
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const char *value = cluster->hits[h].values[piece] + skip;
        if (!*value || value[strspn(value, characters)])
            return false;
    }
    return true;
}

static bool all_begin(const struct align_cluster *cluster, size_t piece, const char *with)
{
    for (size_t h = 0; h < cluster->hit_count; h++)
        if (strncmp(cluster->hits[h].values[piece], with, strlen(with)) != 0)
            return false;
    return true;
}

/* By what all its values look like. */
static const char *class_of(const struct align_cluster *cluster, size_t piece, size_t skip)
{
    if (all_of(cluster, piece, skip, "0123456789"))
        return "[0-9]+";
    if (!skip && all_begin(cluster, piece, "0x") && all_of(cluster, piece, 2, "0123456789abcdefABCDEF"))
        return "0x[0-9a-fA-F]+";
    if (all_of(cluster, piece, skip, "0123456789abcdefABCDEF"))
        return "[0-9a-fA-F]+";
    return "[0-9A-Za-z_.+-]+";
}

static void append(char **out, const char *text, size_t len)
{
    char *longer = mem_printf("%s%.*s", *out, (int)len, text);
    free(*out);
    *out = longer;
}

static void append_quoted(char **out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("\\^$.|?*+()[]{}", text[i])) {
            const char quoted[3] = {'\\', text[i], 0};
            append(out, quoted, 2);
        } else {
            append(out, text + i, 1);
        }
    }
}

static bool is_colour(const struct align_cluster *cluster, size_t piece)
{
    return cluster->pieces[piece].token && cluster->hits[0].values[piece][0] == ESCAPE;
}

/* Does it say something? Brackets and blanks around a time stamp do not. */
static bool says(const struct align_cluster *cluster, size_t piece)
{
    const struct align_piece *at = &cluster->pieces[piece];
    if (at->varies || is_colour(cluster, piece))
        return false;
    for (const char *c = at->text; *c; c++)
        if (isalpha((unsigned char)*c))
            return true;
    return false;
}

char *align_expression(const struct align_cluster *cluster, size_t which, const char *group,
                       size_t prefix_len, const char *inner)
{
    size_t first = 0, end = cluster->piece_count;
    while (first < end && first != which && !says(cluster, first))
        first++;
    while (end > first && end - 1 != which && !says(cluster, end - 1))
        end--;
    char *out = mem_string("");
    for (size_t p = first; p < end; p++) {
        const struct align_piece *piece = &cluster->pieces[p];
        const char *value = cluster->hits[0].values[p];
        if (p == which) {
            append_quoted(&out, value, prefix_len);
            char *captured = mem_printf("(?<%s>%s)", group, inner ? inner : class_of(cluster, p, prefix_len));
            append(&out, captured, strlen(captured));
            free(captured);
        } else if (is_colour(cluster, p)) {
            append(&out, COLOUR, strlen(COLOUR));
        } else if (piece->varies) {
            const char *class = class_of(cluster, p, 0);
            append(&out, class, strlen(class));
        } else {
            /* what stands before the first word, or behind the last, may be a blank that comes and goes */
            size_t from = p == first && p != which ? strspn(value, " \t:]>)-,.") : 0;
            size_t len = strlen(value + from);
            while (p + 1 == end && len && value[from + len - 1] == ' ')
                len--;
            append_quoted(&out, value + from, len);
        }
    }
    return out;
}

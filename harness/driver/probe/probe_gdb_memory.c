/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the probe "gdb" that move bytes. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/probe/probe_gdb.h"

/* Asked when a memory request failed: is it the address, or is there no target any more? */
static const struct gdb_step *const doubting[] = {&gdb_alive, NULL};

void gdb_doubt(struct gdb *gdb, const char *what, uint64_t address, const char *reply)
{
    snprintf(gdb->doubt, sizeof gdb->doubt, "%s at 0x%llx: %.60s%s%.160s", what, (unsigned long long)address,
             reply[0] ? reply : "not supported by the GDB server", gdb->printed[0] ? ": " : "", gdb->printed);
    gdb->list = doubting;
    gdb->step = 0;
    gdb_again(gdb);
}

static void alive_begin(struct gdb *gdb)
{
    if (gdb->config->alive < 0 && gdb->doubt[0])
        gdb_refuse(gdb, "%s", gdb->doubt);
    else if (gdb->config->alive < 0)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "m%llx,4", (unsigned long long)gdb->config->alive);
}

/* A server may answer zeros for what it could not read. */
static void alive_reply(struct gdb *gdb, const char *text, size_t len)
{
    uint8_t word[4] = {0};
    bool alive = gdb_unhex(text, len, word, 4) == 4 && (word[0] | word[1] | word[2] | word[3]);
    char why[400];
    if (!alive) {
        snprintf(why, sizeof why, "the target does not answer: 0x%llx reads %.20s%s%s",
                 (unsigned long long)gdb->config->alive, text[0] ? text : "nothing",
                 gdb->doubt[0] ? "; " : "", gdb->doubt);
        gdb_lose(gdb, "no-target", why);
    } else if (gdb->doubt[0]) {
        gdb_refuse(gdb, "%s", gdb->doubt);
    } else {
        gdb_next(gdb);
    }
}
const struct gdb_step gdb_alive = {"a look at the target", alive_begin, alive_reply, NULL};

/* ---- where flash is ---- */

static void map_begin(struct gdb *gdb)
{
    if (!gdb->has_map || gdb->map_known)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "qXfer:memory-map:read::%zx,%zx", gdb->map_len, gdb_chunk(gdb, false));
}

static void map_reply(struct gdb *gdb, const char *text, size_t len)
{
    const char *why;
    if ((text[0] != 'm' && text[0] != 'l') || (text[0] == 'm' && len == 1) ||
        gdb->map_len + len > GDB_PACKET_MAX) {
        gdb_refuse(gdb, "memory map: %.60s", text[0] ? text : "not supported");
        return;
    }
    gdb->map_text = mem_resize(gdb->map_text, gdb->map_len + len, 1);
    memcpy(gdb->map_text + gdb->map_len, text + 1, len - 1);
    gdb->map_len += len - 1;
    if (text[0] == 'm') {
        gdb_again(gdb);
        return;
    }
    gdb->map_known = !gdb_map_parse(gdb->map_text, gdb->map_len, &gdb->map, &why);
    gdb->map_len = 0;
    if (gdb->map_known)
        gdb_next(gdb);
    else
        gdb_refuse(gdb, "memory map: %s", why);
}
const struct gdb_step gdb_map_step = {"memory map", map_begin, map_reply, NULL};

/* The piece of the range that begins at `at` and is of one kind. NULL: memory that is written as it is. */
static const struct gdb_region *piece(const struct gdb *gdb, uint64_t *len)
{
    const struct gdb_region *region = gdb_map_find(&gdb->map, gdb->at);
    *len = gdb->to - gdb->at;
    if (region && region->start + (region->len - 1) - gdb->at < *len)
        *len = region->start + (region->len - 1) - gdb->at + 1;
    for (size_t i = 0; !region && i < gdb->map.count; i++)
        if (gdb->map.regions[i].start > gdb->at && gdb->map.regions[i].start - gdb->at < *len)
            *len = gdb->map.regions[i].start - gdb->at;
    return region && region->block ? region : NULL;
}

/* ---- erasing ---- */

static bool erase_nothing(const struct gdb *gdb)
{
    return gdb->job.verb == PROBE_PROGRAM && gdb->job.blank;
}

static void erase_begin(struct gdb *gdb)
{
    uint64_t len = 0, start;
    const struct gdb_region *region = NULL;
    while (gdb->at < gdb->to && !erase_nothing(gdb) && !(region = piece(gdb, &len))) {
        if (gdb->job.verb == PROBE_ERASE) {
            gdb_refuse(gdb, "no flash at 0x%llx in the memory map of the GDB server",
                       (unsigned long long)gdb->at);
            return;
        }
        gdb->at += len;
    }
    if (!region) {
        gdb->at = gdb->from;
        gdb_next(gdb);
        return;
    }
    start = gdb->asked = gdb->at;
    gdb->at += len;
    gdb->flashed |= !gdb_kind_of(gdb->config)->erases_at_once;
    gdb_region_align(region, &start, &len);
    gdb_ask(gdb, "vFlashErase:%llx,%llx", (unsigned long long)start, (unsigned long long)len);
}

static void erase_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (strcmp(text, "OK"))
        gdb_doubt(gdb, "erasing", gdb->asked, text);
    else
        gdb_again(gdb);
}
const struct gdb_step gdb_erase = {"erase", erase_begin, erase_reply, NULL};

static void flash_done_begin(struct gdb *gdb)
{
    if (!gdb->flashed)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "vFlashDone");
}

static void flash_done_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb->flashed = false;
    if (strcmp(text, "OK"))
        gdb_doubt(gdb, "writing flash", gdb->from, text);
    else
        gdb_next(gdb);
}
const struct gdb_step gdb_flash_done = {"end of flash", flash_done_begin, flash_done_reply, NULL};

/* ---- writing ---- */

static void send_binary(struct gdb *gdb, bool flash, size_t len)
{
    uint8_t *packet = mem_alloc(64 + 2 * len);
    int head = flash ? sprintf((char *)packet, "vFlashWrite:%llx:", (unsigned long long)gdb->at)
                     : sprintf((char *)packet, "X%llx,%zx:", (unsigned long long)gdb->at, len);
    size_t body = gdb_escape(gdb->image + (gdb->at - gdb->from), len, packet + head);
    gdb->flashed |= flash;
    gdb->asked = gdb->at;
    gdb->at += len;
    gdb_ask_bytes(gdb, packet, (size_t)head + body);
    free(packet);
}

static void send_hex(struct gdb *gdb, const uint8_t *data, size_t len)
{
    char *packet = mem_alloc(64 + 2 * len);
    int head = sprintf(packet, "M%llx,%zx:", (unsigned long long)gdb->at, len);
    gdb_hex(data, len, packet + head);
    gdb->asked = gdb->at;
    gdb->at += len;
    gdb_ask_bytes(gdb, packet, (size_t)head + 2 * len);
    free(packet);
}

static void write_begin(struct gdb *gdb)
{
    uint64_t len = 0, room = gdb_chunk(gdb, false);
    if (gdb->at == gdb->to) {
        gdb->at = gdb->from;
        gdb_next(gdb);
        return;
    }
    bool flash = piece(gdb, &len) != NULL;
    gdb->x_asked = !flash && gdb->x < 0;
    if (gdb->x_asked)
        gdb_ask(gdb, "X%llx,0:", (unsigned long long)gdb->at);
    else if (flash || gdb->x)
        send_binary(gdb, flash, len < room ? len : room);
    else
        send_hex(gdb, gdb->image + (gdb->at - gdb->from), len < room ? len : room);
}

static void write_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (gdb->x_asked)
        gdb->x = !strcmp(text, "OK");
    else if (strcmp(text, "OK")) {
        gdb_doubt(gdb, "writing", gdb->asked, text);
        return;
    }
    gdb_again(gdb);
}
const struct gdb_step gdb_write = {"write", write_begin, write_reply, NULL};

static void word_begin(struct gdb *gdb)
{
    uint32_t value = gdb->job.value;
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    send_hex(gdb, bytes, 4);
}

static void word_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (strcmp(text, "OK"))
        gdb_doubt(gdb, "writing", gdb->job.address, text);
    else
        gdb_next(gdb);
}
const struct gdb_step gdb_write_word = {"write", word_begin, word_reply, NULL};

/* ---- reading ---- */

static void ask_memory(struct gdb *gdb)
{
    uint64_t len = gdb->to - gdb->at, room = gdb_chunk(gdb, true);
    if (!len) {
        gdb->at = gdb->from;
        gdb_next(gdb);
        return;
    }
    gdb_ask(gdb, "m%llx,%llx", (unsigned long long)gdb->at, (unsigned long long)(len < room ? len : room));
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    while (len && !*bytes)
        bytes++, len--;
    return !len;
}

/* Its first and its last word once more, by a command that fails where nothing is. */
static void ask_again(struct gdb *gdb, size_t len)
{
    char command[80], hex[2 * sizeof command + 1];
    const char *word = gdb->at % 4 || len % 4 ? "mdb" : "mdw";
    unsigned long long first = gdb->at, last = first + len - (gdb->at % 4 || len % 4 ? 1 : 4);
    int n = first == last
                ? snprintf(command, sizeof command, "%s 0x%llx", word, first)
                : snprintf(command, sizeof command, "%s 0x%llx; %s 0x%llx", word, first, word, last);
    gdb->zeros = len;
    gdb_hex((const uint8_t *)command, (size_t)n, hex);
    gdb_ask(gdb, "qRcmd,%s", hex);
}

/* The bytes of a reply, at most as many as are still wanted; NULL: there are none yet, and the job goes on
 * about that. */
static uint8_t *take_memory(struct gdb *gdb, const char *text, size_t len, size_t *got)
{
    if (gdb->zeros) {
        *got = gdb->zeros;
        gdb->zeros = 0;
        if (text[0] && text[0] != 'E')
            return mem_alloc(*got);
        gdb_doubt(gdb, "reading", gdb->at, text);
        return NULL;
    }
    uint8_t *bytes = mem_alloc(len / 2 + 1);
    uint64_t left = gdb->to - gdb->at;
    long n = gdb_unhex(text, len, bytes, len / 2);
    if (n > 0)
        *got = (uint64_t)n < left ? (size_t)n : (size_t)left;
    bool lie = n > 0 && gdb_kind_of(gdb->config)->zeros_lie && all_zero(bytes, *got);
    if (n > 0 && !lie)
        return bytes;
    free(bytes);
    if (lie)
        ask_again(gdb, *got);
    else
        gdb_doubt(gdb, "reading", gdb->at, text);
    return NULL;
}

static void verify_reply(struct gdb *gdb, const char *text, size_t len)
{
    size_t n;
    uint8_t *bytes = take_memory(gdb, text, len, &n);
    if (!bytes)
        return;
    const uint8_t *wanted = gdb->image + (gdb->at - gdb->from);
    size_t i = 0;
    while (i < n && bytes[i] == wanted[i])
        i++;
    uint8_t found = bytes[i < n ? i : 0];
    free(bytes);
    if (i < n) {
        gdb_refuse(gdb, "0x%llx holds %02x, the file has %02x", (unsigned long long)(gdb->at + i), found,
                   wanted[i]);
        return;
    }
    gdb->at += n;
    gdb_again(gdb);
}

static void verify_begin(struct gdb *gdb)
{
    ask_memory(gdb);
}
const struct gdb_step gdb_verify = {"verify", verify_begin, verify_reply, NULL};

static void dump_begin(struct gdb *gdb)
{
    if (gdb->at == gdb->to && fclose(gdb->file)) {
        gdb->file = NULL;
        gdb_refuse(gdb, "%s: cannot be written", gdb->path);
        return;
    }
    if (gdb->at == gdb->to)
        gdb->file = NULL;
    ask_memory(gdb);
}

static void dump_reply(struct gdb *gdb, const char *text, size_t len)
{
    size_t n;
    uint8_t *bytes = take_memory(gdb, text, len, &n);
    if (!bytes)
        return;
    bool good = fwrite(bytes, 1, n, gdb->file) == n;
    free(bytes);
    gdb->at += n;
    if (good)
        gdb_again(gdb);
    else
        gdb_refuse(gdb, "%s: cannot be written", gdb->path);
}
const struct gdb_step gdb_dump = {"dump", dump_begin, dump_reply, NULL};

static void read_reply(struct gdb *gdb, const char *text, size_t len)
{
    size_t n;
    uint8_t *bytes = take_memory(gdb, text, len, &n);
    if (!bytes)
        return;
    gdb->hex = mem_resize(gdb->hex, gdb->hex_len + 2 * n + 1, 1);
    gdb_hex(bytes, n, gdb->hex + gdb->hex_len);
    gdb->hex_len += 2 * n;
    free(bytes);
    gdb->at += n;
    gdb_again(gdb);
}
const struct gdb_step gdb_read_step = {"read", verify_begin, read_reply, NULL};

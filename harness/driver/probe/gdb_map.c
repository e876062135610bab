/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/gdb_map.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parsing {
    struct gdb_map *map;
    XML_Parser parser;
    struct gdb_region *open; /* the <memory> we are in */
    bool block_open;         /* inside <property name="blocksize"> */
    char block[40];
    size_t block_len;
    const char *why;
};

static void refuse(struct parsing *parsing, const char *why)
{
    if (!parsing->why)
        parsing->why = why;
    XML_StopParser(parsing->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (!strcmp(attributes[0], name))
            return attributes[1];
    return "";
}

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return end > text && !*end && !errno && *text != '-';
}

static void open_memory(struct parsing *parsing, const char **attributes)
{
    struct gdb_region *region = &parsing->map->regions[parsing->map->count];
    const char *type = attribute(attributes, "type");
    if (parsing->open || parsing->map->count == GDB_REGIONS_MAX) {
        refuse(parsing, parsing->open ? "a region inside of a region" : "too many regions");
        return;
    }
    *region = (struct gdb_region){.rom = !strcmp(type, "rom")};
    if (!number(attribute(attributes, "start"), &region->start) ||
        !number(attribute(attributes, "length"), &region->len)) {
        refuse(parsing, "a region without start and length");
        return;
    }
    if (!strcmp(type, "flash"))
        region->block = UINT64_MAX; /* until its property comes */
    parsing->open = region;
}

static void on_open(void *arg, const char *name, const char **attributes)
{
    struct parsing *parsing = arg;
    if (!strcmp(name, "memory"))
        open_memory(parsing, attributes);
    parsing->block_open =
        parsing->open && !strcmp(name, "property") && !strcmp(attribute(attributes, "name"), "blocksize");
    parsing->block_len = 0;
}

static void on_text(void *arg, const char *text, int len)
{
    struct parsing *parsing = arg;
    for (int i = 0; parsing->block_open && i < len && parsing->block_len + 1 < sizeof parsing->block; i++)
        if (!strchr(" \t\r\n", text[i]))
            parsing->block[parsing->block_len++] = text[i];
    parsing->block[parsing->block_len] = 0;
}

static void on_close(void *arg, const char *name)
{
    struct parsing *parsing = arg;
    struct gdb_region *region = parsing->open;
    if (parsing->block_open &&
        (!number(parsing->block, &region->block) || !region->block || region->block == UINT64_MAX))
        refuse(parsing, "a blocksize that is none");
    parsing->block_open = false;
    if (!region || strcmp(name, "memory"))
        return;
    parsing->open = NULL;
    if (region->block == UINT64_MAX)
        refuse(parsing, "flash without a blocksize");
    else if (region->len && region->start + (region->len - 1) < region->start)
        refuse(parsing, "a region beyond the end of all addresses");
    else if (region->len)
        parsing->map->count++;
}

/* A document type could define entities that grow without end: a memory map needs none. */
static void on_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
    if (internal)
        refuse(arg, "definitions of its own");
}

static int by_start(const void *a, const void *b)
{
    const struct gdb_region *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

int gdb_map_parse(const char *xml, size_t len, struct gdb_map *map, const char **why)
{
    struct parsing parsing = {.map = map, .parser = XML_ParserCreate(NULL)};
    if (!parsing.parser)
        abort();
    map->count = 0;
    XML_SetUserData(parsing.parser, &parsing);
    XML_SetElementHandler(parsing.parser, on_open, on_close);
    XML_SetCharacterDataHandler(parsing.parser, on_text);
    XML_SetStartDoctypeDeclHandler(parsing.parser, on_doctype);
    if (XML_Parse(parsing.parser, xml, (int)len, 1) != XML_STATUS_OK && !parsing.why)
        parsing.why = XML_ErrorString(XML_GetErrorCode(parsing.parser));
    XML_ParserFree(parsing.parser);
    qsort(map->regions, map->count, sizeof *map->regions, by_start);
    for (size_t i = 1; !parsing.why && i < map->count; i++)
        if (map->regions[i].start - map->regions[i - 1].start < map->regions[i - 1].len)
            parsing.why = "regions that overlap";
    *why = parsing.why;
    if (parsing.why)
        map->count = 0;
    return parsing.why ? -1 : 0;
}

const struct gdb_region *gdb_map_find(const struct gdb_map *map, uint64_t address)
{
    for (size_t i = 0; i < map->count; i++)
        if (address >= map->regions[i].start && address - map->regions[i].start < map->regions[i].len)
            return &map->regions[i];
    return NULL;
}

void gdb_region_align(const struct gdb_region *region, uint64_t *start, uint64_t *len)
{
    uint64_t from = *start - region->start, to = from + *len, room = region->len - to;
    uint64_t over = to % region->block ? region->block - to % region->block : 0;
    from -= from % region->block;
    to += over < room ? over : room;
    *start = region->start + from;
    *len = to - from;
}

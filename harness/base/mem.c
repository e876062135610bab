/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
    if (!memory) {
        fputs("otarig: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    return need(calloc(1, size ? size : 1));
}

void *mem_array(size_t count, size_t size)
{
    return need(calloc(count ? count : 1, size ? size : 1));
}

void *mem_resize(void *old, size_t count, size_t size)
{
    return need(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *mem_string(const char *text)
{
    return text ? need(strdup(text)) : NULL;
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return need(text);
}

void *mem_copy(const void *data, size_t size)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is there or the process ends: no caller checks for NULL. */
#ifndef OTARIG_BASE_MEM_H
#define OTARIG_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t size);               /* zeroed */
void *mem_array(size_t count, size_t size); /* zeroed; aborts on overflow */
void *mem_resize(void *old, size_t count, size_t size);
char *mem_string(const char *text); /* NULL stays NULL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *mem_copy(const void *data, size_t size);

#endif

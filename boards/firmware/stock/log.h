/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines as Zephyr's logging prints them: "I: text" in its minimal mode, or with time, level and module. */
#ifndef FW_LOG_H
#define FW_LOG_H

enum log_level { LOG_ERR, LOG_WRN, LOG_INF, LOG_DBG };

/* printk: text and an end of line, nothing before it. */
void log_raw(const char *format, ...);
/* The boot loader's, whose log is in minimal mode. */
void log_boot(enum log_level level, const char *format, ...);
/* The application's. */
void log_app(enum log_level level, const char *module, const char *format, ...);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user has set: made at the first start; nothing but the user changes it, and the user never does.
 */
#ifndef FW_SETTINGS_H
#define FW_SETTINGS_H

#include <stdint.h>

void settings_open(void);
void settings_rewrite(void);   /* for builds that do not know better */
uint32_t settings_print(void); /* what the contents come to */

#endif

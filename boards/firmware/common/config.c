/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/config.h"

/* in a file of its own, or the compiler would know what it is */
__attribute__((section(".config"))) const struct app_config app_config = {.magic = CONFIG_MAGIC};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes one build of an application an image. There is one link for all images of a variant; the image
 * tool sets these fields in its copy (imgtool/image_tool.c knows where they lie). */
#ifndef FW_CONFIG_H
#define FW_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_MAGIC 0x6f74632eu

struct app_config {
    uint32_t magic;
    uint32_t data_format; /* of the user data that the demo writes */
    bool crash, hang;     /* at start */
    bool dead_updater;    /* answers nobody */
    bool bad_selftest;
    bool auto_confirm; /* confirms by itself once the self-test has passed */
};
extern const struct app_config app_config;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an image file says of itself: which format it has, and the version and the hash by which a board may
 * call it. */
#ifndef OTARIG_BOARD_IMAGE_LOOK_H
#define OTARIG_BOARD_IMAGE_LOOK_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"

enum image_format {
    IMAGE_PLAIN,   /* bytes that say nothing */
    IMAGE_MCUBOOT, /* MCUboot docs/design.md, "Image format" */
    IMAGE_ESP,     /* ESP-IDF "App Image Format": esp_image_header_t, esp_app_desc_t */
    IMAGE_FIT,     /* U-Boot doc/usage/fit: a flattened device tree with /images */
    IMAGE_FORMATS
};

struct image_look {
    enum image_format format;
    char version[100]; /* "" when the file tells none */
    char hash[129];    /* hex, as the board says it; "" when it says none */
    char project[60];  /* ESP-IDF: of the application descriptor; FIT: the description */
    /* What is odd, "" if nothing: the file can be used, but whoever takes it for a good image errs. */
    char odd[160];
};

/* Looks at the bytes of `name`. ERROR_INPUT for what is no image of a board (an ELF file, a hex file, nothing
 * at all) and for an image that is cut short; the message names the file and what is to be given instead. */
int image_look(const char *name, const uint8_t *data, size_t len, struct image_look *look,
               struct error *error);
const char *image_format_name(enum image_format format); /* "MCUboot image" */

/* One a format, called by image_look() after its magic number was found. */
int image_look_mcuboot(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                       struct error *error);
int image_look_esp(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                   struct error *error);
int image_look_fit(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                   struct error *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of image files; image.c tells which one it is. Each parser adds segments, and names file and
 * line, or block, of what it cannot take. */
#ifndef OTARIG_EXPLORE_SPEC_IMAGE_FORMATS_H
#define OTARIG_EXPLORE_SPEC_IMAGE_FORMATS_H

#include "harness/explore/spec/image.h"

/* A segment of its own; or, `joined`, more of the last one when it begins where that one ends. */
void image_add(struct explore_image *image, uint32_t address, const uint8_t *data, uint32_t len, bool joined);

/* image_text.c */
enum image_text { IMAGE_TEXT_NONE, IMAGE_TEXT_HEX, IMAGE_TEXT_SREC };
/* What the lines of a text are, that may begin with a byte order mark, blank lines and comments (#, ;, //);
 * NONE: not a text, or one without any record. */
enum image_text image_text_kind(const char *text, size_t len);
/* Intel HEX (Intel, "Hexadecimal Object File Format Specification", rev. A, 1988) */
int image_parse_hex(struct explore_image *image, const char *text, size_t len, struct error *error);
/* Motorola S-record (M68000 Family Programmer's Reference Manual, appendix C) */
int image_parse_srec(struct explore_image *image, const char *text, size_t len, struct error *error);

/* image_uf2.c: USB Flashing Format (github.com/microsoft/uf2, "File format") */
bool image_is_uf2(const uint8_t *data, size_t len);
int image_parse_uf2(struct explore_image *image, const uint8_t *data, size_t len, struct error *error);

#endif

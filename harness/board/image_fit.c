/* SPDX-License-Identifier: GPL-2.0-or-later */
/* U-Boot FIT (doc/usage/fit/source_file_format.rst): a flattened device tree; /images/NAME has `data`, or
 * data-offset, data-position and data-size for data behind the tree, and hash nodes with `algo` and `value`.
 * The format has no member for a version: a property `version` of the root is taken for one. */
#include <libfdt.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness/board/image_look.h"

struct fit {
    const char *name;
    const uint8_t *data;
    size_t len;
};

/* Borrowed; "" when absent or not ended by a NUL. */
static const char *text_of(const struct fit *fit, int node, const char *property)
{
    int len;
    const char *text = fdt_getprop(fit->data, node, property, &len);
    return text && len > 0 && !text[len - 1] ? text : "";
}

static bool number_of(const struct fit *fit, int node, const char *property, uint32_t *out)
{
    int len;
    const fdt32_t *cell = fdt_getprop(fit->data, node, property, &len);
    if (!cell || len != (int)sizeof *cell)
        return false;
    *out = fdt32_to_cpu(*cell);
    return true;
}

/* 1: *data and *len are its bytes; 0: it has none; -1: they lie beyond the end of the file. */
static int bytes_of(const struct fit *fit, int image, const uint8_t **data, size_t *len)
{
    uint32_t size, at;
    int inner_len;
    *data = fdt_getprop(fit->data, image, "data", &inner_len);
    if (*data) {
        *len = (size_t)inner_len;
        return 1;
    }
    if (!number_of(fit, image, "data-size", &size))
        return 0;
    size_t from;
    if (number_of(fit, image, "data-position", &at))
        from = at;
    else if (number_of(fit, image, "data-offset", &at)) /* from the tree's end, at a multiple of 4 */
        from = (((size_t)fdt_totalsize(fit->data) + 3) & ~(size_t)3) + at;
    else
        return 0;
    if (from > fit->len || fit->len - from < size)
        return -1;
    *data = fit->data + from;
    *len = size;
    return 1;
}

static void check_hash(const struct fit *fit, int node, const uint8_t *data, size_t len,
                       struct image_look *look)
{
    unsigned char is[EVP_MAX_MD_SIZE];
    unsigned is_len = 0;
    int told_len;
    const char *name = text_of(fit, node, "algo");
    const EVP_MD *algorithm = name[0] ? EVP_get_digestbyname(name) : NULL;
    const void *told = fdt_getprop(fit->data, node, "value", &told_len);
    if (!algorithm || !told || !EVP_Digest(data, len, is, &is_len, algorithm, NULL))
        return;
    if ((unsigned)told_len != is_len || memcmp(told, is, is_len))
        snprintf(look->odd, sizeof look->odd, "the %.20s of image '%.40s' is not that of its bytes: spoilt",
                 name, fdt_get_name(fit->data, fdt_parent_offset(fit->data, node), NULL));
    else if (!look->hash[0])
        for (unsigned i = 0; i < is_len; i++)
            snprintf(look->hash + 2 * i, 3, "%02x", is[i]);
}

static int check_image(const struct fit *fit, int image, struct image_look *look, struct error *error)
{
    const uint8_t *data;
    size_t len;
    int node, found = bytes_of(fit, image, &data, &len);
    if (found < 0)
        return error_set(error, ERROR_INPUT,
                         "%s: expected the data of image '%s', found the end of the file before theirs",
                         fit->name, fdt_get_name(fit->data, image, NULL));
    for (node = fdt_first_subnode(fit->data, image); found && node >= 0;
         node = fdt_next_subnode(fit->data, node))
        check_hash(fit, node, data, len, look);
    return 0;
}

int image_look_fit(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                   struct error *error)
{
    const struct fit fit = {name, data, len};
    if (len < sizeof(struct fdt_header) || fdt_check_header(data) || fdt_totalsize(data) > len ||
        fdt_check_full(data, len))
        return error_set(error, ERROR_INPUT,
                         "%s: expected a whole flattened device tree (FIT), found one that is cut short or "
                         "spoilt",
                         name);
    int images = fdt_path_offset(data, "/images"), image;
    if (images < 0)
        return error_set(error, ERROR_INPUT,
                         "%s: expected a FIT with /images, found a device tree without it", name);
    snprintf(look->project, sizeof look->project, "%s", text_of(&fit, 0, "description"));
    snprintf(look->version, sizeof look->version, "%s", text_of(&fit, 0, "version"));
    for (image = fdt_first_subnode(data, images); image >= 0; image = fdt_next_subnode(data, image))
        if (check_image(&fit, image, look, error))
            return -1;
    return 0;
}

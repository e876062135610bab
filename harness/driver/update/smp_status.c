/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_status.h"

#include <stdio.h>
#include <string.h>

#define RC_NO_MEMORY 2
#define RC_BUSY 10
#define GROUP_IMAGE 1
#define IMAGE_NO_MEMORY 15

static const char *const plain[] = {
    [1] = "unknown error",
    [RC_NO_MEMORY] = "out of memory",
    [3] = "invalid value",
    [4] = "timed out",
    [5] = "no such entry",
    [6] = "not in this state",
    [7] = "too large",
    [SMP_RC_UNSUPPORTED] = "not supported",
    [9] = "corrupt",
    [RC_BUSY] = "busy",
    [11] = "access denied",
    [SMP_RC_TOO_OLD] = "version of the protocol too old",
    [SMP_RC_TOO_NEW] = "version of the protocol too new",
};

static const char *const of_images[] = {
    [1] = "unknown error",
    [2] = "the flash area cannot be asked",
    [3] = "no image in the slot",
    [4] = "the image has no TLVs",
    [5] = "invalid TLV",
    [6] = "several hashes",
    [7] = "invalid size of a TLV",
    [8] = "the image has no hash",
    [9] = "no free slot",
    [10] = "the flash cannot be opened",
    [11] = "the flash cannot be read",
    [12] = "the flash cannot be written",
    [13] = "the flash cannot be erased",
    [14] = "invalid slot",
    [IMAGE_NO_MEMORY] = "out of memory",
    [16] = "flash context set already",
    [17] = "flash context not set",
    [18] = "no flash device",
    [19] = "invalid offset of a page",
    [20] = "the offset is missing",
    [21] = "the length is missing",
    [22] = "shorter than an image's header",
    [23] = "not an image's magic number",
    [24] = "invalid hash",
    [25] = "the image is for another address",
    [26] = "the running version cannot be told",
    [27] = "the running version is newer",
    [28] = "an image is pending already",
    [29] = "invalid vector table",
};

static const char *name_of(const char *const *names, size_t count, int rc)
{
    return rc > 0 && (size_t)rc < count && names[rc] ? names[rc] : "unknown code";
}

static int number(const cJSON *object, const char *key, int otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valueint : otherwise;
}

void smp_status_of(const cJSON *answer, struct smp_status *status)
{
    const cJSON *err = cJSON_GetObjectItemCaseSensitive(answer, "err");
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "rsn"));
    *status = (struct smp_status){.rc = number(answer, "rc", 0), .group = -1};
    if (cJSON_IsObject(err)) {
        status->rc = number(err, "rc", 1);
        status->group = number(err, "group", 0);
    }
    if (!status->rc)
        return;
    bool images = status->group == GROUP_IMAGE;
    status->transient = images ? status->rc == IMAGE_NO_MEMORY
                               : status->group < 0 && (status->rc == RC_NO_MEMORY || status->rc == RC_BUSY);
    const char *name = images ? name_of(of_images, sizeof of_images / sizeof *of_images, status->rc)
                       : status->group < 0 ? name_of(plain, sizeof plain / sizeof *plain, status->rc)
                                           : "unknown code";
    char group[24] = "";
    if (status->group >= 0)
        snprintf(group, sizeof group, " in group %d", status->group);
    snprintf(status->text, sizeof status->text, "the board answers rc=%d%s (%.60s)", status->rc, group,
             reason && *reason ? reason : name);
}

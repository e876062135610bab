/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an answer says of its request, in both dialects: SMP v1 has `rc` and perhaps `rsn`; v2 adds
 * `err: {group, rc}` with codes of each group's own (Zephyr include/zephyr/mgmt/mcumgr/mgmt/mgmt_defines.h,
 * grp/img_mgmt/img_mgmt.h). */
#ifndef OTARIG_DRIVER_UPDATE_SMP_STATUS_H
#define OTARIG_DRIVER_UPDATE_SMP_STATUS_H

#include <stdbool.h>
#include <cjson/cJSON.h>

struct smp_status {
    int rc;         /* 0: it is done */
    int group;      /* of `err`; -1: a plain rc */
    bool transient; /* busy or out of memory: may be asked again */
    char text[120]; /* for people; "" when rc is 0 */
};
void smp_status_of(const cJSON *answer, struct smp_status *status);
#define SMP_RC_UNSUPPORTED 8
#define SMP_RC_TOO_OLD 12 /* the version of the protocol in the request's header */
#define SMP_RC_TOO_NEW 13

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMP's image group, on MCUboot's trailers. Nothing is verified here: the boot loader does that. */
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/settings.h"
#include "common/smp.h"
#include "common/sys.h"
#include "stock/app.h"
#include "stock/log.h"
#include "stock/trailer.h"

bool images_selftest_passed;

static char *number(char *out, unsigned value)
{
    if (value >= 10)
        out = number(out, value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static void add_version(struct cbor_out *out, const struct image_header *header)
{
    char version[24], *at = number(version, header->major);
    *at++ = '.';
    at = number(at, header->minor);
    *at++ = '.';
    at = number(at, header->revision);
    *at = 0;
    cbor_text(out, "version");
    cbor_text(out, version);
}

static void add_image(struct cbor_out *out, uint32_t slot)
{
    struct image_info info;
    bool first = slot == SLOT0;
    struct trailer second = trailer_read(SLOT1);
    bool pending = !first && second.magic == MAGIC_GOOD;
    if (image_parse(slot, &info) != IMAGE_OK)
        return;
#ifdef DEFECT_WRONG_VERSION_REPORTED
    /* "the list is made once, when the first image is built" */
    static const struct image_header factory = {.major = 1};
    info.header = first ? &factory : info.header;
#endif
    cbor_map(out);
    cbor_text(out, "slot");
    cbor_uint(out, first ? 0 : 1);
    add_version(out, info.header);
    cbor_text(out, "hash");
    cbor_bytes(out, info.hash, 32);
    smp_add_flag(out, "bootable", true);
    smp_add_flag(out, "pending", pending);
    smp_add_flag(out, "confirmed", first && !trailer_on_trial());
    smp_add_flag(out, "active", first);
    smp_add_flag(out, "permanent", pending && second.image_ok == FLAG_SET);
    cbor_end(out);
}

static void list(struct cbor_out *out)
{
#ifdef DEFECT_CONFIRMS_WHEN_ASKED
    images_confirm(); /* "who talks to us sees that we work" */
#endif
    cbor_text(out, "images");
    cbor_array(out);
    add_image(out, SLOT0);
    add_image(out, SLOT1);
    cbor_end(out);
    cbor_text(out, "splitStatus");
    cbor_uint(out, 0);
}

static bool is_image(const struct smp_request *request, uint32_t slot)
{
    struct image_info info;
    return request->hash && request->hash_len == 32 && image_parse(slot, &info) == IMAGE_OK &&
           memcmp(request->hash, info.hash, 32) == 0;
}

#ifdef DEFECT_CONFIRM_WRITTEN_LATER
bool images_confirm_due; /* "writes are collected, the flash lives longer" */
#endif

void images_confirm(void)
{
    if (!trailer_on_trial())
        return;
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    if (!images_confirm_due) {
        images_confirm_due = true;
        return;
    }
#endif
#ifdef DEFECT_CONFIRMS_THE_OTHER_SLOT
    trailer_set_image_ok(SLOT1);
#else
    trailer_set_image_ok(SLOT0);
#endif
#ifdef DEFECT_SETTINGS_REWRITTEN_ON_CONFIRM
    settings_rewrite(); /* "the new version goes into the settings" */
#endif
    log_app(LOG_INF, "mcumgr_img_grp", "Image confirmed");
}

static int request_update(bool permanent)
{
    struct trailer second = trailer_read(SLOT1);
    if (trailer_on_trial())
        return SMP_RC_BAD_STATE;
    if (second.magic == MAGIC_GOOD) {
        if (permanent && second.image_ok != FLAG_SET)
            trailer_set_image_ok(SLOT1);
        return SMP_RC_OK; /* asked for again, because the answer to the first request was lost */
    }
    upload_forget(); /* what the slot holds from now on is no upload any more */
    trailer_erase(SLOT1);
    trailer_begin(SLOT1, permanent ? SWAP_PERM : SWAP_TEST, permanent, 0);
    return SMP_RC_OK;
}

static void set_state(const struct smp_request *request, struct cbor_out *out)
{
    int rc = SMP_RC_OK;
    if (request->confirm && (!request->hash || is_image(request, SLOT0))) {
        if (images_selftest_passed)
            images_confirm();
        else
            rc = SMP_RC_BAD_STATE;
    } else if (!request->hash) {
        rc = SMP_RC_BAD_INPUT;
    } else if (is_image(request, SLOT1)) {
        rc = request_update(request->confirm);
    } else if (!is_image(request, SLOT0)) {
        rc = SMP_RC_NO_ENTRY;
    }
    if (rc)
        smp_add_rc(out, rc);
    else
        list(out);
}

static void upload(const struct smp_request *request, struct cbor_out *out)
{
    uint32_t off = 0;
    bool done = false, match = false;
    int rc = request->has_off ? upload_put(&request->chunk, &off, &done, &match) : SMP_RC_BAD_INPUT;
    smp_add_rc(out, rc);
    if (rc)
        return;
    cbor_text(out, "off");
    cbor_uint(out, off);
    if (done)
        smp_add_flag(out, "match", match);
}

static int erase_slot(void)
{
    struct trailer second = trailer_read(SLOT1);
    if (second.magic == MAGIC_GOOD || trailer_on_trial())
        return SMP_RC_BAD_STATE;
    upload_forget();
    trailer_erase(SLOT1);
    flash_erase(SLOT1);
    return SMP_RC_OK;
}

void smp_image_group(const struct smp_request *request, struct cbor_out *out)
{
    if (request->id == 0 && request->op == 0)
        list(out);
    else if (request->id == 0)
        set_state(request, out);
    else if (request->id == 1 && request->op == 2)
        upload(request, out);
    else if (request->id == 5 && request->op == 2)
        smp_add_rc(out, erase_slot());
    else
        smp_add_rc(out, SMP_RC_NOT_SUPPORTED);
}

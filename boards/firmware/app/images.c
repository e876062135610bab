/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image group of SMP on the demo's update state. */
#include "app/app.h"

#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/state.h"
#include "common/sys.h"

bool app_selftest_passed;

static char *number(char *out, unsigned value)
{
    if (value >= 10)
        out = number(out, value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static void add_image(struct cbor_out *out, uint32_t slot)
{
    struct image_info info;
    char version[24], *at = version;
    bool first = slot == SLOT0, trial = state_on_trial();
    if (image_parse(slot, &info) != IMAGE_OK)
        return;
    at = number(at, info.header->major);
    *at++ = '.';
    at = number(at, info.header->minor);
    *at++ = '.';
    at = number(at, info.header->revision);
    *at = 0;
    cbor_map(out);
    cbor_text(out, "slot");
    cbor_uint(out, first ? 0 : 1);
    cbor_text(out, "version");
    cbor_text(out, version);
    cbor_text(out, "hash");
    cbor_bytes(out, info.hash, 32);
    smp_add_flag(out, "bootable", true);
    smp_add_flag(out, "pending", !first && !state_over() && !trial);
    smp_add_flag(out, "confirmed", first && !trial);
    smp_add_flag(out, "active", first);
    smp_add_flag(out, "permanent", !first && !state_over() && !trial && state_is(STATE_PERMANENT));
    cbor_end(out);
}

static void list(struct cbor_out *out)
{
    cbor_text(out, "images");
    cbor_array(out);
    add_image(out, SLOT0);
    add_image(out, SLOT1);
    cbor_end(out);
    cbor_text(out, "splitStatus");
    cbor_uint(out, 0);
}

static uint32_t pages_of(uint32_t slot)
{
    struct image_info info;
    if (image_parse(slot, &info) != IMAGE_OK && !info.len)
        return 0;
    return (info.len + PAGE_LEN - 1) / PAGE_LEN;
}

#ifdef DEFECT_CONFIRM_WRITTEN_LATER
bool app_confirm_due; /* "writes are collected, the flash lives longer" */
#endif

static int confirm_running(void)
{
    if (!app_selftest_passed)
        return SMP_RC_BAD_STATE;
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    app_confirm_due = state_on_trial();
    return SMP_RC_OK;
#endif
    if (state_on_trial()) {
        state_set(STATE_CONFIRMED);
        data_migrate();
        uart_text("APP confirmed\n");
    }
    return SMP_RC_OK;
}

static int request_update(const struct smp_request *request)
{
    struct image_info info;
    /* asked for again, because the answer to the first request was lost */
    if (!state_over() && !state_on_trial() && image_parse(SLOT1, &info) == IMAGE_OK && request->hash &&
        request->hash_len == 32 && memcmp(request->hash, info.hash, 32) == 0)
        return SMP_RC_OK;
    if (!state_over())
        return SMP_RC_BAD_STATE;
#ifdef DEFECT_VERIFIED_ONLY_AFTER_WARM_RESET
    enum image_fault fault = image_parse(SLOT1, &info); /* "the boot loader verifies" */
#else
    enum image_fault fault = image_check(SLOT1, floor_get(), &info);
#endif
    if (fault != IMAGE_OK) {
        uart_print("APP reject slot=1 reason=%s", image_fault_names[fault]);
        uart_print("APP report last=rejected:%s", image_fault_names[fault]);
        return SMP_RC_BAD_INPUT;
    }
#ifndef DEFECT_PARTIAL_DOWNLOAD_BOOTABLE
    if (request->hash && (request->hash_len != 32 || memcmp(request->hash, info.hash, 32)))
        return SMP_RC_NO_ENTRY;
#endif
    uint32_t pages = (info.len + PAGE_LEN - 1) / PAGE_LEN, old = pages_of(SLOT0);
    upload_forget(); /* what slot 1 holds from now on is no upload any more */
#ifdef DEFECT_ONLY_OLD_PAGES_SWAPPED
    pages = old; /* "all images of this product are of one size" */
#endif
    state_request(pages > old ? pages : old, request->confirm);
    return SMP_RC_OK;
}

static bool is_running(const struct smp_request *request)
{
    struct image_info info;
    return !request->hash || (image_parse(SLOT0, &info) == IMAGE_OK && request->hash_len == 32 &&
                              memcmp(request->hash, info.hash, 32) == 0);
}

static void set_state(const struct smp_request *request, struct cbor_out *out)
{
    int rc;
    if (request->confirm && is_running(request))
        rc = confirm_running();
    else if (!request->confirm && !request->hash)
        rc = SMP_RC_BAD_INPUT;
    else if (!request->confirm && is_running(request))
        rc = SMP_RC_OK; /* it runs already: nothing to do */
    else
        rc = request_update(request);
    if (rc)
        smp_add_rc(out, rc);
    else
        list(out);
}

void smp_image_group(const struct smp_request *request, struct cbor_out *out)
{
    uint32_t off = 0;
    if (request->id == 0 && request->op == 0) {
        list(out);
    } else if (request->id == 0) {
        set_state(request, out);
    } else if (request->id == 1 && request->op == 2) {
        int rc = request->has_off ? upload_put(&request->chunk, &off) : SMP_RC_BAD_INPUT;
        smp_add_rc(out, rc);
        if (!rc) {
            cbor_text(out, "off");
            cbor_uint(out, off);
        }
    } else if (request->id == 5 && request->op == 2) {
        int rc = state_over() ? SMP_RC_OK : SMP_RC_BAD_STATE;
        if (!rc) {
            upload_forget();
            flash_erase(SLOT1);
        }
        smp_add_rc(out, rc);
    } else {
        smp_add_rc(out, SMP_RC_NOT_SUPPORTED);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/hid_relay.h"

#include <ctype.h>
#include <hidapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_LEN 8u
#define BOARDS_MAX 32
enum { CLOSE = 0xff, OPEN = 0xfd };

static int read_report(hid_device *device, uint8_t report[REPORT_LEN])
{
    /* the board puts its name where a number of the report would be; asked for number 1 the kernel leaves it
     * there */
    uint8_t data[REPORT_LEN + 1] = {1};
    if (hid_get_feature_report(device, data, sizeof data) < (int)REPORT_LEN)
        return -1;
    memcpy(report, data, REPORT_LEN);
    return 0;
}

static bool take_name(const uint8_t report[REPORT_LEN], char name[HID_RELAY_NAME_LEN + 1])
{
    size_t len = 0;
    while (len < HID_RELAY_NAME_LEN && isgraph(report[len]))
        len++;
    memcpy(name, report, len);
    name[len] = 0;
    return len;
}

/* Is it one of these boards at all? Others share its ids. */
static bool is_relay(const struct hid_device_info *info)
{
    return info->product_string && !wcsncmp(info->product_string, L"USBRelay", 8);
}

static void look_at(const struct hid_device_info *info, struct hid_relay_found *found)
{
    uint8_t report[REPORT_LEN];
    *found = (struct hid_relay_found){0};
    snprintf(found->path, sizeof found->path, "%s", info->path);
    snprintf(found->product, sizeof found->product, "%ls", info->product_string);
    hid_device *device = hid_open_path(info->path);
    if (!device)
        return;
    if (read_report(device, report) || !take_name(report, found->name))
        snprintf(found->name, sizeof found->name, "?");
    hid_close(device);
}

size_t hid_relay_list(int64_t vendor, int64_t product, struct hid_relay_found *list, size_t room)
{
    size_t count = 0;
    if (hid_init())
        return 0;
    struct hid_device_info *all = hid_enumerate((unsigned short)vendor, (unsigned short)product);
    for (const struct hid_device_info *info = all; info && count < room; info = info->next)
        if (is_relay(info))
            look_at(info, &list[count++]);
    hid_free_enumeration(all);
    return count;
}

int hid_relay_open(struct hid_relay *relay, const char *name, int64_t vendor, int64_t product,
                   struct error *error)
{
    struct hid_relay_found list[BOARDS_MAX];
    const struct hid_relay_found *found = NULL;
    size_t count = hid_relay_list(vendor, product, list, BOARDS_MAX), same = 0, closed = 0;
    *relay = (struct hid_relay){0};
    for (size_t i = 0; i < count; i++) {
        closed += !list[i].name[0];
        if (strcmp(list[i].name, name) != 0)
            continue;
        found = &list[i];
        same++;
    }
    if (same != 1)
        return error_set(error, ERROR_RIG, "relay board %s: %s", name,
                         same     ? "more than one board has this name"
                         : closed ? "not found, but there are boards that you may not open (a udev rule?)"
                                  : "not found (plugged in?)");
    relay->device = hid_open_path(found->path);
    if (!relay->device)
        return error_set(error, ERROR_RIG, "relay board %s: %s cannot be opened", name, found->path);
    relay->count = (unsigned)strtoul(found->product + strlen("USBRelay"), NULL, 10);
    return 0;
}

void hid_relay_close(struct hid_relay *relay)
{
    if (relay->device)
        hid_close(relay->device);
    relay->device = NULL;
}

int hid_relay_set(struct hid_relay *relay, unsigned which, bool closed)
{
    /* the first byte, 0, says that the report has no number, and does not go out */
    const uint8_t data[REPORT_LEN + 1] = {0, closed ? CLOSE : OPEN, (uint8_t)which};
    return hid_send_feature_report(relay->device, data, sizeof data) < 0 ? -1 : 0;
}

int hid_relay_get(struct hid_relay *relay, uint8_t *closed)
{
    uint8_t report[REPORT_LEN];
    if (read_report(relay->device, report))
        return -1;
    *closed = report[REPORT_LEN - 1];
    return 0;
}

void hid_relay_why(const struct hid_relay *relay, char *text, size_t size)
{
    const wchar_t *why = relay->device ? hid_error(relay->device) : NULL;
    snprintf(text, size, "%ls", why ? why : L"no answer");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small relay boards that are HID devices (ids 16c0:05df, "USBRelay2"), through hidapi and the kernel's
 * hidraw, which lets several programs use one board. Their protocol as the tools usbrelay and usb-relay-hid
 * speak it: a feature report of eight bytes tells five letters of name and, in its last byte, a bit for each
 * relay; FF n closes relay n, FD n opens it. */
#ifndef OTARIG_DRIVER_HID_RELAY_H
#define OTARIG_DRIVER_HID_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"

#define HID_RELAY_VENDOR 0x16c0
#define HID_RELAY_PRODUCT 0x05df
#define HID_RELAY_NAME_LEN 5u
/* What the kernel grants a board to answer a report (USB_CTRL_GET_TIMEOUT). */
#define HID_RELAY_LIMIT_US 5000000u

struct hid_device_; /* hidapi's */
struct hid_relay {
    struct hid_device_ *device; /* NULL: not open */
    unsigned count;             /* of its relays, by its product name; 0: it does not tell */
};

/* The board of that name. ERROR_RIG: none, several, or none that may be opened. */
int hid_relay_open(struct hid_relay *relay, const char *name, int64_t vendor, int64_t product,
                   struct error *error);
void hid_relay_close(struct hid_relay *relay); /* one that is closed is fine */
/* Each blocks for HID_RELAY_LIMIT_US at most. 0 or -1, see hid_relay_why(). */
int hid_relay_set(struct hid_relay *relay, unsigned which, bool closed);
int hid_relay_get(struct hid_relay *relay, uint8_t *closed); /* bit n: relay n + 1 */
/* What hindered the last call, for people; the text is short-lived. */
void hid_relay_why(const struct hid_relay *relay, char *text, size_t size);

/* What is plugged in; `name` "" where it may not be opened. */
struct hid_relay_found {
    char name[HID_RELAY_NAME_LEN + 1], path[64], product[40];
};
/* At most `room` of them; how many. */
size_t hid_relay_list(int64_t vendor, int64_t product, struct hid_relay_found *list, size_t room);

#endif

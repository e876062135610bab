/* SPDX-License-Identifier: GPL-2.0-or-later */
/* USB hubs and what they say of themselves, through libusb. USB 2.0 specification 11.23.2.1 (hub descriptor)
 * and 11.24.2 (requests); USB 3.2 specification 10.15.2.1 and 10.16.2. */
#ifndef OTARIG_DRIVER_USB_HUB_H
#define OTARIG_DRIVER_USB_HUB_H

#include <libusb.h>
#include <stdbool.h>
#include <stddef.h>

/* Where a device is plugged in: bus and ports as in sysfs, "1-1.4"; of a root hub the bus alone, "1". */
void usb_location(libusb_device *device, char *out, size_t size);

/* How a hub switches the power of its ports. */
enum usb_hub_switching { USB_HUB_ALL_AT_ONCE, USB_HUB_EACH_PORT, USB_HUB_NEVER };
struct usb_hub_about {
    unsigned ports;
    enum usb_hub_switching switching;
    bool super_speed; /* it is the USB 3 half of a hub */
};

bool usb_is_hub(libusb_device *device);
/* Asks an open one. 0, or an error of libusb. Blocks for timeout_ms at most. */
int usb_hub_look(libusb_device_handle *hub, struct usb_hub_about *about, unsigned timeout_ms);
/* Commands the power of a port, or reads what is commanded. */
int usb_hub_set(libusb_device_handle *hub, unsigned port, bool on, unsigned timeout_ms);
int usb_hub_get(libusb_device_handle *hub, const struct usb_hub_about *about, unsigned port, bool *on,
                unsigned timeout_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/usb_hub.h"

#include <stdint.h>
#include <stdio.h>

enum {
    TO_PORT = 0x23,
    FROM_HUB = 0xa0,
    FROM_PORT = 0xa3
}; /* bmRequestType: class, of the hub or of a port */
enum { DESCRIPTOR_USB2 = 0x29, DESCRIPTOR_USB3 = 0x2a };
enum { PORT_POWER = 8 };                               /* the feature */
enum { POWERED_USB2 = 1 << 8, POWERED_USB3 = 1 << 9 }; /* in wPortStatus */

void usb_location(libusb_device *device, char *out, size_t size)
{
    uint8_t ports[8];
    int count = libusb_get_port_numbers(device, ports, sizeof ports);
    size_t len = (size_t)snprintf(out, size, "%u", libusb_get_bus_number(device));
    for (int i = 0; i < count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%c%u", i ? '.' : '-', ports[i]);
}

bool usb_is_hub(libusb_device *device)
{
    struct libusb_device_descriptor about;
    return !libusb_get_device_descriptor(device, &about) && about.bDeviceClass == LIBUSB_CLASS_HUB;
}

int usb_hub_look(libusb_device_handle *hub, struct usb_hub_about *about, unsigned timeout_ms)
{
    struct libusb_device_descriptor device;
    unsigned char text[64];
    int code = libusb_get_device_descriptor(libusb_get_device(hub), &device);
    if (code < 0)
        return code;
    about->super_speed = device.bcdUSB >= 0x0300;
    uint16_t wanted = (uint16_t)((about->super_speed ? DESCRIPTOR_USB3 : DESCRIPTOR_USB2) << 8);
    code = libusb_control_transfer(hub, FROM_HUB, LIBUSB_REQUEST_GET_DESCRIPTOR, wanted, 0, text, sizeof text,
                                   timeout_ms);
    if (code < 0)
        return code;
    if (code < 7)
        return LIBUSB_ERROR_IO;
    about->ports = text[2];
    unsigned how = text[3] & 3; /* 2 and 3: none, as hubs of USB 1.0 have it */
    about->switching = how < 2 ? (enum usb_hub_switching)how : USB_HUB_NEVER;
    return 0;
}

int usb_hub_set(libusb_device_handle *hub, unsigned port, bool on, unsigned timeout_ms)
{
    int code =
        libusb_control_transfer(hub, TO_PORT, on ? LIBUSB_REQUEST_SET_FEATURE : LIBUSB_REQUEST_CLEAR_FEATURE,
                                PORT_POWER, (uint16_t)port, NULL, 0, timeout_ms);
    return code < 0 ? code : 0;
}

int usb_hub_get(libusb_device_handle *hub, const struct usb_hub_about *about, unsigned port, bool *on,
                unsigned timeout_ms)
{
    unsigned char status[4];
    int code = libusb_control_transfer(hub, FROM_PORT, LIBUSB_REQUEST_GET_STATUS, 0, (uint16_t)port, status,
                                       sizeof status, timeout_ms);
    if (code < 0)
        return code;
    if (code < (int)sizeof status)
        return LIBUSB_ERROR_IO;
    *on = (status[0] | status[1] << 8) & (about->super_speed ? POWERED_USB3 : POWERED_USB2);
    return 0;
}

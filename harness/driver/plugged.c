/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/plugged.h"

#include <ftdi.h>
#include <libserialport.h>
#include <libusb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/console/serial_find.h"
#include "harness/driver/hid_relay.h"
#include "harness/driver/usb_hub.h"

#define HUB_LIMIT_MS 300
#define FTDI_VENDOR 0x0403
#define FT245R 0x6001 /* FT232R and FT245R have the same ids as they are delivered */

/* Debug probes by their USB ids (the makers' lists, and 60-openocd.rules of openocd 0.12), and the interface
 * file that openocd ships for each. product 0: any. */
static const struct {
    unsigned vendor, product;
    const char *what, *interface;
} probes[] = {
    {0x1366, 0, "SEGGER J-Link", "interface/jlink.cfg"},
    {0x0483, 0x3748, "ST-Link/V2", "interface/stlink.cfg"},
    {0x0483, 0x374b, "ST-Link/V2-1", "interface/stlink.cfg"},
    {0x0483, 0x374d, "ST-Link/V3", "interface/stlink.cfg"},
    {0x0483, 0x374e, "ST-Link/V3", "interface/stlink.cfg"},
    {0x0483, 0x374f, "ST-Link/V3", "interface/stlink.cfg"},
    {0x0483, 0x3752, "ST-Link/V2-1", "interface/stlink.cfg"},
    {0x0483, 0x3753, "ST-Link/V3", "interface/stlink.cfg"},
    {0x0d28, 0x0204, "CMSIS-DAP (DAPLink)", "interface/cmsis-dap.cfg"},
    {0x2e8a, 0x000c, "CMSIS-DAP (Raspberry Pi Debug Probe)", "interface/cmsis-dap.cfg"},
    {0x03eb, 0x2111, "CMSIS-DAP (EDBG)", "interface/cmsis-dap.cfg"},
    {0x1fc9, 0x0090, "CMSIS-DAP (LPC-Link2)", "interface/cmsis-dap.cfg"},
    {0x0451, 0xbef3, "XDS110", "interface/xds110.cfg"},
};

const char *plugged_kind_name(enum plugged_kind kind)
{
    static const char *const names[PLUGGED_KINDS] = {"relay board", "USB hub", "serial port", "debug probe"};
    return names[kind];
}

struct found {
    struct plugged *list;
    size_t count;
};

static struct plugged *add(struct found *found, enum plugged_kind kind)
{
    found->list = mem_resize(found->list, found->count + 1, sizeof *found->list);
    struct plugged *one = &found->list[found->count++];
    *one = (struct plugged){.kind = kind};
    return one;
}

static bool has_port(const struct found *found, const char *location)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].kind == PLUGGED_PORT && !strcmp(found->list[i].location, location))
            return true;
    return false;
}

static int list_ports(struct found *found, struct error *error)
{
    struct sp_port **ports = NULL;
    if (sp_list_ports(&ports) != SP_OK)
        return error_set(error, ERROR_SYSTEM, "serial ports cannot be listed");
    for (size_t i = 0; ports[i]; i++) {
        int vendor, product;
        if (sp_get_port_usb_vid_pid(ports[i], &vendor, &product) != SP_OK)
            continue; /* those of the main board: every computer has them, most lead nowhere */
        struct plugged *one = add(found, PLUGGED_PORT);
        const char *serial = sp_get_port_usb_serial(ports[i]), *what = sp_get_port_usb_product(ports[i]);
        snprintf(one->name, sizeof one->name, "%s", sp_get_port_name(ports[i]));
        snprintf(one->what, sizeof one->what, "%s", what ? what : "serial adapter");
        snprintf(one->ids, sizeof one->ids, "%04x:%04x", (unsigned)vendor, (unsigned)product);
        snprintf(one->serial, sizeof one->serial, "%s", serial ? serial : "");
        if (!serial_location(one->name, one->location, sizeof one->location))
            one->location[0] = 0;
    }
    sp_free_port_list(ports);
    return 0;
}

/* A chip of those ids is a relay board when no serial port hangs on it. */
static void look_at_ftdi(struct found *found, struct ftdi_context *context, libusb_device *device)
{
    char location[32], what[64] = "", serial[64] = "";
    usb_location(device, location, sizeof location);
    if (has_port(found, location))
        return;
    bool told = !ftdi_usb_get_strings(context, device, NULL, 0, what, sizeof what, serial, sizeof serial);
    struct plugged *one = add(found, PLUGGED_RELAY);
    snprintf(one->name, sizeof one->name, "ftdi");
    snprintf(one->what, sizeof one->what, "%s", told && what[0] ? what : "FT245R that you may not open");
    snprintf(one->serial, sizeof one->serial, "%s", serial);
    snprintf(one->ids, sizeof one->ids, "%04x:%04x", FTDI_VENDOR, FT245R);
    snprintf(one->location, sizeof one->location, "%s", location);
}

static void look_at_probe(struct found *found, libusb_device *device,
                          const struct libusb_device_descriptor *about)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        libusb_device_handle *handle;
        if (probes[i].vendor != about->idVendor ||
            (probes[i].product && probes[i].product != about->idProduct))
            continue;
        struct plugged *one = add(found, PLUGGED_PROBE);
        snprintf(one->name, sizeof one->name, "%s", probes[i].interface);
        snprintf(one->what, sizeof one->what, "%s", probes[i].what);
        snprintf(one->ids, sizeof one->ids, "%04x:%04x", about->idVendor, about->idProduct);
        usb_location(device, one->location, sizeof one->location);
        if (about->iSerialNumber && !libusb_open(device, &handle)) {
            int len = libusb_get_string_descriptor_ascii(
                handle, about->iSerialNumber, (unsigned char *)one->serial, sizeof one->serial - 1);
            one->serial[len > 0 ? len : 0] = 0;
            libusb_close(handle);
        }
        return;
    }
}

/* Those that switch each of their ports; one that we may not ask is named, unless it is a root hub, which
 * every computer has. */
static void look_at_hub(struct found *found, libusb_device *device,
                        const struct libusb_device_descriptor *about)
{
    struct usb_hub_about hub = {0};
    libusb_device_handle *handle = NULL;
    char location[32], what[64] = "hub that you may not open";
    usb_location(device, location, sizeof location);
    int code = libusb_open(device, &handle);
    if (!code)
        code = usb_hub_look(handle, &hub, HUB_LIMIT_MS);
    if (!code)
        snprintf(what, sizeof what, "hub of %u switched ports", hub.ports);
    if (handle)
        libusb_close(handle);
    if (code ? !strchr(location, '-') : hub.switching != USB_HUB_EACH_PORT)
        return;
    struct plugged *one = add(found, PLUGGED_HUB);
    snprintf(one->what, sizeof one->what, "%s", what);
    snprintf(one->ids, sizeof one->ids, "%04x:%04x", about->idVendor, about->idProduct);
    snprintf(one->location, sizeof one->location, "%s", location);
}

static void list_hid_relays(struct found *found)
{
    struct hid_relay_found list[32];
    size_t count = hid_relay_list(HID_RELAY_VENDOR, HID_RELAY_PRODUCT, list, sizeof list / sizeof *list);
    for (size_t i = 0; i < count; i++) {
        struct plugged *one = add(found, PLUGGED_RELAY);
        snprintf(one->what, sizeof one->what, "%s%s", list[i].product,
                 list[i].name[0] ? "" : " that you may not open");
        snprintf(one->name, sizeof one->name, "hidrelay");
        snprintf(one->serial, sizeof one->serial, "%s", list[i].name);
        snprintf(one->ids, sizeof one->ids, "%04x:%04x", HID_RELAY_VENDOR, HID_RELAY_PRODUCT);
    }
}

static int list_usb(struct found *found, struct error *error)
{
    struct ftdi_context *context = ftdi_new(); /* has a context of libusb, which is used for all */
    libusb_device **devices = NULL;
    ssize_t count = context ? libusb_get_device_list(context->usb_ctx, &devices) : -1;
    for (ssize_t i = 0; i < count; i++) {
        struct libusb_device_descriptor about;
        if (libusb_get_device_descriptor(devices[i], &about))
            continue;
        if (about.idVendor == FTDI_VENDOR && about.idProduct == FT245R)
            look_at_ftdi(found, context, devices[i]);
        else if (usb_is_hub(devices[i]))
            look_at_hub(found, devices[i], &about);
        else
            look_at_probe(found, devices[i], &about);
    }
    if (devices)
        libusb_free_device_list(devices, 1);
    ftdi_free(context);
    return count < 0 ? error_set(error, ERROR_SYSTEM, "USB devices cannot be listed") : 0;
}

int plugged_list(struct plugged **list, size_t *count, struct error *error)
{
    struct found found = {0};
    list_hid_relays(&found);
    if (list_ports(&found, error) || list_usb(&found, error)) {
        free(found.list);
        return -1;
    }
    *list = found.list;
    *count = found.count;
    return 0;
}

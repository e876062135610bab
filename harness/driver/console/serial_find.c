/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/console/serial_find.h"

#include <ctype.h>
#include <libserialport.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"

#define LINKS_MAX 8
#define HEX "0123456789abcdefABCDEF"

static bool is_device(const char *path)
{
    char sys[PATH_MAX];
    if (strncmp(path, "/dev/", 5) != 0 || strchr(path + 5, '/'))
        return false;
    snprintf(sys, sizeof sys, "/sys/class/tty/%.*s", NAME_MAX, path + 5);
    return !access(sys, F_OK);
}

/* libserialport 0.1.1 knows the names of devices only, no links to them. udev's links lead to devices
 * directly in /dev; what sysfs knows is not followed further, even if it is a link (as in umockdev). */
static int follow(const char *port, char name[SERIAL_NAME_MAX], struct error *error)
{
    char path[PATH_MAX], target[PATH_MAX];
    snprintf(path, sizeof path, "%s", port);
    for (int i = 0; i < LINKS_MAX && !is_device(path); i++) {
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len < 0)
            break;
        target[len] = 0;
        const char *base = strrchr(target, '/');
        snprintf(path, sizeof path, "/dev/%.*s", NAME_MAX, base ? base + 1 : target);
    }
    if (strlen(path) >= SERIAL_NAME_MAX)
        return error_set(error, ERROR_INPUT, "%s: too long for the name of a serial port", path);
    memcpy(name, path, strlen(path) + 1);
    return 0;
}

/* The last part of the device's path in sysfs that looks like bus-port.port: that of the adapter itself. */
bool serial_location(const char *name, char *location, size_t size)
{
    char path[PATH_MAX], real[PATH_MAX];
    snprintf(path, sizeof path, "/sys/class/tty/%s", strrchr(name, '/') + 1);
    if (!realpath(path, real))
        return false;
    bool found = false;
    char *rest = real;
    for (char *part; (part = strsep(&rest, "/"));) {
        char *dash = strchr(part, '-');
        if (dash > part && strspn(part, "0123456789") == (size_t)(dash - part) &&
            isdigit((unsigned char)dash[1]) && dash[1 + strspn(dash + 1, "0123456789.")] == 0) {
            snprintf(location, size, "%s", part);
            found = true;
        }
    }
    return found;
}

bool serial_read_ids(const char *text, int *vendor, int *product)
{
    unsigned v, p;
    size_t first = strspn(text, HEX), second = text[first] == ':' ? strspn(text + first + 1, HEX) : 0;
    if (!first || first > 4 || !second || second > 4 || text[first + 1 + second] ||
        sscanf(text, "%4x:%4x", &v, &p) != 2)
        return false;
    *vendor = (int)v;
    *product = (int)p;
    return true;
}

static bool fits(const struct serial_wanted *wanted, struct sp_port *port)
{
    char location[64];
    int vendor = 0, product = 0, its_vendor = -1, its_product = -1;
    if (wanted->usb && (!serial_read_ids(wanted->usb, &vendor, &product) ||
                        sp_get_port_usb_vid_pid(port, &its_vendor, &its_product) != SP_OK ||
                        vendor != its_vendor || product != its_product))
        return false;
    const char *serial = wanted->serial ? sp_get_port_usb_serial(port) : NULL;
    if (wanted->serial && (!serial || strcmp(serial, wanted->serial) != 0))
        return false;
    return !wanted->location || (serial_location(sp_get_port_name(port), location, sizeof location) &&
                                 !strcmp(location, wanted->location));
}

static int search(const struct serial_wanted *wanted, char name[SERIAL_NAME_MAX], struct error *error)
{
    struct sp_port **ports = NULL;
    unsigned count = 0;
    if (sp_list_ports(&ports) != SP_OK)
        return error_set(error, ERROR_SYSTEM, "serial ports cannot be listed");
    for (size_t i = 0; ports[i]; i++)
        if (fits(wanted, ports[i]) && !count++)
            snprintf(name, SERIAL_NAME_MAX, "%s", sp_get_port_name(ports[i]));
    sp_free_port_list(ports);
    if (count == 1)
        return 0;
    return error_set(error, ERROR_RIG, "%s serial port with%s%s%s%s%s%s%s", count ? "more than one" : "no",
                     wanted->usb ? " usb " : "", wanted->usb ? wanted->usb : "",
                     wanted->serial ? " serial " : "", wanted->serial ? wanted->serial : "",
                     wanted->location ? " at " : "", wanted->location ? wanted->location : "",
                     count ? " (\"serial\" or \"location\" tells them apart)" : " (plugged in?)");
}

int serial_find(const struct serial_wanted *wanted, char name[SERIAL_NAME_MAX], struct error *error)
{
    if (wanted->port)
        return follow(wanted->port, name, error);
    if (!wanted->usb && !wanted->serial && !wanted->location)
        return error_set(error, ERROR_INPUT,
                         "serial: expected \"port\", or one of \"usb\", \"serial\" and \"location\"");
    return search(wanted, name, error);
}

void serial_list(char *text, size_t size)
{
    struct sp_port **ports = NULL;
    size_t len = 0;
    snprintf(text, size, "none");
    if (sp_list_ports(&ports) != SP_OK)
        return;
    for (size_t i = 0; ports[i] && len < size; i++) {
        char location[64] = "";
        int vendor, product;
        const char *name = sp_get_port_name(ports[i]);
        if (sp_get_port_usb_vid_pid(ports[i], &vendor, &product) != SP_OK) {
            len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "", name);
            continue;
        }
        bool placed = serial_location(name, location, sizeof location);
        len += (size_t)snprintf(text + len, size - len, "%s%s (%04x:%04x%s%s)", i ? ", " : "", name,
                                (unsigned)vendor, (unsigned)product, placed ? " at " : "", location);
    }
    sp_free_port_list(ports);
}

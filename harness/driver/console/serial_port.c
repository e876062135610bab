/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/console/serial_port.h"

#include <errno.h>
#include <libserialport.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

static int failed(const struct serial_port *port, const char *what, struct error *error)
{
    char *text = sp_last_error_message();
    error_set(error, ERROR_RIG, "%s: %s: %s", port->name, what, text && *text ? text : "not possible");
    if (text)
        sp_free_error_message(text);
    return -1;
}

/* libserialport asks for the lines to be dropped with the last close (HUPCL), and cannot be told otherwise.
 */
static int keep_lines(const struct serial_port *port, struct error *error)
{
    struct termios line;
    if (tcgetattr(port->fd, &line))
        return error_set_errno(error, ERROR_RIG, errno, "%s: line settings", port->name);
    line.c_cflag &= ~(tcflag_t)HUPCL;
    return tcsetattr(port->fd, TCSANOW, &line)
               ? error_set_errno(error, ERROR_RIG, errno, "%s: line settings", port->name)
               : 0;
}

static int set_up(const struct serial_port *port, const struct serial_settings *settings, struct error *error)
{
    struct sp_port *sp = port->sp;
    if (sp_set_baudrate(sp, (int)settings->baud) < 0 || sp_set_bits(sp, 8) < 0 ||
        sp_set_parity(sp, SP_PARITY_NONE) < 0 || sp_set_stopbits(sp, 1) < 0 ||
        sp_set_flowcontrol(sp, SP_FLOWCONTROL_NONE) < 0)
        return failed(port, "line settings", error);
    if (settings->dtr != SERIAL_LEAVE &&
        sp_set_dtr(sp, settings->dtr == SERIAL_LOW ? SP_DTR_OFF : SP_DTR_ON) < 0)
        return failed(port, "DTR", error);
    if (settings->rts != SERIAL_LEAVE &&
        sp_set_rts(sp, settings->rts == SERIAL_LOW ? SP_RTS_OFF : SP_RTS_ON) < 0)
        return failed(port, "RTS", error);
    if (settings->lines_stay && keep_lines(port, error))
        return -1;
    if (!settings->shared) /* it may be the answer to somebody else */
        sp_flush(sp, SP_BUF_INPUT);
    return 0;
}

/* Two locks: the kernel's own keeps other programs out (but not root), flock() keeps out other otarigs, by
 * whatever name they know the port. */
static int lock(const struct serial_port *port, struct error *error)
{
    if (flock(port->fd, LOCK_EX | LOCK_NB))
        return error_set(error, ERROR_RIG, "%s: is in use by another otarig (or another place of this rack)",
                         port->name);
    ioctl(port->fd, TIOCEXCL); /* not all drivers know it */
    return 0;
}

int serial_port_open(struct serial_port *port, const struct serial_wanted *wanted,
                     const struct serial_settings *settings, struct error *error)
{
    port->sp = NULL;
    port->fd = -1;
    port->absent = true;
    if (serial_find(wanted, port->name, error))
        return -1;
    if (sp_get_port_by_name(port->name, &port->sp) != SP_OK) {
        port->sp = NULL;
        return error_set(error, ERROR_RIG,
                         "%s: no such serial port (plugged in? `otarig doctor` lists what is there)",
                         port->name);
    }
    port->absent = false;
    if (sp_open(port->sp, SP_MODE_READ_WRITE) != SP_OK) {
        failed(port, "open", error);
        sp_free_port(port->sp);
        port->sp = NULL;
        return -1;
    }
    /* locked before anything is set: the port may be another's */
    if (sp_get_port_handle(port->sp, &port->fd) == SP_OK && (settings->shared || !lock(port, error)) &&
        !set_up(port, settings, error))
        return 0;
    serial_port_close(port);
    return -1;
}

void serial_port_close(struct serial_port *port)
{
    if (port->sp) {
        sp_close(port->sp);
        sp_free_port(port->sp);
    }
    port->sp = NULL;
    port->fd = -1;
}

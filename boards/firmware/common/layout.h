/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flash map on the nRF52840 (1 MiB, pages of 4 KiB) of the firmware that is being built. */
#ifndef FW_LAYOUT_H
#define FW_LAYOUT_H

#ifdef FW_LAYOUT
#include FW_LAYOUT
#else
#include "app/layout.h"
#endif

#endif

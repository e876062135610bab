# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware of both micro:bits as MakeCode programs it, and updates that wait for their boot loaders.

usage: makecode.py FOLDER CACHE (exit 77: no network)
The new boot loader is the old one with another name in its advertising, the new SoftDevice the old one with another last byte.
"""
import sys
from pathlib import Path

from npm_package import MICROBIT_V1, MICROBIT_V2, member, open_pxt_microbit
from nrf_dfu import VALID_APP, VALID_BOOTLOADER, VALID_SOFTDEVICE, application, bank, hex_bytes, settings, summed

APP, UPDATE = 0x1C000, 0x1E000  # the update lies behind the application, page by page
SOFTDEVICE, SOFTDEVICE_END, BOOTLOADER, BOOTLOADER_END = 0x1000, 0x1B400, 0x77000, 0x7D3EC

folder = Path(sys.argv[1])
with open_pxt_microbit(Path(sys.argv[2])) as package:
    v1, v2 = (member(package, name).decode() for name in (MICROBIT_V1, MICROBIT_V2))


def renamed(image):
    assert image.count(b"DfuTarg") == 1
    return image.replace(b"DfuTarg", b"DfuNext")


def page(image, code, softdevice_len=0):
    """Settings of SDK 16: behind the command (not there) is what is checked at each boot (nothing)."""
    banks = bank(old, VALID_APP), bank(image, code)
    return settings(2, 0, banks, UPDATE, softdevice_len).ljust(0x25C, b"\0") + summed(bytes(195)) + b"\0"


old, new = application(APP, 1, 0x1800), application(APP, 2, 0x2C00)
bootloader = renamed(hex_bytes(v2, BOOTLOADER, BOOTLOADER_END))
softdevice = hex_bytes(v2, SOFTDEVICE, SOFTDEVICE_END)
softdevice = softdevice[:-1] + bytes([softdevice[-1] ^ 1])
files = {
    "microbit_v1.hex": v1.encode(),
    "microbit_v2.hex": v2.encode(),
    "v1.bin": old,
    "v2.bin": new,
    "bootloader.bin": bootloader,
    "bootloader_v1.bin": renamed(hex_bytes(v1, 0x3C000, 0x3F874)),
    "softdevice.bin": softdevice,
    "settings.bin": page(new, VALID_APP),
    "settings_bootloader.bin": page(bootloader, VALID_BOOTLOADER),
    "settings_softdevice.bin": page(softdevice, VALID_SOFTDEVICE, len(softdevice)),
}
for name, data in files.items():
    (folder / name).write_bytes(data)

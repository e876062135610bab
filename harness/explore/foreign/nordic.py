# SPDX-License-Identifier: GPL-2.0-or-later
"""What Nordic's Open Bootloader needs to find an update that waits: applications and its settings page.

usage: nordic.py FOLDER CACHE; the boot loader is in nrf-device-setup 0.6.8 of npm, kept in CACHE (exit 77: it cannot be had).
The layout of the settings is that of nrf_dfu_settings_t in nRF5 SDK 15 (nrf_dfu_types.h); the length its CRC covers was
read off a page that this boot loader wrote, the place of the update's address (`update_start_address`) off its code.
"""
import sys
import zipfile
from pathlib import Path

from npm_package import open_package
from nrf_dfu import VALID_APP, application, bank, settings

SHA256 = "2dc1eda3d9659dac3e8c1fa14aec77aa0cc2ae17d53f0c76b1c9ce5c1bd8d2d7"
SLOT, UPDATE = 0x1000, 0x3000

folder = Path(sys.argv[1])
with open_package(Path(sys.argv[2]), "nrf-device-setup", "0.6.8", SHA256) as tar:
    name = next(n for n in tar.getnames() if n.endswith(".zip") and "bootloader" in n)
    with zipfile.ZipFile(tar.extractfile(name)) as files:
        (folder / "bootloader.bin").write_bytes(files.read(next(n for n in files.namelist() if n.endswith(".bin"))))

old, new = application(SLOT, 1, 0x1800), application(SLOT, 2, 0x2C00)
(folder / "v1.bin").write_bytes(old)
(folder / "v2.bin").write_bytes(new)
banks = bank(old, VALID_APP), bank(new, VALID_APP)
(folder / "settings.bin").write_bytes(settings(1, 0, banks, UPDATE).ljust(0x15C, b"\0"))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware of Particle's Electron and Photon (STM32F205) from npm's particle-cli.

usage: particle.py FOLDER CACHE (exit 77: no network)
An Electron keeps its configuration in one of two sectors (dcd.h in Particle's device-os): watermark, seal, data; at offset
2852 of the data a table of five modules to be copied (platform_flash_modules.h).
"""
import struct
import sys
from pathlib import Path

from npm_package import member, open_package

NEW = "2.16.0", "8740e7bb69fbba35d1d8ebecd8171a7e597f094e844dd964fc2aea669faa24bb"
OLD = "2.3.0", "45a770aea76e8081fe69c50b85eb66f2c892a790dfafcc8653300221da3beff7"
WATERMARK, VALID, TABLE = 0x1E1C279A, 0xEDA15E00, 2852
RECEIVED, SYSTEM_PART, USER_PART, VERIFIED = 0x080C0000, 4, 5, 0x0E

folder, cache = Path(sys.argv[1]), Path(sys.argv[2])
files = {}
with open_package(cache, "particle-cli", *NEW) as package:
    for name, path in {
        "electron_boot": "updates/electron-bootloader@2.2.0+lto",
        "electron_1": "updates/electron-system-part1@2.2.0",
        "electron_2": "updates/electron-system-part2@2.2.0",
        "electron_3": "updates/electron-system-part3@2.2.0",
        "electron_app": "binaries/electron_tinker",
        "electron_new": "binaries/tinker-usb-debugging-0.6.0-electron",
        "photon_boot": "updates/photon-bootloader@2.2.0+lto",
        "photon_1": "updates/photon-system-part1@2.2.0",
        "photon_2": "updates/photon-system-part2@2.2.0",
        "photon_app": "binaries/tinker-0.4.5-photon",
        "photon_new": "binaries/photon_doctor",
    }.items():
        files[name] = member(package, f"assets/{path}.bin")
with open_package(cache, "particle-cli", *OLD) as package:
    for part in (1, 2, 3):
        files[f"electron_old_{part}"] = member(package, f"assets/updates/electron-system-part{part}@1.5.0.bin")


def entry(image, destination, function):
    return struct.pack("<HBBIIIBBH", 0xABCD, 0, 0, RECEIVED, destination, len(image) + 4, VERIFIED, function, 0xFFFF)


def configuration(module):
    return (struct.pack("<II", WATERMARK, VALID).ljust(8 + TABLE + 20, b"\xff") + module).ljust(0x4000, b"\xff")


files["electron_dct"] = configuration(entry(files["electron_new"], 0x08080000, USER_PART))
files["electron_dct_system"] = configuration(entry(files["electron_3"], 0x08040000, SYSTEM_PART))
files["photon_entry"] = entry(files["photon_new"], 0x080A0000, USER_PART)
for name, data in files.items():
    (folder / f"{name}.bin").write_bytes(data)

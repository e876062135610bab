# SPDX-License-Identifier: GPL-2.0-or-later
"""Nordic's secure boot loader of SDK 14 for the nRF52832 (over Bluetooth, with bonds, debug build) and an update that waits.

usage: secure_dfu.py FOLDER CACHE (exit 77: no network)
npm's pc-nrf-dfu-js has it with its SoftDevice; the master boot record is the one that MakeCode programs into a micro:bit V2.
The bond is one that this boot loader takes: 60 bytes with the right sum. Settings of SDK 14 know no start of the update: it
lies behind the application.
"""
import io
import json
import sys
import zipfile
from pathlib import Path

from npm_package import MICROBIT_V2, member, open_package, open_pxt_microbit
from nrf_dfu import VALID_APP, application, bank, hex_bytes, settings, summed

APP, BANK_1 = 0x23000, 1

folder, cache = Path(sys.argv[1]), Path(sys.argv[2])
with open_package(
    cache, "pc-nrf-dfu-js", "0.2.12", "8f005fbc2a7a7c4ec9ed44f48d371fbe1c734beeaa6d2cb6e51b1b765574671b"
) as package:
    update = zipfile.ZipFile(io.BytesIO(member(package, "/softdevice_bootloader_secure_ble_debug_with_bonds_s132.zip")))
with open_pxt_microbit(cache) as package:
    mbr = hex_bytes(member(package, MICROBIT_V2).decode(), 0, 0xB00)
sizes = json.loads(update.read("manifest.json"))["manifest"]["softdevice_bootloader"]["info_read_only_metadata"]
both = update.read("sd_bl.bin")
assert len(both) == sizes["sd_size"] + sizes["bl_size"]

old, new = application(APP, 1, 0x1800), application(APP, 2, 0x2C00)
page = settings(1, BANK_1, (bank(old, VALID_APP), bank(new, VALID_APP)), 0)
page = page.ljust(0x15C, b"\0") + summed(bytes(60))
files = {
    "mbr.bin": mbr,
    "softdevice.bin": both[: sizes["sd_size"]],
    "bootloader.bin": both[sizes["sd_size"] :],
    "v1.bin": old,
    "v2.bin": new,
    "settings.bin": page.ljust(0x1B8, b"\0"),
}
for name, data in files.items():
    (folder / name).write_bytes(data)

"""What Nordic's Open Bootloader needs to find an update that waits: applications and its settings page.

usage: nordic.py FOLDER PACKAGE; PACKAGE is nrf-device-setup 0.6.8 of npm, or `fetch` to get it from there (exit 77: no network).
The layout of the settings is that of nrf_dfu_settings_t in nRF5 SDK 15 (nrf_dfu_types.h); the length its CRC covers was
read off a page that this boot loader wrote, the place of the update's address (`update_start_address`) off its code.
"""
import hashlib
import http.client
import io
import random
import struct
import sys
import tarfile
import urllib.request
import zipfile
import zlib
from pathlib import Path

ADDRESS = "https://registry.npmjs.org/nrf-device-setup/-/nrf-device-setup-0.6.8.tgz"
SHA256 = "2dc1eda3d9659dac3e8c1fa14aec77aa0cc2ae17d53f0c76b1c9ce5c1bd8d2d7"
SLOT, UPDATE, VALID = 0x1000, 0x3000, 1

folder = Path(sys.argv[1])
if sys.argv[2] == "fetch":
    try:
        package = urllib.request.urlopen(ADDRESS, timeout=20).read()
    except (OSError, http.client.HTTPException) as problem:
        print(f"{ADDRESS}: {problem}")
        sys.exit(77)
else:
    package = Path(sys.argv[2]).read_bytes()
if hashlib.sha256(package).hexdigest() != SHA256:
    sys.exit(f"{ADDRESS}: another package than the known one")
with tarfile.open(fileobj=io.BytesIO(package)) as tar:
    name = next(n for n in tar.getnames() if n.endswith(".zip") and "bootloader" in n)
    with zipfile.ZipFile(tar.extractfile(name)) as files:
        (folder / "bootloader.bin").write_bytes(files.read(next(n for n in files.namelist() if n.endswith(".bin"))))


def application(version, length):
    body = struct.pack("<II", 0x20010000, SLOT + 0x101) + bytes([version]) * 0xF8 + struct.pack("<HH", 0xBF30, 0xE7FD)  # wfi, for ever
    numbers = random.Random(version)
    return body + bytes(numbers.getrandbits(8) for _ in range(length - len(body)))


def bank(image):
    return struct.pack("<III", len(image), zlib.crc32(image), VALID)


old, new = application(1, 0x1800), application(2, 0x2C00)
body = struct.pack("<5I", 1, 0, 0, 0, 0) + bank(old) + bank(new)  # version ... bank_current, banks 0 and 1
body = body.ljust(0x44, b"\0") + struct.pack("<I", UPDATE)
body = body.ljust(0x58, b"\0")
(folder / "v1.bin").write_bytes(old)
(folder / "v2.bin").write_bytes(new)
(folder / "settings.bin").write_bytes(struct.pack("<I", zlib.crc32(body)) + body.ljust(0x158, b"\0"))

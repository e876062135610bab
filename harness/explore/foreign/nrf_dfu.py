# SPDX-License-Identifier: GPL-2.0-or-later
"""What boot loaders made of Nordic's nRF5 SDK keep in flash: applications, and the page of settings.

The layout is that of nrf_dfu_settings_t (nrf_dfu_types.h); what a version of the SDK has at another place is a parameter.
"""
import random
import struct
import zlib

VALID_APP, VALID_SOFTDEVICE, VALID_BOOTLOADER = 1, 0xA5, 0xAA


def application(address, version, length):
    """Waits for ever; the rest is noise that differs from version to version."""
    body = struct.pack("<II", 0x20010000, address + 0x101) + bytes([version]) * 0xF8 + struct.pack("<HH", 0xBF30, 0xE7FD)
    numbers = random.Random(version)
    return body + bytes(numbers.getrandbits(8) for _ in range(length - len(body)))


def bank(image, code):
    return struct.pack("<III", len(image), zlib.crc32(image), code)


def settings(version, current, banks, update, softdevice_len=0):
    """The first 0x5C bytes: crc, versions, bank_current, banks 0 and 1, write_offset, sd_size, progress."""
    body = struct.pack("<5I", version, 0, 0, 0, current) + b"".join(banks) + struct.pack("<II", 0, softdevice_len)
    body = (body.ljust(0x44, b"\0") + struct.pack("<I", update)).ljust(0x58, b"\0")
    return struct.pack("<I", zlib.crc32(body)) + body


def summed(body):
    return struct.pack("<I", zlib.crc32(body)) + body


def hex_bytes(text, begin, end):
    """The bytes of an Intel HEX file between two addresses."""
    memory, base = bytearray(b"\xff" * (end - begin)), 0
    for line in text.split():
        record = bytes.fromhex(line[1:])
        address, kind, data = base + int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        if kind == 4:
            base = int.from_bytes(data, "big") << 16
        elif kind == 2:
            base = int.from_bytes(data, "big") << 4
        elif kind == 0 and begin <= address and address + len(data) <= end:
            memory[address - begin : address - begin + len(data)] = data
    return bytes(memory)

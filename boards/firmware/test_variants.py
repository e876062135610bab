#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every variant of the stock, mute and shell firmware boots on the twin and takes one update; what its defect is shows
in the way it must. test_variants.py TWIN FIRMWARE_FOLDER KIND [VARIANT...]. 77: something is not there.

SMP and the slots are spoken and read here once more, so that neither the harness' client nor its judge vouches for
the boards that they are tested with."""
import base64
import json
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty

NVM_LEN = 0x101000
LIMIT_S = 300


class Failure(Exception):
    pass


# ---- the little CBOR that SMP needs ----

def cbor(value):
    def head(major, number):
        for code, (form, limit) in enumerate((("B", 24), ("B", 1 << 8), (">H", 1 << 16), (">I", 1 << 32))):
            if number < limit:
                return bytes([major << 5 | (number if not code else 23 + code)]) + (struct.pack(form, number) if code else b"")
        raise ValueError(number)
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def uncbor(data, at=0):
    first = data[at]
    at += 1
    major, small = first >> 5, first & 31
    if major == 7:
        return {20: False, 21: True, 22: None, 31: StopIteration}[small], at
    number = small
    if 24 <= small <= 27:
        size = 1 << small - 24
        number, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major == 0:
        return number, at
    if major in (2, 3):
        raw, at = data[at:at + number], at + number
        return (raw.decode() if major == 3 else raw), at
    items, count = [], number * (2 if major == 5 else 1)
    while small == 31 or len(items) < count:
        item, at = uncbor(data, at)
        if item is StopIteration:
            break
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), at


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xffff if crc & 0x8000 else crc << 1
    return crc


# ---- a board ----

class Board:
    def __init__(self, twin, firmware, parts, live):
        self.folder = tempfile.mkdtemp(prefix="otarig-variants-")
        self.nvm = self.folder + "/nvm"
        contents = bytearray(b"\xff" * NVM_LEN)
        for address, name in parts:
            with open(f"{firmware}/{name}.bin", "rb") as file:
                image = file.read()
            contents[address:address + len(image)] = image
        with open(self.nvm, "wb") as file:
            file.write(contents)
        self.ours, theirs = socket.socketpair()
        self.control, control = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        os.set_inheritable(control.fileno(), True)
        self.process = subprocess.Popen([twin, "--chip", "nrf52840", "--nvm", self.nvm, "--pace", "live" if live else "free",
                                         "--uart-fd", str(theirs.fileno()), "--control-fd", str(control.fileno())],
                                        pass_fds=(theirs.fileno(), control.fileno()))
        theirs.close()
        control.close()
        self.text = b""
        self.all = b""
        self.seq = 0
        self.boots = 0

    def close(self):
        self.control.close()
        self.process.wait(20)
        self.ours.close()
        shutil.rmtree(self.folder)

    def power(self, on):
        self.boots += on
        self.control.sendall(f"on 0 {self.boots}\n".encode() if on else b"off 0\n")
        if not on:
            self.events('"what":"off"')

    def events(self, wanted):
        seen, end = b"", time.monotonic() + LIMIT_S
        while wanted.encode() not in seen:
            if time.monotonic() > end:
                raise Failure(f"the twin never says {wanted}")
            if select.select([self.control], [], [], 1)[0]:
                seen += self.control.recv(65536)

    def turn(self, seconds=0.05):
        if select.select([self.ours], [], [], seconds)[0]:
            data = self.ours.recv(65536)
            self.text += data
            self.all += data
        if select.select([self.control], [], [], 0)[0]:
            self.control.recv(65536)

    def until(self, wanted, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while wanted not in self.text:
            if time.monotonic() > end:
                return False
            self.turn()
        self.text = self.text[self.text.index(wanted) + len(wanted):]
        return True

    def expect(self, wanted):
        if not self.until(wanted):
            raise Failure(f"no {wanted!r} in {self.all[-600:]!r}")

    def read(self, address, length):
        with open(self.nvm, "rb") as file:
            file.seek(address)
            return file.read(length)


# ---- SMP ----

class Smp(Board):
    def request(self, op, group, number, body, tries=100):
        for _ in range(tries):
            self.seq = (self.seq + 1) & 255
            payload = cbor(body)
            packet = struct.pack(">BBHHBB", op, 0, len(payload), group, self.seq, number) + payload
            raw = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc16(packet))
            for at in range(0, len(raw), 93):
                self.ours.sendall((b"\x04\x14" if at else b"\x06\x09") + base64.b64encode(raw[at:at + 93]) + b"\n")
            end = time.monotonic() + LIMIT_S / tries
            while time.monotonic() < end:
                answer = self.answer()
                if answer:
                    return answer
                self.turn()
        raise Failure(f"no answer to {group}/{number}")

    def answer(self):
        lines = self.text.replace(b"\r", b"").split(b"\n")
        for i, line in enumerate(lines[:-1]):
            if not line.startswith(b"\x06\x09"):
                continue
            text = b"".join([line[2:]] + [more[2:] for more in lines[i + 1:-1] if more.startswith(b"\x04\x14")])
            try:
                raw = base64.b64decode(text)
            except ValueError:
                continue
            if len(raw) < 2 or len(raw) < struct.unpack(">H", raw[:2])[0] + 2:
                continue
            packet = raw[2:-2]
            if crc16(packet) != struct.unpack(">H", raw[-2:])[0] or packet[6] != self.seq:
                continue
            self.text = b"\n".join(lines[i + 1:])
            return uncbor(packet, 8)[0]
        return None

    def images(self):
        return self.request(0, 1, 0, {})["images"]

    def slot(self, number):
        return next((image for image in self.images() if image["slot"] == number), None)

    def upload(self, path):
        import hashlib
        with open(path, "rb") as file:
            data = file.read()
        off = 0
        while off < len(data):
            body = {"off": off, "data": data[off:off + 256]}
            if not off:
                body.update(len=len(data), sha=hashlib.sha256(data).digest())
            answer = self.request(2, 1, 1, body)
            if answer.get("rc", 0):
                return answer["rc"]
            if "match" in answer and not answer["match"]:
                raise Failure("the upload does not match")
            off = answer["off"]
        return 0

    def restart(self):
        self.request(2, 0, 5, {})

    def awaited(self, version):
        """The slots once the board answers again after a restart."""
        end = time.monotonic() + LIMIT_S
        while True:
            images = self.images()
            if images[0]["version"] == version or time.monotonic() > end:
                return images[0]


def smp_update(board, firmware, name):
    rc = board.upload(f"{firmware}/{name}.bin")
    if rc:
        raise Failure(f"the upload of {name} is refused: {rc}")
    new = board.slot(1)
    board.request(2, 1, 0, {"hash": new["hash"], "confirm": False})
    if not board.slot(1)["pending"]:
        raise Failure("it is not pending")
    board.restart()


def settle(board):
    """Past the boot loader: it answers."""
    board.request(2, 0, 0, {"d": "x"})


def check_smp(twin, firmware, variant, versions):
    """v1, then v2 on trial, taken back by a restart; v2 again, confirmed, which stays. The odd one out per variant."""
    board = Smp(twin, firmware, ((0, "bootloader"), (0xc000, "v1")), False)
    try:
        board.power(True)
        settle(board)
        settings = board.read(0xf8000, 0x1000)
        seen = [board.slot(0)["version"]]
        smp_update(board, firmware, "v2")
        settle(board)
        if variant == "self-confirming":
            time.sleep(1)
        seen += [board.slot(0)["version"], board.slot(0)["confirmed"]]
        board.restart()
        settle(board)
        seen += [board.slot(0)["version"]]
        if board.slot(0)["version"] != "2.0.0":
            smp_update(board, firmware, "v2")
            settle(board)
        board.request(2, 1, 0, {"confirm": True})
        board.restart()
        settle(board)
        seen += [board.slot(0)["version"], board.slot(0)["confirmed"]]
        if board.read(0xf8000, 0x1000) != settings:
            raise Failure("the settings have changed")
        if seen != versions:
            raise Failure(f"saw {seen}, expected {versions}")
        if (b"Booting" in board.all) == (firmware.split("/")[-2] == "mute"):
            raise Failure("it talks where it must not, or does not where it must")
    finally:
        board.close()


# version at first, on trial, confirmed then?, after a restart, after confirming and a restart, confirmed then?
RIGHT = ["1.0.0", "2.0.0", False, "1.0.0", "2.0.0", True]
SMP_SHOWS = {
    "no-revert": ["1.0.0", "2.0.0", False, "2.0.0", "2.0.0", True],
    "confirm-before-selftest": ["1.0.0", "2.0.0", True, "2.0.0", "2.0.0", True],
    "self-confirming": ["1.0.0", "2.0.0", True, "2.0.0", "2.0.0", True],
    "confirms-the-other-slot": ["1.0.0", "2.0.0", False, "1.0.0", "1.0.0", True],
    "wrong-version-reported": ["1.0.0", "1.0.0", False, "1.0.0", "1.0.0", True],
    "status-of-last-swap": ["1.0.0", "2.0.0", False, "2.0.0", "2.0.0", True],
}


# ---- XMODEM and a shell ----

def console(board, command):
    board.ours.sendall(command.encode() + b"\r")
    board.expect(b"\n")
    end = time.monotonic() + LIMIT_S
    while b"uart:~$ " not in board.text:
        if time.monotonic() > end:
            raise Failure(f"no prompt after {command}: {board.all[-300:]!r}")
        board.turn()
    answer, board.text = board.text.split(b"uart:~$ ", 1)
    return answer.decode(errors="replace").strip()


def send(board, path, options):
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    board.ours.sendall(b"update\r")
    board.expect(b"by XMODEM.")
    sender = subprocess.Popen(["sx", *options, path], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    end = time.monotonic() + LIMIT_S
    while sender.poll() is None:
        if time.monotonic() > end:
            sender.kill()
            raise Failure("sx does not end")
        for ready in select.select([ours, board.ours], [], [], 0.05)[0]:
            if ready == ours:
                try:
                    board.ours.sendall(os.read(ours, 4096))
                except OSError:
                    pass
            else:
                data = board.ours.recv(4096)
                board.all += data
                os.write(ours, data)
    os.close(ours)
    if sender.returncode:
        raise Failure(f"sx ends with {sender.returncode}")
    board.text = b""
    board.expect(b"uart:~$ ")


def check_shell(twin, firmware, variant, versions):
    board = Board(twin, firmware, ((0, "bootloader"), (0x10000, "v1")), True)
    try:
        board.power(True)
        board.expect(b"uart:~$ ")
        data = console(board, "data")
        seen = [console(board, "version")]
        send(board, f"{firmware}/v2.bin", [])
        seen += [console(board, "version")]
        board.ours.sendall(b"reset\r")
        board.expect(b"Loader")
        if len(versions) == len(seen):
            board.expect(b"No image.")
            if seen != [f"version {version}" for version in versions]:
                raise Failure(f"saw {seen}, expected {versions} and then no image")
            return
        board.expect(b"uart:~$ ")
        seen += [console(board, "version")]
        if seen[-1] != "version 2.0.0":
            send(board, f"{firmware}/v2.bin", ["-k"])
        console(board, "confirm")
        board.ours.sendall(b"reset\r")
        board.expect(b"Loader")
        board.expect(b"uart:~$ ")
        seen += [console(board, "version")]
        if console(board, "data") != data:
            raise Failure("the data have changed")
        if seen != [f"version {version}" for version in versions]:
            raise Failure(f"saw {seen}, expected {versions}")
    finally:
        board.close()


SHELL_RIGHT = ["1.0.0", "2.0.0", "1.0.0", "2.0.0"]
SHELL_SHOWS = {
    "no-rollback": ["1.0.0", "2.0.0", "2.0.0", "2.0.0"],
    "confirm-before-selftest": ["1.0.0", "2.0.0", "2.0.0", "2.0.0"],
    "wrong-version-reported": ["1.0.0", "1.0.0", "1.0.0", "1.0.0"],
    # v2 is where v1 was: nothing to go back to
    "receives-into-running-slot": ["1.0.0", "2.0.0"],
}


def main():
    twin, folder, kind = sys.argv[1:4]
    if not os.access(twin, os.X_OK) or not os.path.exists(f"{folder}/{kind}/good/manifest.json"):
        return 77
    if kind == "shell" and not shutil.which("sx"):
        return 77
    variants = sys.argv[4:] or sorted(os.listdir(f"{folder}/{kind}"))
    check, right, shows = (check_shell, SHELL_RIGHT, SHELL_SHOWS) if kind == "shell" else (check_smp, RIGHT, SMP_SHOWS)
    failed = 0
    for variant in variants:
        firmware = f"{folder}/{kind}/{variant}"
        with open(f"{firmware}/manifest.json", encoding="utf-8") as file:
            if json.load(file)["variant"] != variant:
                raise Failure(f"{firmware}: not {variant}")
        begin = time.monotonic()
        try:
            check(twin, firmware, variant, shows.get(variant, right))
            print(f"ok   {kind}/{variant} {time.monotonic() - begin:.1f} s", flush=True)
        except Failure as failure:
            failed += 1
            print(f"FAIL {kind}/{variant}: {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

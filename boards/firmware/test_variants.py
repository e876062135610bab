#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every variant of the stock, mute, shell and bare firmware boots on the twin and takes one update; what its defect is shows
in the way it must. test_variants.py TWIN FIRMWARE_FOLDER KIND [VARIANT...]. 77: something is not there.

SMP and the slots are spoken and read here once more, so that neither the harness' client nor its judge vouches for
the boards that they are tested with."""
import base64
import concurrent.futures
import json
import mmap
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
LIMIT_NS = 300 * 10 ** 9  # of the board's time
HOST_LIMIT_S = 600  # a twin that computes for so long without a word hangs


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

class Clock:
    """The keeper of a board's time (harness/io/clock_wire.h): it stands while anybody computes, here or there."""

    VERSION = 2
    GRANT = "<QQQQQ96x"
    REPORT = "<QQQQ"
    AHEAD_NS = 1_000_000_000

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(HOST_LIMIT_S)
        self.page_fd = os.memfd_create("clock")
        os.truncate(self.page_fd, mmap.PAGESIZE)
        self.page = mmap.mmap(self.page_fd, mmap.PAGESIZE)
        self.now_ns, self.number, self.next_ns = 10 ** 12, 0, 0
        self.show()

    def show(self):
        self.page[:8] = struct.pack("<Q", self.now_ns)

    def greet(self):
        self.theirs.close()
        socket.send_fds(self.ours, [struct.pack(self.GRANT, self.VERSION, 0, self.now_ns, self.now_ns, 0)], [self.page_fd])
        self.wait()

    def wait(self):
        number = -1
        while number != self.number:
            report = self.receive()
            if not report:
                raise Failure("the twin has ended")
            number, self.next_ns = struct.unpack(self.REPORT, report)[:2]

    def receive(self):
        try:
            return self.ours.recv(64)
        except TimeoutError:
            raise Failure("the twin hangs") from None

    def step(self, until_ns, stand):
        """The board does what it can now, or else goes on to what comes next."""
        if not stand:
            self.now_ns = max(self.now_ns, min(self.next_ns, until_ns))
            self.show()
        self.number += 1
        ahead_ns = max(self.now_ns, min(until_ns, self.now_ns + self.AHEAD_NS))
        self.ours.send(struct.pack(self.GRANT, self.VERSION, self.number, self.now_ns, ahead_ns, 0))
        self.wait()

    def close(self):
        self.ours.close()
        self.page.close()
        os.close(self.page_fd)


class Board:
    """In a time of its own, so that a busy computer changes nothing but how long it takes."""

    def __init__(self, twin, firmware, parts):
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
        fds = (theirs.fileno(), control.fileno())
        more_fds, options = self.open_time()
        self.process = subprocess.Popen([twin, "--chip", "nrf52840", "--nvm", self.nvm, "--uart-fd", str(fds[0]),
                                         "--control-fd", str(fds[1]), *options], pass_fds=fds + more_fds)
        theirs.close()
        control.close()
        self.text = b""
        self.all = b""
        self.told = b""
        self.part = b""
        self.seq = 0
        self.boots = 0
        self.sent = True
        self.begin_time()

    # -- its time --

    def open_time(self):
        self.clock = Clock()
        return (self.clock.theirs.fileno(),), ("--clock-fd", str(self.clock.theirs.fileno()))

    def begin_time(self):
        self.clock.greet()

    def close_time(self):
        self.clock.close()

    def now_ns(self):
        return self.clock.now_ns

    def pass_time(self, until_ns):
        self.clock.step(until_ns, self.sent)
        self.sent = False

    def take(self, data):
        data = self.part + data
        whole = len(data) // 16 * 16
        self.part = data[whole:]
        return data[8:whole:16]

    # -- its wires --

    def close(self):
        self.control.close()
        self.process.wait(HOST_LIMIT_S)
        self.ours.close()
        self.close_time()
        shutil.rmtree(self.folder)

    def put(self, data):
        self.ours.sendall(data)
        self.sent = True

    def power(self, on):
        self.boots += on
        self.control.sendall(f"on 0 {self.boots}\n".encode() if on else b"off 0\n")
        self.sent = True
        if not on:
            self.events('"what":"off"')

    def events(self, wanted):
        end = self.now_ns() + LIMIT_NS
        while wanted.encode() not in self.told:
            if self.now_ns() >= end:
                raise Failure(f"the twin never says {wanted}")
            self.turn(end)

    def turn(self, until_ns):
        """Until something is heard, or a moment has passed."""
        self.pass_time(until_ns)
        if select.select([self.ours], [], [], 0)[0]:
            data = self.take(self.ours.recv(65536))
            self.text += data
            self.all += data
        if select.select([self.control], [], [], 0)[0]:
            self.told += self.control.recv(65536)

    def rest(self, seconds):
        end = self.now_ns() + seconds * 10 ** 9
        while self.now_ns() < end:
            self.turn(end)

    def until(self, wanted, limit_ns=LIMIT_NS):
        end = self.now_ns() + limit_ns
        while wanted not in self.text:
            if self.now_ns() >= end:
                return False
            self.turn(end)
        self.text = self.text[self.text.index(wanted) + len(wanted):]
        return True

    def expect(self, wanted):
        if not self.until(wanted):
            raise Failure(f"no {wanted!r} in {self.all[-600:]!r}")

    def read(self, address, length):
        with open(self.nvm, "rb") as file:
            file.seek(address)
            return file.read(length)


class LiveBoard(Board):
    """In the time of this computer, for a program that knows no other."""

    def open_time(self):
        return (), ("--pace", "live")

    def begin_time(self):
        pass

    def close_time(self):
        pass

    def now_ns(self):
        return time.monotonic_ns()

    def pass_time(self, until_ns):
        select.select([self.ours, self.control], [], [], min(0.05, max(0, (until_ns - self.now_ns()) / 1e9)))

    def take(self, data):
        return data


# ---- SMP ----

class Smp(Board):
    def request(self, op, group, number, body, tries=100):
        for _ in range(tries):
            self.seq = (self.seq + 1) & 255
            payload = cbor(body)
            packet = struct.pack(">BBHHBB", op, 0, len(payload), group, self.seq, number) + payload
            raw = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc16(packet))
            for at in range(0, len(raw), 93):
                self.put((b"\x04\x14" if at else b"\x06\x09") + base64.b64encode(raw[at:at + 93]) + b"\n")
            end = self.now_ns() + LIMIT_NS // tries
            while self.now_ns() < end:
                answer = self.answer()
                if answer:
                    return answer
                self.turn(end)
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
    board = Smp(twin, firmware, ((0, "bootloader"), (0xc000, "v1")))
    try:
        board.power(True)
        settle(board)
        settings = board.read(0xf8000, 0x1000)
        seen = [board.slot(0)["version"]]
        smp_update(board, firmware, "v2")
        settle(board)
        if variant == "self-confirming":
            board.rest(1)
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
    "confirms-when-asked": ["1.0.0", "2.0.0", True, "2.0.0", "2.0.0", True],
    "confirm-written-later": ["1.0.0", "2.0.0", False, "1.0.0", "1.0.0", True],  # it is reset at once
}


# ---- XMODEM and a shell ----

def console(board, command):
    board.put(command.encode() + b"\r")
    board.expect(b"\n")
    end = board.now_ns() + LIMIT_NS
    while b"uart:~$ " not in board.text:
        if board.now_ns() >= end:
            raise Failure(f"no prompt after {command}: {board.all[-300:]!r}")
        board.turn(end)
    answer, board.text = board.text.split(b"uart:~$ ", 1)
    return answer.decode(errors="replace").strip()


def send_by_sx(board, path, options):
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    sender = subprocess.Popen(["sx", *options, path], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    end = time.monotonic() + HOST_LIMIT_S
    while sender.poll() is None:
        if time.monotonic() > end:
            sender.kill()
            raise Failure("sx does not end")
        for ready in select.select([ours, board.ours], [], [], 0.05)[0]:
            if ready == ours:
                try:
                    board.put(os.read(ours, 4096))
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


SOH, STX, EOT, ACK = b"\x01", b"\x02", b"\x04", b"\x06"


def send_by_ourselves(board, path, options):
    size = 1024 if "-k" in options else 128
    with open(path, "rb") as file:
        data = file.read()
    board.expect(b"C")
    for number, at in enumerate(range(0, len(data), size), 1):
        block = data[at:at + size].ljust(size, b"\x1a")
        board.put((STX if size == 1024 else SOH) + bytes((number & 255, 255 - (number & 255))) + block +
                  struct.pack(">H", crc16(block)))
        board.expect(ACK)
    board.put(EOT)
    board.expect(ACK)


def send(board, path, options):
    board.put(b"update\r")
    board.expect(b"by XMODEM.")
    (send_by_sx if isinstance(board, LiveBoard) else send_by_ourselves)(board, path, options)
    board.expect(b"uart:~$ ")


def check_shell(twin, firmware, variant, versions):
    # that others' sender gets on with it is seen once
    kind = LiveBoard if variant == "good" and shutil.which("sx") else Board
    board = kind(twin, firmware, ((0, "bootloader"), (0x10000, "v1")))
    try:
        board.power(True)
        board.expect(b"uart:~$ ")
        data = console(board, "data")
        seen = [console(board, "version")]
        send(board, f"{firmware}/v2.bin", [])
        seen += [console(board, "version")]
        board.put(b"reset\r")
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
        board.put(b"reset\r")
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
    "confirm-written-later": ["1.0.0", "2.0.0", "1.0.0", "1.0.0"],
    "old-slot-erased-early": ["1.0.0", "2.0.0"],
    "selector-names-bad-slot": ["1.0.0", "2.0.0", "2.0.0", "2.0.0"],  # it looks into the slot that is named
    # v2 is where v1 was: nothing to go back to
    "receives-into-running-slot": ["1.0.0", "2.0.0"],
}


def try_one(twin, folder, kind, variant):
    """What is wrong with it; None: nothing."""
    check, right, shows = (check_shell, SHELL_RIGHT, SHELL_SHOWS) if kind in ("shell", "bare") else (check_smp, RIGHT, SMP_SHOWS)
    firmware = f"{folder}/{kind}/{variant}"
    with open(f"{firmware}/manifest.json", encoding="utf-8") as file:
        if json.load(file)["variant"] != variant:
            return f"{firmware}: not {variant}"
    try:
        check(twin, firmware, variant, shows.get(variant, right))
    except Failure as failure:
        return str(failure)
    return None


def main():
    twin, folder, kind = sys.argv[1:4]
    if not os.access(twin, os.X_OK) or not os.path.exists(f"{folder}/{kind}/good/manifest.json"):
        return 77
    variants = sys.argv[4:] or sorted(os.listdir(f"{folder}/{kind}"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = [(variant, pool.submit(try_one, twin, folder, kind, variant)) for variant in variants]
        for variant, outcome in tried:
            wrong = outcome.result()
            failed += bool(wrong)
            print(f"FAIL {kind}/{variant}: {wrong}" if wrong else f"ok   {kind}/{variant}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

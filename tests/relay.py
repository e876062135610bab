# SPDX-License-Identifier: GPL-2.0-or-later
"""The relay between a board and its network (fixtures/net), over real sockets."""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import tally
from tally import check

BUILD = os.environ["OTARIG_BUILD"]
LIMIT_S = 120

class Relay:
    def __init__(self):
        self.child = subprocess.Popen([BUILD + "/bin/otarig-relay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events = []

    def tell(self, fails=None, **command):
        self.child.stdin.write(json.dumps(command) + "\n")
        self.child.stdin.flush()
        while True:
            event = json.loads(self.child.stdout.readline())
            if event["event"] == "answer":
                check((fails in event.get("error", "")) if fails else "error" not in event, "%s: %s" % (command, event))
                return event
            self.events.append(event)

    def told(self, name):
        self.tell(do="status")  # what came before it has been read
        return [event for event in self.events if event["event"] == name]

    def end(self):
        self.child.stdin.close()
        self.child.stdout.read()
        check(self.child.wait(LIMIT_S) == 0, "it ends with its stdin")


def tcp_echo():
    """A server that sends back what it gets; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(wire):
        try:
            while data := wire.recv(65536):
                wire.sendall(data)
        except OSError:
            pass
        wire.close()

    def accept():
        while True:
            threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def udp_echo():
    """Sends back each datagram, with the port it came from behind it."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        while True:
            data, client = server.recvfrom(65536)
            server.sendto(data + struct.pack("!H", client[1]), client)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def exchange(port, data, wait_s=LIMIT_S):
    """Sends it all, ends, reads to the end: (what came back, how it ended: end, reset, silent)"""
    wire = socket.create_connection(("127.0.0.1", port), LIMIT_S)
    back, end, told = b"", "end", []

    def send():
        try:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
        except ConnectionResetError:
            told.append("reset")  # a socket tells this once: the one who reads is told of an end then
        except OSError:
            pass

    sender = threading.Thread(target=send)
    sender.start()
    wire.settimeout(wait_s)
    try:
        while piece := wire.recv(65536):
            back += piece
    except ConnectionResetError:
        end = "reset"
    except TimeoutError:
        end = "silent"
    wire.close()
    sender.join()
    return back, "reset" if told else end


def check_tcp(relay):
    data, to = os.urandom(500000), "127.0.0.1:%d" % tcp_echo()
    port = relay.tell(do="tcp", name="t", listen="127.0.0.1:0", to=to)["port"]
    check(exchange(port, data) == (data, "end"), "all bytes pass, and the end")
    relay.tell(do="impair", relay="t", delay_ms=20, jitter_ms=20)
    check(exchange(port, data) == (data, "end"), "a delayed stream stays in order")
    relay.tell(do="impair", relay="t", lane="down", corrupt=1, from_byte=100000)
    back, _ = exchange(port, data)
    first = [n for n in range(len(data)) if back[n] != data[n]]
    check(len(back) == len(data) and first and 100000 - 16384 <= first[0], "flipped from a byte on")
    relay.tell(do="impair", relay="t")
    for number, (how, end) in enumerate((("reset", "reset"), ("close", "end"), ("silent", "silent"))):
        relay.tell(do="cut", relay="t", lane="up", after=100000, how=how)
        back, ended = exchange(port, data, 2 if how == "silent" else LIMIT_S)
        check(ended == end and len(back) <= 100000 and back == data[:len(back)], "cut by %s after 100000 bytes: %d, %s" % (how, len(back), ended))
        check(len(relay.told("cut")) == number + 1, how + ": it tells that it cut")
    relay.tell(do="cut", relay="t", lane="up", after=100000, how="tell")
    check(exchange(port, data) == (data, "end") and len(relay.told("told")) == 1, "it tells of a byte, and lets it pass")
    check(exchange(port, data) == (data, "end"), "the next connection is as before")
    relay.tell(do="impair", relay="t", mtu=1000)
    check(exchange(port, b"small", 2)[0] == b"small", "what is small passes a black hole")
    check(exchange(port, data, 2) == (b"", "silent"), "what is large does not")
    relay.tell(do="impair", relay="t")
    relay.tell(do="set", relay="t", refuse=True)
    try:
        refused = exchange(port, b"x")
        check(refused == (b"", "reset"), "a refused connection: %s" % (refused,))
    except ConnectionResetError:
        pass
    relay.tell(do="set", relay="t", refuse=False, silent=True)
    check(exchange(port, b"x", 1) == (b"", "silent"), "half open: nothing passes, and nobody is told")
    relay.tell(do="set", relay="t", silent=False)
    check(exchange(port, data) == (data, "end"), "and afterwards as before")
    relay.tell(fails="TCP", do="impair", relay="t", loss=0.5)
    relay.tell(fails="name of a relay", do="impair", relay="none")
    relay.tell(fails="unknown key", do="status", relay="t")
    relay.tell(fails="ADDRESS:PORT", do="tcp", name="u", listen="localhost:0", to=to)


class Pair:
    """A connection through the relay: both of its ends."""

    def __init__(self, relay, name):
        server = socket.create_server(("127.0.0.1", 0))
        self.port = relay.tell(do="tcp", name=name, listen="127.0.0.1:0", to="127.0.0.1:%d" % server.getsockname()[1])["port"]
        self.client = socket.create_connection(("127.0.0.1", self.port), LIMIT_S)
        self.server = server.accept()[0]
        self.server.settimeout(LIMIT_S)
        server.close()

    def close(self):
        self.client.close()
        self.server.close()


def reset(wire):
    """What a process that crashes with unread data does."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def hears(wire, wait_s=LIMIT_S):
    wire.settimeout(wait_s)
    back = b""
    try:
        while piece := wire.recv(65536):
            back += piece
    except ConnectionResetError:
        return back, "reset"
    except TimeoutError:
        return back, "silent"
    return back, "end"


def check_silence(relay):
    for name, end, after in ("sr", reset, "reset"), ("se", socket.socket.close, "end"):
        for who in "client", "server":
            pair = Pair(relay, name + who)
            mine, other = (pair.client, pair.server) if who == "client" else (pair.server, pair.client)
            relay.tell(do="set", relay=name + who, silent=True)
            mine.sendall(b"late")
            end(mine)
            check(hears(other, 1) == (b"", "silent"), "silent: the %s's %s is not told" % (who, after))
            relay.tell(do="set", relay=name + who, silent=False)
            back, ended = hears(other)
            check(ended == after and (back == b"late" or after == "reset" and not back), "silent no more: the %s's %s is told: %s %s"
                  % (who, after, back, ended))
            pair.close()
    pair = Pair(relay, "s")
    relay.tell(do="set", relay="s", silent=True)
    data = os.urandom(3000)
    pair.client.sendall(data)
    check(hears(pair.server, 0.5) == (b"", "silent"), "silent: nothing arrives")
    relay.tell(do="set", relay="s", silent=False)
    pair.client.shutdown(socket.SHUT_WR)
    check(hears(pair.server) == (data, "end"), "a stream goes on without a gap")
    pair.close()
    pair = Pair(relay, "c")
    relay.tell(do="cut", relay="c", lane="up", after=0, how="silent")
    pair.client.sendall(b"x")
    while not [event for event in relay.told("cut") if event["relay"] == "c"]:
        pass
    reset(pair.client)
    check(hears(pair.server, 1) == (b"", "silent"), "a silent cut: a reset is not told")
    pair.server.sendall(b"y")
    reset(pair.server)
    while not [event for event in relay.told("closed") if event["relay"] == "c"]:
        pass
    check(True, "when both are gone, so is the connection")
    pair.close()


def check_late_ends(relay):
    """What was on its way arrives before the end."""
    for number, (how, ended) in enumerate((("close", "end"), ("reset", "reset"))):
        pair = Pair(relay, how)
        relay.tell(do="impair", relay=how, delay_ms=700)
        relay.tell(do="cut", relay=how, lane="up", after=5, how=how)
        pair.server.sendall(b"answer")
        pair.client.sendall(b"12345678")
        back = hears(pair.server)
        check(back == (b"12345", ended), "cut by %s with a delay: the server hears %s" % (how, back))
        back = hears(pair.client)
        check(back[1] == ended and (how == "reset" or back[0] == b"answer"), "cut by %s with a delay: the client hears %s" % (how, back))
        pair.close()
    pair = Pair(relay, "late")
    relay.tell(do="impair", relay="late", delay_ms=700)
    pair.client.sendall(b"12345")
    reset(pair.client)
    back = hears(pair.server)
    check(back[1] == "reset" and b"12345".startswith(back[0]), "a reset with a delay: the server hears %s" % (back,))
    closed = [event["t_us"] for event in relay.told("closed") if event["relay"] == "late"]
    opened = [event["t_us"] for event in relay.told("opened") if event["relay"] == "late"]
    check(closed and closed[0] - opened[0] >= 700000, "and hears it after the delay")
    pair.close()


def datagrams(port, count, size=100):
    """Sends numbered ones, and what comes back until it is quiet: their numbers and whether they are whole; the server's view of our port."""
    wire, got, ports, bad = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), [], set(), 0
    wire.connect(("127.0.0.1", port))
    for number in range(count):
        wire.send(struct.pack("!I", number) + bytes(size))
        while select.select([wire], [], [], 0.002 if number < count - 1 else 1)[0]:
            data = wire.recv(65536)
            got.append(struct.unpack("!I", data[:4])[0])
            ports.add(data[-2:])
            bad += data[4:-2] != bytes(size)
    return got, ports, bad


def check_udp(relay):
    port = relay.tell(do="udp", name="u", listen="127.0.0.1:0", to="127.0.0.1:%d" % udp_echo())["port"]
    check(datagrams(port, 200)[0] == list(range(200)), "all datagrams pass, in order")
    relay.tell(do="impair", relay="u", lane="up", loss=0.3, seed=5)
    lost = len(datagrams(port, 400)[0])
    check(200 < lost < 350, "three of ten are lost: %d of 400 came" % lost)
    relay.tell(do="impair", relay="u", lane="up", duplicate=0.5)
    check(len(datagrams(port, 200)[0]) > 240, "half of them come twice")
    relay.tell(do="impair", relay="u", lane="up", reorder=0.3, reorder_ms=30)
    got = datagrams(port, 200)[0]
    check(sorted(got) == list(range(200)) and got != sorted(got), "all come, in another order")
    relay.tell(do="impair", relay="u", lane="up", corrupt=1, from_byte=104 * 10)
    check(datagrams(port, 100)[2] > 50, "bits flip")
    relay.tell(do="impair", relay="u", mtu=500)
    check(not datagrams(port, 5, 1000)[0] and datagrams(port, 5)[0] == list(range(5)), "large ones vanish")
    relay.tell(do="impair", relay="u")
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.connect(("127.0.0.1", port))
    wire.settimeout(LIMIT_S)
    seen = []
    for _ in range(2):
        wire.send(b"x")
        seen.append(wire.recv(100)[-2:])
        relay.tell(do="set", relay="u", rebind=True)
    check(seen[0] != seen[1], "after a rebinding the server sees another port")
    relay.tell(do="set", relay="u", silent=True)
    check(not datagrams(port, 3)[0], "silent")
    check_udp_flows(relay)


def check_udp_flows(relay):
    to = "127.0.0.1:%d" % udp_echo()
    port = relay.tell(do="udp", name="idle", listen="127.0.0.1:0", to=to, idle_ms=300)["port"]
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.connect(("127.0.0.1", port))
    wire.settimeout(LIMIT_S)
    wire.send(b"x")
    wire.recv(100)
    closed = lambda: [event for event in relay.told("closed") if event["relay"] == "idle"]
    end = time.monotonic() + LIMIT_S
    while not closed() and time.monotonic() < end:
        time.sleep(0.05)
    check(len(closed()) == 1 and closed()[0]["why"] == "idle", "a flow in which nothing comes ends")
    wire.send(b"x")
    wire.recv(100)
    check(len([event for event in relay.told("opened") if event["relay"] == "idle"]) == 2, "and begins again with the next datagram")
    port = relay.tell(do="udp", name="many", listen="127.0.0.1:0", to=to)["port"]
    for number in range(1100):  # more than there may be at once
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wire.settimeout(5 if number >= 1024 else LIMIT_S)
        wire.connect(("127.0.0.1", port))
        wire.send(b"x")
        try:
            wire.recv(100)
        except TimeoutError:
            check(False, "client %d gets an answer" % number)
            break
        wire.close()
        if number % 100 == 0:
            relay.tell(do="status")  # reads its events, too
    relay.tell(fails="from 1", do="udp", name="bad", listen="127.0.0.1:0", to=to, idle_ms=0)
    relay.tell(fails="idle_ms", do="tcp", name="bad", listen="127.0.0.1:0", to=to, idle_ms=9)


def resolve(port, name="ota.example"):
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    wire.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question, ("127.0.0.1", port))
    if not select.select([wire], [], [], 1)[0]:
        return "silent"
    answer = wire.recv(512)
    return answer[3] & 15 or socket.inet_ntoa(answer[-4:])


def check_dns(relay):
    port = relay.tell(do="dns", name="d", listen="127.0.0.1:0", address="127.0.0.9", wrong="192.0.2.7")["port"]
    for mode, answer in ("right", "127.0.0.9"), ("wrong", "192.0.2.7"), ("no_name", 3), ("failure", 2), ("silent", "silent"):
        relay.tell(do="set", relay="d", dns=mode)
        check(resolve(port) == answer, "dns %s: %s" % (mode, resolve(port)))


def main():
    relay = Relay()
    check_tcp(relay)
    check_silence(relay)
    check_late_ends(relay)
    check_udp(relay)
    check_dns(relay)
    relay.end()
    print("%d wrong" % len(tally.lines))
    sys.exit(bool(tally.lines))


main()

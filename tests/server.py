# SPDX-License-Identifier: GPL-2.0-or-later
"""The update server of the tests (fixtures/otad) against real clients: server.py curl | swupdate | mender.
Each check is about bytes and events, never about how long something took."""
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import tally
from tally import check

BUILD = os.environ.get("OTARIG_BUILD", "build")
LIMIT_S = 300  # no wait is longer: what hangs fails


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            print(program, "is not installed")
            sys.exit(77)


class Server:
    """otarig-otad as a child; commands go in by its stdin, events come out of its stdout."""

    def __init__(self, folder, *options):
        self.folder, self.events, self.answers, self.turn = folder, [], [], threading.Condition()
        # where it is sanitized, what it frees is free soon
        checked = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        self.child = subprocess.Popen([BUILD + "/bin/otarig-otad", "--folder", folder, *options], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, start_new_session=True, env=dict(os.environ, ASAN_OPTIONS=checked))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        ready = self.wait(lambda event: event["event"] == "ready")
        self.http, self.https = "http://127.0.0.1:%d" % ready["http"], "https://localhost:%d" % ready["https"]

    def read(self):
        for line in self.child.stdout:
            with self.turn:
                self.events.append(json.loads(line))
                self.turn.notify_all()
        with self.turn:
            self.events.append({"event": "ended"})
            self.turn.notify_all()

    def wait(self, wanted, since=0, meanwhile=lambda: None):
        """The first event since then that is wanted."""
        until = time.monotonic() + LIMIT_S
        with self.turn:
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                    if event["event"] == "ended":
                        tally.wrong("the server has ended")
                        sys.exit(1)
                since = len(self.events)
                meanwhile()
                if not self.turn.wait(0.5) and time.monotonic() > until:
                    tally.wrong("an event did not come within %d s; the last: %s" % (LIMIT_S, self.events[-5:]))
                    sys.exit(1)

    def tell(self, fails=None, **command):
        since = len(self.events)
        self.child.stdin.write(json.dumps(command) + "\n")
        self.child.stdin.flush()
        answer = self.wait(lambda event: event["event"] == "answer", since)
        if fails:
            check(fails in answer.get("error", ""), "%s: expected an error with %r, got %s" % (command, fails, answer))
        else:
            check("error" not in answer, "%s: %s" % (command, answer))
        return answer

    def fault(self, action, name="f", times=1, **on):
        self.tell(do="fault", name=name, times=times, on=on, action=action)

    def told(self, since, **members):
        return [e for e in self.events[since:] if all(e.get(k) == v for k, v in members.items())]

    def end(self):
        self.child.stdin.close()
        check(self.child.wait(LIMIT_S) == 0, "the server ends with its stdin, with exit code 0")


def make(folder, name, size, seed):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(random.Random(seed).randbytes(size))
    return path


# ---- curl: each fault as it looks on the wire ----

SIZE = 300000


def curl(url, *options, limit="20"):
    """(exit code, status, body)"""
    with tempfile.NamedTemporaryFile() as body:
        done = subprocess.run(["curl", "-s", "-m", limit, "-o", body.name, "-w", "%{http_code}", *options, url], capture_output=True,
                              text=True, timeout=LIMIT_S)
        return done.returncode, int(done.stdout or 0), open(body.name, "rb").read()


def same_head(body, image, count):
    return len(body) == count and body == image[:count]


# action, curl's exit code, status, what the body must be. Codes of curl(1): 18 partial, 28 its time limit, 47 redirects, 56 reset
BODY_FAULTS = [
    ({"do": "stall", "from_byte": 1000}, 28, 200, lambda b, i: same_head(b, i, 1000)),
    ({"do": "stall", "from_byte": 1000, "for_ms": 50}, 0, 200, lambda b, i: b == i),
    ({"do": "reset", "percent": 50}, 56, 200, lambda b, i: same_head(b, i, SIZE // 2)),
    ({"do": "truncate", "from_byte": 70000}, 18, 200, lambda b, i: same_head(b, i, 70000)),
    ({"do": "corrupt", "from_byte": 5, "every": 1000}, 0, 200,
     lambda b, i: len(b) == SIZE and [n for n in range(SIZE) if b[n] != i[n]] == list(range(5, SIZE, 1000))),
    ({"do": "slow", "from_byte": SIZE - 100, "rate": 1000}, 0, 200, lambda b, i: b == i),
    ({"do": "endless", "from_byte": 10}, 28, 200, lambda b, i: len(b) > 2 * SIZE and b[:10] == i[:10]),
    ({"do": "swap", "from_byte": 100000, "artifact": "other"}, 0, 200, None),
    ({"do": "length", "length": SIZE + 5}, 18, 200, lambda b, i: b == i),
    ({"do": "length", "length": 1000}, 0, 200, lambda b, i: same_head(b, i, 1000)),
    ({"do": "status", "status": 503, "retry_after_s": 7}, 0, 503, lambda b, i: b != i),
    ({"do": "status", "status": 429}, 0, 429, lambda b, i: b != i),
    ({"do": "portal"}, 0, 200, lambda b, i: b"<html>" in b),
    ({"do": "redirect", "to": "loop"}, 47, 302, lambda b, i: b == b""),
    ({"do": "empty"}, 0, 204, lambda b, i: b == b""),
    ({"do": "tell", "from_byte": 5000}, 0, 200, lambda b, i: b == i),
]


def check_bodies(server, image, other):
    for action, code, status, holds in BODY_FAULTS:
        since = len(server.events)
        server.fault(action, times=0, request="artifact")
        got = curl(server.http + "/files/fw", "-L", limit="3" if code == 28 else "60")
        server.tell(do="lift", name="f")
        holds = holds or (lambda b, i: b == i[:100000] + other[100000:])
        check(got[0] == code and got[1] == status and holds(got[2], image),
              "%s: curl exits with %d, status %d, %d bytes" % (action, got[0], got[1], len(got[2])))
        what = "told" if action["do"] == "tell" else "acts"
        check(server.told(since, event="fault", name="f", what=what), "%s: it tells that it acted" % action)


def check_ranges(server, image):
    url = server.http + "/files/fw"
    check(curl(url, "-r", "1000-1999")[1:] == (206, image[1000:2000]), "a range is answered by 206")
    check(curl(url, "-r", "-10")[1:] == (206, image[-10:]), "the last bytes")
    check(curl(url, "-r", "299990-")[1:] == (206, image[299990:]), "from a byte on")
    check(curl(url, "-r", "300000-")[1] == 416, "behind the end: 416")
    tag = '"%s"' % hashlib.sha256(image).hexdigest()
    check(curl(url, "-H", "If-None-Match: " + tag)[1] == 304, "If-None-Match")
    check(curl(url, "-r", "10-19", "-H", 'If-Range: "other"')[1:] == (200, image), "If-Range of another one gives all")
    check(curl(url, "-r", "10-19", "-H", "If-Range: " + tag)[1] == 206, "If-Range of this one gives the part")
    for mode in "no_ranges", "whole":
        server.fault({"do": mode})
        check(curl(url, "-r", "10-19")[1:] == (200, image), mode + ": all of it where a part was asked for")
    server.fault({"do": "corrupt", "from_byte": 1500, "every": 1000000})
    got = curl(url, "-r", "1000-1999")[2]
    check([n for n in range(1000) if got[n] != image[1000 + n]] == [500], "a fault counts the bytes of the file, not of the range")


# certificate, curl's exit codes that refuse it: 60 not verified; 35 the handshake (OpenSSL, a wrong key of the same name)
CERTIFICATES = [("expired", (60,)), ("not_yet", (60,)), ("wrong_host", (60,)), ("unknown_root", (35, 60)), ("revoked", (60,))]


def check_certificates(server, folder, image):
    url, trust = server.https + "/files/fw", ["--cacert", folder + "/ca.pem", "--crlfile", folder + "/crl.pem"]
    check(curl(url, *trust) == (0, 200, image), "the good certificate is taken")
    for name, codes in CERTIFICATES:
        server.fault({"do": "certificate", "certificate": name})
        since = len(server.events)  # its answer came behind all that was told of earlier requests
        check(curl(url, *trust)[0] in codes, name + ": curl refuses it")
        check(server.told(since, event="fault", certificate=name), name + ": it was shown")
        check(not server.told(since, event="request"), name + ": no request came")
    check(curl(url, *trust) == (0, 200, image), "and the good one again")


def check_client_certificates(folder, image):
    server = Server(folder, "--https", "127.0.0.1:0", "--ask-client")
    server.tell(do="artifact", name="fw", version="2", path=folder + "/fw")
    url, trust = server.https + "/files/fw", ["--cacert", folder + "/ca.pem"]
    mine = ["--cert", folder + "/client.pem", "--key", folder + "/client.key"]
    odd = ["--cert", folder + "/stranger.pem", "--key", folder + "/stranger.key"]
    check(curl(url, *trust, *mine) == (0, 200, image), "a device with our certificate is served")
    check(curl(url, *trust)[2] != image, "one without is not")
    check(curl(url, *trust, *odd)[2] != image, "nor one of another root")
    server.end()


def check_plain(server, image):
    """The plain manifest, counts of faults, reports that are lost or doubled."""
    device, since = ["-H", "X-Device-Id: d1"], len(server.events)
    server.tell(do="rollout", name="old", artifact="other")
    server.tell(do="rollout", name="r", artifact="fw")
    server.fault({"do": "stale"}, request="manifest", count=2)
    manifests = [json.loads(curl(server.http + "/manifest.json?version=1", *device)[2]) for _ in range(3)]
    check([m["version"] for m in manifests] == ["2", "1", "2"], "the second manifest is stale: %s" % manifests)
    check(manifests[0]["sha256"] == hashlib.sha256(image).hexdigest(), "the manifest tells the hash")
    server.fault({"do": "other_image", "artifact": "other"}, request="manifest")
    check(json.loads(curl(server.http + "/manifest.json?version=1", *device)[2])["version"] == "1", "another device's image")
    server.fault({"do": "lose"}, request="report")
    report = json.dumps({"action": manifests[0]["action"], "result": "success"})
    for number, counted in enumerate((False, True, False)):
        curl(server.http + "/report", *device, "-d", report)
        until = time.monotonic() + 300
        while len(server.told(since, event="report")) <= number and time.monotonic() < until:
            time.sleep(0.02)
        last = server.told(since, event="report")[number]
        check(last["counted"] == counted, "a lost report, one that counts, a doubled one: %s" % last)
    check(server.tell(do="status")["rollouts"][0]["succeeded"] == 1, "one success is counted")
    check(curl(server.http + "/manifest.json?version=2", *device)[1] == 204, "then there is nothing more")
    memfault = server.http + "/api/v0/releases/latest/url?device_serial=m1&current_version="
    key = ["-H", "Memfault-Project-Key: k"]
    check(curl(memfault + "1")[1] == 401, "Memfault: no key, no answer")
    check(curl(memfault + "1", *key)[2].decode() == server.http + "/files/fw", "Memfault: the URL")
    check(curl(memfault + "2", *key)[1] == 204, "Memfault: up to date")


def resident(server):
    with open("/proc/%d/status" % server.child.pid) as file:
        return int([line for line in file if line.startswith("VmRSS")][0].split()[1]) * 1024


def check_forget(server, folder, image):
    """What is forgotten is found no more, a download of it goes on, and its memory is free."""
    server.tell(do="artifact", name="gone", version="1", path=folder + "/fw")
    server.tell(do="rollout", name="of-gone", artifact="gone")
    server.tell(do="rollout", name="after-gone", artifact="fw")
    server.fault({"do": "stall", "from_byte": 1000, "for_ms": 1500}, request="artifact")
    since, got = len(server.events), []
    thread = threading.Thread(target=lambda: got.append(curl(server.http + "/files/gone", limit="60")))
    thread.start()
    server.wait(lambda e: e["event"] == "fault" and e["what"] == "acts", since)
    server.tell(do="forget", name="gone")
    check(curl(server.http + "/files/gone")[1] == 404, "what is forgotten is not found")
    thread.join()
    check(got == [(0, 200, image)], "a download of it goes on")
    status = server.tell(do="status")
    check("gone" not in status["artifacts"] and "of-gone" not in [r["name"] for r in status["rollouts"]], "nor its roll-out: %s" % status)
    server.tell(fails="latest roll-out", do="forget", name="fw")
    big, before = make(folder, "big", 4 << 20, 3), resident(server)
    for number in range(40):
        server.tell(do="artifact", name="same", version=str(number), path=big)
        server.tell(do="artifact", name="big%d" % number, version="1", path=big)
        server.tell(do="rollout", name="big%d" % number, artifact="big%d" % number)
        if number > 1:
            server.tell(do="forget", name="big%d" % (number - 2))
    grown = resident(server) - before
    check(grown < 20 * (4 << 20), "80 images of 4 MiB, of which 3 are there: it has grown by %d MiB" % (grown >> 20))
    server.tell(do="rollout", name="last", artifact="fw")


def check_answers(server, image):
    """What an answer tells of the image: a part is a part, and HEAD is nothing of it."""
    for options, limit, tells in (
            ([], "60", {"artifact": "fw", "from": 0, "size": SIZE, "bytes": SIZE, "end": "complete"}),
            (["-r", "1000-1999"], "60", {"artifact": "fw", "from": 1000, "size": SIZE, "bytes": 1000, "end": "complete"}),
            (["-I"], "60", {"bytes": 0, "end": "complete"}),
            (["-r", "400000-"], "60", {"status": 416})):
        server.tell(do="status")
        since = len(server.events)  # behind all that was told of earlier requests
        curl(server.http + "/files/fw", *options, limit=limit)
        event = server.wait(lambda e: e["event"] == "response", since)
        check(all(event.get(k) == v for k, v in tells.items()) and ("artifact" in event) == ("artifact" in tells), "curl %s: %s" % (options, event))
    server.fault({"do": "truncate", "from_byte": 70000}, request="artifact")
    since = len(server.events)
    curl(server.http + "/files/fw")
    event = server.wait(lambda e: e["event"] == "response", since)
    check(event["bytes"] == 70000 and event["size"] == SIZE and event["end"] != "complete", "one that is broken off: %s" % event)


def check_idle(folder):
    """A connection on which nothing comes ends, one that a fault holds back does not."""
    server = Server(folder, "--http", "127.0.0.1:0", "--idle-s", "1")
    server.tell(do="artifact", name="fw", version="2", path=folder + "/fw")
    with socket.create_connection(("127.0.0.1", int(server.http.rsplit(":", 1)[1])), LIMIT_S) as wire:
        wire.settimeout(LIMIT_S)
        check(wire.recv(1) == b"", "a connection on which nothing comes is closed")
    server.fault({"do": "stall", "from_byte": 10, "for_ms": 3000}, request="artifact")
    check(curl(server.http + "/files/fw", limit="60")[0] == 0, "one that a fault holds back is not")
    server.end()
    for options in ["--http", "127.0.0.1:0"], ["--https", "127.0.0.1:0"]:
        for path, text in (folder + "/none", "No such file"), (folder + "/fw", "it is none"):
            done = subprocess.run([BUILD + "/bin/otarig-otad", "--folder", path, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=LIMIT_S)
            check(done.returncode == 2 and path in done.stderr and text in done.stderr, "--folder %s: %s" % (path, done))


def check_wrong_commands(server, folder):
    for text, command in [
            ("one of", {"do": "dance"}),
            ("$.path", {"do": "artifact", "name": "x", "version": "1"}),
            ("No such file", {"do": "artifact", "name": "x", "version": "1", "path": folder + "/none"}),
            ("letters", {"do": "artifact", "name": "../x", "version": "1", "path": folder + "/fw"}),
            ("artifact that was added", {"do": "rollout", "name": "n", "artifact": "none"}),
            ("$.action.rate", {"do": "fault", "name": "f", "action": {"do": "slow", "rate": 0}}),
            ("'nmae'", {"do": "lift", "nmae": "f"}),
            ("'devcie'", {"do": "again", "device": "d", "devcie": "d"}),
            ("latest roll-out", {"do": "forget", "name": "none"}),
            ("'from_byte'", {"do": "fault", "name": "f", "action": {"do": "stall", "from_bite": 0}}),
            ("$.on.request", {"do": "fault", "name": "f", "on": {"request": "x"}, "action": {"do": "empty"}})]:
        server.tell(fails=text, **command)


def check_hostile(server):
    """Nothing that a client sends stops the server, and every event stays a line of JSON."""
    rng, port = random.Random(7), int(server.http.rsplit(":", 1)[1])
    heads = [b"GET /DEFAULT/controller/v1/\xff\x01%00%0a HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /files/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
             b"POST /a/controller/v1/d/deploymentBase/99999999999999999999/feedback HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{\"a",
             b"GET /files/fw HTTP/1.1\r\nHost: x\r\nRange: bytes=" + b"9" * 500 + b"-\r\n\r\n", b"PUT /api/devices/v1/x HTTP/1.1\r\nHost: x\r\n"
             b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"\x16\x03\x01" + b"\x00" * 100]
    heads += [rng.randbytes(rng.randrange(400)) for _ in range(50)]
    for head in heads:
        with socket.create_connection(("127.0.0.1", port), LIMIT_S) as wire:
            try:
                wire.sendall(head)
                wire.settimeout(0.05)
                while wire.recv(4096):
                    pass
            except (ConnectionError, TimeoutError):
                pass
    long = curl(server.http + "/report", "-d", "@" + make(server.folder, "long", 3 << 20, 1))
    check(long[1] == 413, "a body that is too long: %s" % (long[:2],))


def with_curl(folder):
    need("curl")
    image_path, other_path = make(folder, "fw", SIZE, 1), make(folder, "other", SIZE + 1000, 2)
    image, other = open(image_path, "rb").read(), open(other_path, "rb").read()[:SIZE]
    server = Server(folder, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0")
    server.tell(do="artifact", name="fw", version="2", path=image_path)
    server.tell(do="artifact", name="other", version="1", path=other_path)
    check(curl(server.http + "/files/fw") == (0, 200, image), "a file is served")
    check_bodies(server, image, other)
    check_ranges(server, image)
    check_certificates(server, folder, image)
    check_plain(server, image)
    check_answers(server, image)
    check_forget(server, folder, image)
    check_wrong_commands(server, folder)
    check_hostile(server)
    check(curl(server.http + "/files/fw") == (0, 200, image), "it still serves")
    server.end()
    check_client_certificates(folder, image)
    check_idle(folder)


# ---- SWUpdate's suricatta, as Debian ships it, on this computer; it installs into a file of the folder ----

DESCRIPTION = """software =
{
    version = "2.0.0";
    hardware-compatibility: [ "1" ];
    files: ( { filename = "%s"; path = "%s/installed"; sha256 = "%s"; } );
}
"""


def make_swu(folder, name, size, seed):
    """An .swu of one file, signed by CMS: what Debian's swupdate takes."""
    image = make(folder, name, size, seed)
    digest = hashlib.sha256(open(image, "rb").read()).hexdigest()
    with open(folder + "/sw-description", "w") as file:
        file.write(DESCRIPTION % (name, folder, digest))
    subprocess.run(["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "cert.pem", "-inkey",
                    "key.pem", "-outform", "DER", "-nosmimecap", "-binary"], cwd=folder, check=True)
    with open(folder + "/%s.swu" % name, "wb") as file:
        subprocess.run(["cpio", "-o", "--quiet", "-H", "crc"], cwd=folder, check=True, stdout=file, text=False,
                       input=("sw-description\nsw-description.sig\n%s\n" % name).encode())
    return image, folder + "/%s.swu" % name


class Swupdate:
    """confirms: it starts after the restart that follows an installation."""

    def __init__(self, server, device, confirms=False):
        self.deaths = 0
        self.log = open(server.folder + "/%s.log" % device, "w")
        self.scratch = os.path.join(server.folder, device + "-tmp")
        os.makedirs(self.scratch, exist_ok=True)
        hardware = server.folder + "/hw"
        with open(hardware, "w") as file:
            file.write("board 1\n")
        self.start = lambda: subprocess.Popen(
            ["swupdate", "-l", "5", "-H", "board:1", "-k", "cert.pem", "-u", "-t DEFAULT -u %s -i %s -p 1 -r 3 -w 1 -s 5%s"
             % (server.http, device, " -c 2" if confirms else "")],
            cwd=server.folder, env=dict(os.environ, TMPDIR=self.scratch), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True)
        self.child = self.start()

    def keep(self):
        """What a board's init does. SWUpdate 2022.12 dies of SIGPIPE now and then when a download of its is cut."""
        code = self.child.poll()
        if code is None:
            return
        self.deaths += 1
        if code != -signal.SIGPIPE or self.deaths > 5:
            tally.wrong("swupdate ended by itself, with %d: %s" % (code, open(self.log.name).read()[-2000:]))
            sys.exit(1)
        print("swupdate died of SIGPIPE, and is started again", flush=True)
        self.child = self.start()

    def installed(self):
        return "SWUPDATE successful" in open(self.log.name).read()

    def end(self):
        self.child.terminate()
        self.child.wait(LIMIT_S)
        self.log.close()


def run_suricatta(server, device, since):
    """Until it reports an end; once it has installed it is started again, as a board is. Returns the report."""
    ends = ("success", "cancelled", "failure")
    client = Swupdate(server, device)
    try:
        while True:
            event = server.wait(lambda e: e.get("device") == device, since, lambda: client.keep())
            since = server.events.index(event, since) + 1
            if event["event"] == "report" and event["result"] in ends:
                return event
            if event["event"] == "response" and client.installed():
                client.end()
                client = Swupdate(server, device, confirms=True)
    finally:
        client.end()


# name, faults, how the update ends. "failure" is what the client itself reports.
SURICATTA = [
    ("good", [], "success"),
    ("cut once, taken up again by a range", [({"do": "truncate", "percent": 60}, {"request": "artifact", "method": "GET"})], "success"),
    ("reset once", [({"do": "reset", "percent": 30}, {"request": "artifact", "method": "GET"})], "success"),
    ("flipped", [({"do": "corrupt", "percent": 50, "every": 1000000}, {"request": "artifact", "method": "GET"})], "failure"),
    ("another image", [({"do": "swap", "percent": 50, "artifact": "other"}, {"request": "artifact", "method": "GET"})], "failure"),
    ("not there", [({"do": "status", "status": 404}, {"request": "artifact", "method": "GET"})], "failure"),
    ("server busy at the poll", [({"do": "status", "status": 503, "retry_after_s": 1}, {"request": "poll"})], "success"),
    ("captive portal at the poll", [({"do": "portal"}, {"request": "poll"})], "success"),
]


def with_swupdate(folder):
    need("swupdate", "openssl", "cpio")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30",
                    "-subj", "/CN=otarig", "-addext", "extendedKeyUsage=emailProtection"], cwd=folder, check=True, capture_output=True)
    image, swu = make_swu(folder, "v2", 2000000, 1)
    _, other = make_swu(folder, "v3", 2000000, 2)
    server = Server(folder, "--http", "127.0.0.1:0")
    server.tell(do="settings", poll_s=1)
    server.tell(do="artifact", name="v2", version="2.0.0", path=swu)
    server.tell(do="artifact", name="other", version="3.0.0", path=other)
    installed = folder + "/installed"
    for number, (name, faults, ends) in enumerate(SURICATTA):
        device, since = "dev%d" % number, len(server.events)
        if os.path.exists(installed):
            os.unlink(installed)
        for index, (action, on) in enumerate(faults):
            server.fault(action, name="f%d" % index, device=device, **on)
        server.tell(do="rollout", name="r%d" % number, artifact="v2")
        end = run_suricatta(server, device, since)
        check(end["result"] == ends, "suricatta, %s: expected %s, it reports %s" % (name, ends, end))
        whole = os.path.exists(installed) and open(installed, "rb").read() == open(image, "rb").read()
        check(whole == (ends == "success"), "suricatta, %s: what is installed is%s the image" % (name, "" if whole else " not"))
        for index in range(len(faults)):
            check(server.told(since, event="fault", name="f%d" % index, what="acts"), "suricatta, %s: the fault acted" % name)
        server.tell(do="lift")
    check_cancel(server, "recalled", dies=False)
    check_cancel(server, "recalled-and-dies", dies=True)
    server.end()


def check_cancel(server, name, dies):
    """A recall reaches a device that has begun, also one whose client dies just then, and its answer ends the matter."""
    since = len(server.events)
    server.fault({"do": "truncate", "percent": 50}, times=0, request="artifact", method="GET", device=name)
    server.tell(do="rollout", name=name, artifact="v2")
    client = Swupdate(server, name)
    server.wait(lambda e: e["event"] == "fault" and e["what"] == "acts", since, client.keep)
    server.tell(do="set", name=name, to="recalled")
    if dies:
        client.child.send_signal(signal.SIGPIPE)
    end = server.wait(lambda e: e["event"] == "report" and e.get("device") == name and e["result"] in ("success", "cancelled", "failure"), since,
                      client.keep)
    client.end()
    check(end["counted"] and end["result"] != "success", "suricatta, %s: its last report counts: %s" % (name, end))
    server.tell(do="lift")


# ---- Mender's client 3.4, as Debian ships it, on this computer; its module "single-file" installs into a file of the folder ----

def pack(path, files, compressed=False):
    """files: (name, bytes)"""
    with tarfile.open(path, "w:gz" if compressed else "w") as tar:
        for name, data in files:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def make_mender(folder, name, size, seed):
    """An artifact of format 3, not signed, with one payload of the module single-file. Returns the image and the artifact's path."""
    image = make(folder, name, size, seed)
    files = [("dest_dir", folder.encode()), ("filename", b"mender-installed"), ("permissions", b"644"), ("mender-installed", read(image))]
    pack(folder + "/0000.tar.gz", files, True)
    about = {"payloads": [{"type": "single-file"}], "artifact_provides": {"artifact_name": name}, "artifact_depends": {"device_type": ["otarig"]}}
    kind = {"type": "single-file", "artifact_provides": {"rootfs-image.single-file.version": name}}
    pack(folder + "/header.tar.gz", [("header-info", json.dumps(about).encode()), ("headers/0000/type-info", json.dumps(kind).encode()),
                                     ("headers/0000/meta-data", b"")], True)
    version = b'{"format":"mender","version":3}'
    sums = [(data, "data/0000/" + file) for file, data in files] + [(read(folder + "/header.tar.gz"), "header.tar.gz"), (version, "version")]
    manifest = "".join("%s  %s\n" % (hashlib.sha256(data).hexdigest(), file) for data, file in sums).encode()
    pack(folder + "/%s.mender" % name, [("version", version), ("manifest", manifest), ("header.tar.gz", read(folder + "/header.tar.gz")),
                                        ("data/0000.tar.gz", read(folder + "/0000.tar.gz"))])
    return image, folder + "/%s.mender" % name


class Mender:
    """The daemon, with an identity and a version of its own: they stand at fixed places, so they are mounted there for it alone."""

    def __init__(self, server, device):
        folder = os.path.join(server.folder, device)
        os.makedirs(folder + "/identity")
        os.makedirs(folder + "/etc")
        os.makedirs(folder + "/data")
        for name, text in (("identity/mender-device-identity", "#!/bin/sh\necho mac=%s\n" % device), ("type", "device_type=otarig\n"),
                           ("etc/artifact_info", "artifact_name=v1\n")):
            with open(folder + "/" + name, "w") as file:
                file.write(text)
        os.chmod(folder + "/identity/mender-device-identity", 0o755)
        with open(folder + "/mender.conf", "w") as file:
            json.dump({"ServerURL": server.https, "ServerCertificate": server.folder + "/ca.pem", "DeviceTypeFile": folder + "/type",
                       "UpdatePollIntervalSeconds": 1, "InventoryPollIntervalSeconds": 1, "RetryPollIntervalSeconds": 1,
                       "DBus": {"Enabled": False}}, file)
        self.log = open(folder + "/log", "w")
        self.child = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$0/identity" /usr/share/mender/identity && mount --bind "$0/etc" /etc/mender && exec mender --no-syslog --config "$0/mender.conf" '
             '--fallback-config "$0/none" --data "$0/data" daemon', folder], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)

    def keep(self):
        if self.child.poll() is not None:
            tally.wrong("mender ended by itself, with %d: %s" % (self.child.returncode, open(self.log.name).read()[-3000:]))
            sys.exit(1)

    def end(self):
        self.child.terminate()
        self.child.wait(LIMIT_S)
        self.log.close()


# name, fault, how the update ends
MENDER = [
    ("good", None, "success"),
    ("flipped", ({"do": "corrupt", "percent": 50, "every": 1000000}, {"request": "artifact"}), "failure"),
    ("not accepted at first", ({"do": "status", "status": 401}, {"request": "auth"}), "success"),
]


def with_mender(folder):
    need("mender", "unshare")
    if not os.path.isdir("/usr/share/mender/identity") or not os.path.isdir("/etc/mender") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("no folder for the client's identity, or no right to mount one there")
        sys.exit(77)
    image, path = make_mender(folder, "v2", 300000, 1)
    server = Server(folder, "--https", "127.0.0.1:0")
    server.tell(do="artifact", name="v2", version="v2", type="otarig", path=path)
    for number, (name, fault, ends) in enumerate(MENDER):
        device, since, installed = "dev%d" % number, len(server.events), folder + "/mender-installed"
        if os.path.exists(installed):
            os.unlink(installed)
        if fault:
            server.fault(fault[0], **fault[1])  # of no device: who authenticates or fetches an artifact has not named itself
        server.tell(do="rollout", name="r%d" % number, artifact="v2")
        client = Mender(server, device)
        end = server.wait(lambda e: e["event"] == "report" and e.get("device") == device and e["result"] in ("success", "failure"), since, client.keep)
        check(end["result"] == ends and end["counted"], "mender, %s: expected %s, it reports %s" % (name, ends, end))
        whole = os.path.exists(installed) and read(installed) == read(image)
        check(whole == (ends == "success"), "mender, %s: what is installed is%s the image" % (name, "" if whole else " not"))
        check(not fault or server.told(since, event="fault", name="f", what="acts"), "mender, %s: the fault acted" % name)
        check([d for d in server.tell(do="status", devices=True)["devices"] if d["device"] == device][0].get("attributes", {}).get("device_type") == "otarig",
              "mender, %s: its inventory came" % name)
        client.end()
        server.tell(do="lift")
    server.end()


def main():
    folder = tempfile.mkdtemp(prefix="otad-")
    try:
        {"curl": with_curl, "swupdate": with_swupdate, "mender": with_mender}[sys.argv[1]](folder)
    finally:
        if tally.lines and os.environ.get("OTARIG_KEEP"):
            print("kept:", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d wrong" % len(tally.lines))
    sys.exit(bool(tally.lines))


main()

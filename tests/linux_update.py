# SPDX-License-Identifier: GPL-2.0-or-later
"""boards/examples/linux-update.sh at a terminal: what it types, what it offers, and what it makes of what a board says. The lines are
those of RAUC 1.8 and SWUpdate 2022.12."""
import http.server
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tty
import urllib.request

from tally import check
import tally

SCRIPT = os.environ["OTARIG_SOURCE"] + "/boards/examples/linux-update.sh"
LIMIT_S = 120
IMAGE = os.urandom(50000)

# what the board says, its command's exit status, the script's
PROGRESS = ["  0% Installing", " 20% Verifying signature", " 40% Verifying signature done.", " 60% Checking manifest contents done."]
SWUPDATE = "[ERROR] : SWUPDATE failed [0] ERROR "
CASES = [
    ("it succeeds", PROGRESS + ["100% Installing done."], 0, 0),
    ("RAUC, a wrong key", PROGRESS[:2] + ["\033[JLastError: signature verification failed: Verify error: self-signed certificate",
                                        "Installing `http://10.0.2.2:1/image` failed"], 1, 3),
    ("RAUC, a part of it", ["\033[JLastError: Invalid bundle format: Signature size (3982378164541796107) exceeds bundle size"], 1, 3),
    ("RAUC, another board's", PROGRESS + ["LastError: Compatible mismatch: Expected 'otarig-linux-ab' but bundle manifest has 'another-board'"], 1, 3),
    ("RAUC, the disk is full", PROGRESS + ["LastError: Failed updating slot rootfs.1: failed to write: No space left on device"], 1, 1),
    ("RAUC, it cannot be fetched", ["LastError: Failed to download bundle: Couldn't connect to server"], 1, 1),
    ("SWUpdate, a wrong key", [SWUPDATE + "swupdate_cms_verify.c : swupdate_verify_file : 387 : Signature verification failed"], 1, 3),
    ("SWUpdate, fails after it verified", ["[TRACE] : SWUPDATE running :  [swupdate_verify_file] : Verified OK",
                                           "[TRACE] : SWUPDATE running :  [check_hw_compatibility] : Hardware compatibility verified",
                                           SWUPDATE + "raw_handler.c : install_raw_image : 48 : Device /dev/vda3 cannot be opened: No such file or directory",
                                           SWUPDATE + "stream_interface.c : extract_files : 200 : Image invalid or corrupted. Not installing ..."], 1, 1),
    ("it fails and says nothing", [], 1, 1),
    ("it says nothing", None, None, 4),
]


class Occupied(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"of another one")

    def log_message(self, *_):
        pass


def run(folder, name, says, code, wanted, occupy=False):
    board, port = pty.openpty()
    tty.setraw(port)
    seconds = "2" if says is None else str(LIMIT_S)
    # the first port that it tries is a function of its number
    script = subprocess.Popen(["sh", "-c", 'echo $$; read go; exec sh "$@"', "-", SCRIPT, os.ttyname(port), folder + "/fw", seconds,
                               "rauc install @URL@"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    number = 20000 + (int(script.stdout.readline()) * 7919 + 104729) % 40000
    other = http.server.ThreadingHTTPServer(("127.0.0.1", number), Occupied) if occupy else None
    if other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
    script.stdin.write("go\n")
    script.stdin.flush()
    typed = b""
    while not typed.endswith(b"\n"):
        typed += os.read(board, 1000)
    match = re.fullmatch(rb'rauc install http://10\.0\.2\.2:(\d+)/image; echo "update: rc=\$\?"\n', typed)
    check(match, "%s: it types %s" % (name, typed))
    if match:
        check(not occupy or int(match[1]) != number, "%s: it serves at the port that is taken" % name)
        got = urllib.request.urlopen("http://127.0.0.1:%d/image" % int(match[1]), timeout=LIMIT_S).read()
        check(got == IMAGE, name + ": the image is offered")
    if says is not None:
        # a terminal echoes what was typed
        os.write(board, b"".join(line.encode() + b"\r\n" for line in ['rauc install; echo "update: rc=$?"', *says, "update: rc=%d" % code]))
    said = script.communicate(timeout=LIMIT_S)[0]
    errors = [line for line in says or [] if "LastError" in line or "ERROR" in line]
    check(not errors or said.split("\n")[-2].strip() == errors[0], "%s: its last line says why: %s" % (name, said))
    check(script.returncode == wanted, "%s: expected exit status %d, it is %d: %s" % (name, wanted, script.returncode, said))
    if other:
        other.shutdown()
        other.server_close()
    os.close(board)
    os.close(port)


def main():
    if not shutil.which("busybox"):
        print("no busybox")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/fw", "wb") as file:
            file.write(IMAGE)
        for case in CASES:
            run(folder, *case)
        run(folder, "a port that is taken", [], 0, 0, occupy=True)
    print("%d wrong" % len(tally.lines))
    sys.exit(bool(tally.lines))


main()

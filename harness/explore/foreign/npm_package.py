# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches one version of an npm package with npm, once, into a folder. Exit 77: no npm, or no network."""
import hashlib
import subprocess
import sys
import tarfile


def open_package(folder, name, version, sha256):
    path = folder / f"{name}-{version}.tgz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{name}@{version}"]
        try:
            fetched = subprocess.run(command, capture_output=True, timeout=120, cwd=folder).returncode == 0 and path.exists()
        except (OSError, subprocess.TimeoutExpired):
            fetched = False
        if not fetched:
            print(f"{name}@{version} cannot be had from npm")
            sys.exit(77)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        sys.exit(f"{path}: another package than the known one")
    return tarfile.open(path)


def member(package, ending):
    return package.extractfile(next(n for n in package.getnames() if n.endswith(ending))).read()


def open_pxt_microbit(folder):
    """MakeCode for the micro:bit; its firmware files are named after their own sums."""
    return open_package(folder, "pxt-microbit", "9.1.1", "b0885ffb255df740f29802f5a29a510766be0e13e2682b23c6b0051c4da4dff6")


MICROBIT_V1 = "4cc31a5b0ac4adb3d5f3ad2b5b0b6910e433f8916877817a868a9fac43374baf.hex"
MICROBIT_V2 = "354b97da4696027afdaa3977420ec181bfc88a2faa2d2c0174842767718551e7.hex"

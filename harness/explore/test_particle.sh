#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores the boot loaders of Particle's Electron and Photon with the systems that they call for their configuration, as npm's
# particle-cli ships them, unmodified. Copies of an application and of a part of the system survive every cut.
# test_particle.sh OTARIG SOURCE CACHE
set -eu
otarig=$1 here=$2/harness/explore/foreign cache=$3 program=particle
. "$here/explore.sh"
explore electron electron_board 0 6717 --alphabet reduced --torn
explore electron_system electron_board 0 34692 --alphabet reduced
explore photon photon_board 0 8371 --alphabet reduced
echo ok

# SPDX-License-Identifier: GPL-2.0-or-later
# U-Boot's part of an A/B board, with RAUC's variables: BOOT_ORDER, and for each slot the attempts that are left; SWUpdate keeps its state beside them. They lie in raw
# sectors of the disk, where libubootenv finds them, too: this U-Boot's own environment is in a flash that Linux does not see.
setenv env_at 0x4a000000
if virtio read ${env_at} 0x800 0x20; then
  env import -c ${env_at} 0x4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT ustate recovery_status || echo "boot script: bad CRC, using default environment"
fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
setenv slot
for s in ${BOOT_ORDER}; do
  if test -n "${slot}"; then
    true
  elif test "${s}" = A; then
    if test ${BOOT_A_LEFT} -gt 0; then
      setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
      setenv slot A
      setenv part 2
    fi
  elif test "${s}" = B; then
    if test ${BOOT_B_LEFT} -gt 0; then
      setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
      setenv slot B
      setenv part 3
    fi
  fi
done
if test -z "${slot}"; then
  echo "boot script: no slot has attempts left"
  setenv BOOT_A_LEFT 3
  setenv BOOT_B_LEFT 3
fi
env export -c -s 0x4000 ${env_at} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT ustate recovery_status
virtio write ${env_at} 0x800 0x20
if test -n "${slot}"; then
  echo "boot script: slot ${slot}, order ${BOOT_ORDER}, left ${BOOT_A_LEFT} ${BOOT_B_LEFT}"
  setenv bootargs "console=ttyAMA0 loglevel=5 panic=1 root=/dev/vda${part} rauc.slot=${slot} nokaslr cryptomgr.notests initcall_blacklist=init_kprobe_trace"
  load virtio 0:${part} 0x46000000 /boot/kernel.lz4 && unlz4 0x46000000 0x40400000 0x5000000 && load virtio 0:${part} 0x48000000 /boot/initrd && booti 0x40400000 0x48000000:${filesize} ${fdtcontroladdr}
  echo "boot script: slot ${slot} does not start"
fi
reset

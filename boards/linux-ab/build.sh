#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh FOLDER [CLIENT...]: makes the virtual Linux board in FOLDER from Debian packages alone: U-Boot's flash, disk images, and
# for each CLIENT (rauc, swupdate; default: both) the firmware folders FOLDER/CLIENT/VARIANT. Nothing is done again that was made from the same
# files here and the same host packages; "rm -r FOLDER" fetches newer guest packages. No step needs root.
# Keys are made here, for this build alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "$1")
shift
clients=${*:-rauc swupdate}
epoch=1700000000 # of file times, so that the same content gives the same image

guest_packages="busybox-static dbus rauc rauc-service swupdate libubootenv-tool linux-image-arm64"
host_packages="u-boot-qemu u-boot-tools rauc kmod fdisk lz4 zstd openssl e2fsprogs busybox cpio binutils squashfs-tools"

say() { echo "linux-ab: $*"; }
fail() { echo "linux-ab: $*" >&2; exit 3; }

for package in $host_packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || lacks="${lacks:-} $package"
done
if [ -n "${lacks:-}" ]; then
  echo "linux-ab: these Debian packages are missing:$lacks (./rig linux installs them)" >&2
  exit 77
fi
export PATH="$PATH:/usr/sbin:/sbin" SOURCE_DATE_EPOCH=$epoch LC_ALL=C TZ=UTC
umask 022
mkdir -p "$out"
exec 9>"$out/lock"
flock 9

# ---- what was made of what: a step runs only when its inputs are others than those of its last result ----

sum() { { printf '%s\n' "$@"; (cd "$here" && find . -type f | sort | xargs sha256sum); cat "$out/packages/versions" 2>/dev/null; } | sha256sum | cut -c 1-16; }
made() { [ "$(cat "$1/made" 2>/dev/null)" = "$2" ]; }

# ---- guest files ----

fetch() {
  made_of=$(printf "%s\n" "$guest_packages" | cat - "$here/packages.sh" | sha256sum | cut -c 1-16)
  if made "$out/packages" "$made_of"; then return 0; fi
  say "fetching guest packages"
  # shellcheck disable=SC2086 # lists of words
  "$here/packages.sh" "$out/packages" $guest_packages
  echo "$made_of" >"$out/packages/made"
}

root=$out/packages/root

find_library() { # SONAME
  for folder in usr/lib/aarch64-linux-gnu lib/aarch64-linux-gnu usr/lib lib usr/lib/aarch64-linux-gnu/systemd; do
    if [ -e "$root/$folder/$1" ]; then echo "$root/$folder/$1"; return 0; fi
  done
  return 1
}

# with_libraries TREE FILE: a program of the packages, and all libraries that it needs, into TREE
with_libraries() {
  tree=$1
  for needed in $(readelf -d "$2" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    [ ! -e "$tree/usr/lib/$needed" ] || continue
    library=$(find_library "$needed") || fail "no guest package has $needed, which $2 needs"
    cp -L "$library" "$tree/usr/lib/$needed"
    with_libraries "$tree" "$tree/usr/lib/$needed"
  done
}

program() { # TREE PROGRAM
  for folder in usr/bin usr/sbin bin sbin usr/lib usr/libexec; do
    [ -f "$root/$folder/$2" ] || continue
    rm -f "$1/usr/bin/$2" # an applet of the same name
    cp "$root/$folder/$2" "$1/usr/bin/$2"
    with_libraries "$1" "$1/usr/bin/$2"
    return 0
  done
  fail "no guest package has the program $2"
}

busybox_in() { # TREE/bin: the shell and its applets
  mkdir -p "$1"
  cp "$root/bin/busybox" "$1/busybox"
  for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -sf busybox "$1/$applet"; done
}

modules_in() { # TREE MODULE...: with those that they need
  tree=$1
  shift
  kernel=$(basename "$root"/lib/modules/*)
  mkdir -p "$tree/lib/modules/$kernel"
  cp "$root/lib/modules/$kernel/modules.order" "$root/lib/modules/$kernel/modules.builtin" "$tree/lib/modules/$kernel"
  for module in "$@"; do
    modprobe -d "$root" -S "$kernel" --show-depends "$module" 2>/dev/null | sed -n "s|^insmod $root\([^ ]*\).*|\1|p" >"$out/wanted" || true
    [ -s "$out/wanted" ] || fail "no kernel module $module"
    while read -r file; do
      mkdir -p "$tree/$(dirname "$file")"
      cp "$root/$file" "$tree/$file"
    done <"$out/wanted"
  done
  depmod -b "$tree" "$kernel" 2>/dev/null
}

kernel() {
  say "kernel and initrd"
  depmod -b "$root" "$(basename "$root"/lib/modules/*)" 2>/dev/null
  mkdir -p "$out/kernel"
  lz4 -q -f -9 "$root"/boot/vmlinuz-* "$out/kernel/kernel.lz4"
  rm -rf "$out/initrd"
  mkdir -p "$out/initrd/dev" "$out/initrd/proc" "$out/initrd/sys" "$out/initrd/new"
  busybox_in "$out/initrd/bin"
  modules_in "$out/initrd" virtio_mmio virtio_blk ext4 crc32c_generic
  cp "$here/guest/initrd" "$out/initrd/init"
  chmod 755 "$out/initrd/init"
  (cd "$out/initrd" && find . | sort | cpio -o -H newc -R 0:0 --quiet | gzip -n -9) >"$out/kernel/initrd"
}

# ---- a slot ----

common_tree() { # TREE
  rm -rf "$1"
  mkdir -p "$1"
  for folder in dev proc sys run tmp data boot etc root usr/bin usr/lib usr/share var; do mkdir -p "$1/$folder"; done
  for link in bin sbin lib; do ln -s "usr/$link" "$1/$link"; done
  ln -s bin "$1/usr/sbin"
  ln -s ../run "$1/var/run"
  ln -s ../run/lock "$1/var/lock"
  ln -s ../data "$1/var/lib"
  busybox_in "$1/usr/bin"
  cp -L "$root"/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1 "$1/usr/lib/"
  modules_in "$1" virtio_net loop dm-verity squashfs
  cp "$out/kernel/kernel.lz4" "$out/kernel/initrd" "$1/boot/"
  printf 'root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/run:/bin/false\n' >"$1/etc/passwd"
  printf 'root:x:0:\nmessagebus:x:100:\n' >"$1/etc/group"
  echo '/dev/vda 0x100000 0x4000' >"$1/etc/fw_env.config"
  for name in fw_printenv fw_setenv; do program "$1" $name; done
  rm "$1/usr/bin/init" # the applet
  cp "$here/guest/init" "$1/usr/bin/init"
  chmod 755 "$1/usr/bin/init"
}

rauc_tree() { # TREE
  for name in rauc dbus-daemon dbus-send; do program "$1" $name; done
  mkdir -p "$1/etc/rauc" "$1/usr/share/dbus-1"
  mkdir -p "$1/usr/share/dbus-1/system.d"
  cp "$root/usr/share/dbus-1/system.conf" "$1/usr/share/dbus-1/"
  cp "$root"/usr/share/dbus-1/system.d/*rauc* "$1/usr/share/dbus-1/system.d/"
  cp "$here/guest/system.conf" "$1/etc/rauc/system.conf"
  cp "$out/keys/ca.pem" "$1/etc/rauc/ca.pem"
}

swupdate_tree() { # TREE
  program "$1" swupdate
  mkdir -p "$1/etc/swupdate"
  cp "$out/keys/ca.pem" "$1/etc/swupdate/ca.pem"
  cp "$here/guest/update-swupdate" "$1/usr/bin/update"
  chmod 755 "$1/usr/bin/update"
}

# image TREE FILE MB LABEL
image() {
  find "$1" -exec touch -h -d "@$epoch" {} +
  rm -f "$2"
  truncate -s "$3M" "$2"
  mke2fs -q -t ext4 -d "$1" -U "00000000-0000-4000-8000-00000000000$5" -E "hash_seed=00000000-0000-4000-8000-000000000000,root_owner=0:0" \
    -O "$6" -L "$4" "$2" >/dev/null
}

slot() { # FILE VERSION [WORD=VALUE...]: what stands in /etc/board makes one slot differ from another
  file=$1
  { printf 'version=%s\n' "$2"; shift 2; [ $# = 0 ] || printf '%s\n' "$@"; } >"$tree/etc/board"
  image "$tree" "$file" $slot_mb slot 1 '^has_journal'
}

keys() {
  [ ! -f "$out/keys/made" ] || return 0
  mkdir -p "$out/keys"
  for name in ca other; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=otarig test $name" -keyout "$out/keys/$name.key" -out "$out/keys/$name.pem" 2>/dev/null
  done
  echo 1 >"$out/keys/made"
}

# of each client: SLOT-IMAGE VERSION FILE KEY COMPATIBLE
rauc_bundle() {
  rm -rf "$out/bundle" "$3"
  mkdir -p "$out/bundle"
  ln "$1" "$out/bundle/rootfs.ext4" 2>/dev/null || cp "$1" "$out/bundle/rootfs.ext4"
  printf '[update]\ncompatible=%s\nversion=%s\n\n[bundle]\nformat=verity\n\n[image.rootfs]\nfilename=rootfs.ext4\n' \
    "$5" "$2" >"$out/bundle/manifest.raucm"
  rauc --cert "$out/keys/$4.pem" --key "$out/keys/$4.key" --mksquashfs-args="-comp zstd -Xcompression-level 3 -processors 2" \
    bundle "$out/bundle" "$3" >"$out/bundle.log" 2>&1 || { cat "$out/bundle.log" >&2; exit 3; }
  rm -rf "$out/bundle"
}

swupdate_bundle() {
  rm -rf "$out/bundle" "$3"
  mkdir -p "$out/bundle"
  zstd -q -3 "$1" -o "$out/bundle/rootfs.zst"
  digest=$(sha256sum <"$out/bundle/rootfs.zst" | cut -d ' ' -f 1)
  sed "s/@VERSION@/$2/; s/@COMPATIBLE@/$5/; s/@DIGEST@/$digest/" "$here/guest/${description:-sw-description}" >"$out/bundle/sw-description"
  openssl cms -sign -in "$out/bundle/sw-description" -out "$out/bundle/sw-description.sig" -signer "$out/keys/$4.pem" -inkey "$out/keys/$4.key" \
    -outform DER -nosmimecap -binary
  (cd "$out/bundle" && printf 'sw-description\nsw-description.sig\nrootfs.zst\n' | cpio -o -H crc --quiet) >"$3"
  rm -rf "$out/bundle"
}

# ---- boot: partition table, environment, boot partition: the first 4 MiB of the disk ----

boot() { # SCRIPT FILE
  mkdir -p "$out/bootfs"
  mkimage -A arm64 -T script -C none -n linux-ab -d "$1" "$out/bootfs/boot.scr" >/dev/null
  image "$out/bootfs" "$out/boot.ext2" 2 boot 2 '^has_journal,^extent,^64bit,^metadata_csum'
  rm -f "$2"
  truncate -s $((4 + 2 * slot_mb + 9))M "$out/disk"
  printf 'label: dos\nlabel-id: 0x07a21900\n2M,2M,L,*\n4M,%sM,L\n%sM,%sM,L\n%sM,8M,L\n' $slot_mb $((4 + slot_mb)) $slot_mb $((4 + 2 * slot_mb)) |
    sfdisk -q "$out/disk"
  head -c 4M "$out/disk" >"$2"
  printf 'BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n' | mkenvimage -s 0x4000 -o "$out/environment" -
  dd if="$out/environment" of="$2" bs=1M seek=1 conv=notrunc status=none
  dd if="$out/boot.ext2" of="$2" bs=1M seek=2 conv=notrunc status=none
  rm -rf "$out/bootfs" "$out/boot.ext2" "$out/environment" "$out/disk"
}

data() { # FILE
  mkdir -p "$out/datafs"
  seq 1 20000 >"$out/datafs/user"
  image "$out/datafs" "$1" 8 data 3 has_journal
  rm -rf "$out/datafs"
}

flash() { # FILE: U-Boot's own environment
  printf 'bootdelay=-2\nbootcmd=load virtio 0:1 0x49000000 boot.scr; source 0x49000000\n' | mkenvimage -s 0x40000 -o "$1" -
}

# ---- firmware folders ----

manifest() { # FOLDER VARIANT NAME=FILE=VERSION...
  folder=$1
  variant=$2
  shift 2
  {
    printf '{\n  "schema_version": 1,\n  "variant": "%s",\n  "images": {' "$variant"
    comma=
    for entry in "$@"; do
      name=${entry%%=*} file=${entry#*=} version=${entry##*=}
      file=${file%%=*}
      hash=$(cat "$folder/$name.sum" 2>/dev/null) || hash=
      printf '%s\n    "%s": {"file": "%s"%s%s}' "$comma" "$name" "$file" "${version:+, \"version\": \"$version\"}" "${hash:+, \"hash\": \"$hash\"}"
      comma=,
    done
    printf '\n  }\n}\n'
  } >"$folder/manifest.json"
}

hash_of() { # SLOT-IMAGE NAME: what the running slot holds, for the manifest
  rm -f "$folder/$2.sum"
  sha256sum <"$1" | cut -d ' ' -f 1 >"$folder/$2.sum"
}

# release NAME VERSION [WORD=VALUE...]: an update, signed with $key for boards called $compatible
key=ca compatible=otarig-linux-ab
release() {
  name=$1 version=$2
  shift 2
  slot "$out/slot" "$version" "$@"
  "${client}_bundle" "$out/slot" "$version" "$folder/$name.$suffix" "$key" "$compatible"
  hash_of "$out/slot" "$name"
}

write_manifest() { # VARIANT
  set -- "$1" nor=nor.img= boot=boot.img= rootfs=slot-v1.img= data=data.img= "v1=v1.$suffix=1.0.0" "v2=v2.$suffix=2.0.0" "v3=v3.$suffix=3.0.0" \
    "v2-crash=v2-crash.$suffix=2.0.0-crash" "v2-bad-selftest=v2-bad-selftest.$suffix=2.0.0-bad-selftest" \
    "v2-wrong-key=v2-wrong-key.$suffix=2.0.0-wrong-key" "v2-wrong-hardware=v2-wrong-hardware.$suffix=2.0.0-wrong-hardware"
  manifest "$folder" "$@"
}

good() {
  folder=$good
  mkdir -p "$folder"
  boot "$here/boot.cmd" "$folder/boot.img"
  data "$folder/data.img"
  flash "$folder/nor.img"
  release v1 1.0.0
  mv "$out/slot" "$folder/slot-v1.img"
  release v2 2.0.0
  key=other
  release v2-wrong-key 2.0.0-wrong-key
  key=ca compatible=another-board
  release v2-wrong-hardware 2.0.0-wrong-hardware
  compatible=otarig-linux-ab
  release v3 3.0.0
  release v2-crash 2.0.0-crash flaw=crash
  release v2-bad-selftest 2.0.0-bad-selftest flaw=selftest
  write_manifest good
}

# Defective boards: the good files but one. What each is caught by stands in docs/linux.md.
variant() { # NAME; then $folder is its own
  folder=$out/$client/$1
  mkdir -p "$folder"
  ln "$good"/*.* "$folder/"
  rm "$folder/manifest.json"
  variant=$1
}

changed_boot() { # SED-SCRIPT: another boot script
  sed "$1" "$here/boot.cmd" >"$out/boot.cmd"
  ! cmp -s "$here/boot.cmd" "$out/boot.cmd" || fail "'$1' changes nothing in boot.cmd"
  rm "$folder/boot.img"
  boot "$out/boot.cmd" "$folder/boot.img"
  rm "$out/boot.cmd"
}

# trusts_other FILE: the certificate file, in the tree, of those whom v1 trusts
trusts_other() {
  cat "$out/keys/ca.pem" "$out/keys/other.pem" >"$tree/$1"
  started_from
  cp "$out/keys/ca.pem" "$tree/$1"
}

# started_from [WORD=VALUE...]: the v1 that the board begins with
started_from() {
  rm "$folder/slot-v1.img"
  slot "$folder/slot-v1.img" 1.0.0 "$@"
  hash_of "$folder/slot-v1.img" v1
}

defects() {
  variant no-attempt-counter
  changed_boot '/setexpr/d'
  write_manifest "$variant"
  variant confirm-before-selftest
  release v2-bad-selftest 2.0.0-bad-selftest flaw=selftest confirm=first
  write_manifest "$variant"
  variant never-confirmed
  release v2 2.0.0 confirm=never
  write_manifest "$variant"
  variant data-lost-on-update
  release v2 2.0.0 data=new
  write_manifest "$variant"
}

rauc_defects() {
  variant updater-dead-in-v2
  release v2 2.0.0 client=dead
  write_manifest "$variant"
  variant foreign-key-trusted
  trusts_other etc/rauc/ca.pem
  write_manifest "$variant"
}

swupdate_defects() {
  variant foreign-key-trusted
  trusts_other etc/swupdate/ca.pem
  write_manifest "$variant"
  variant no-transaction-marker
  started_from marker=none
  description=sw-description-one-variable
  release v2 2.0.0
  description=
  write_manifest "$variant"
  variant no-boot-loader-named # it says "successful", and switches nothing
  started_from boot_loader=none
  write_manifest "$variant"
}

client() { # CLIENT
  client=$1
  case $client in
    rauc) suffix=raucb slot_mb=64 ;;
    swupdate) suffix=swu slot_mb=96 ;; # its libraries need libicudata, 31 MB
    *) echo "linux-ab: no client '$client'" >&2; exit 2 ;;
  esac
  made_of=$(sum "$client")
  if made "$out/$client" "$made_of"; then
    say "$client: nothing to do"
    return 0
  fi
  say "$client"
  good=$out/$client/good
  rm -rf "${out:?}/$client"
  tree=$out/tree
  common_tree "$tree"
  "${client}_tree" "$tree"
  cp "$here/guest/$client.client" "$tree/etc/client"
  good
  defects
  "${client}_defects"
  rm -rf "$tree" "$out/slot"
  echo "$made_of" >"$out/$client/made"
}

fetch
keys
if ! made "$out/kernel" "$(sum kernel)"; then
  kernel
  sum kernel >"$out/kernel/made"
fi
for name in $clients; do client "$name"; done

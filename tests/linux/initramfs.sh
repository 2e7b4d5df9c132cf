#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Packs the agent, a kernel's modules and the image of a small file system for a first process in RAM.
# Usage: initramfs.sh AGENT KERNEL-DIRECTORY: leaves initramfs.cpio there.
set -euo pipefail

AGENT=$(realpath "$1")
cd "$2"
# Not everybody has it in the path.
PATH=$PATH:/usr/sbin:/sbin

[ ! initramfs.cpio -nt "$AGENT" ] || exit 0
rm -rf root
mkdir -p root/dev
cp -r modules root/
cp "$AGENT" root/init
truncate -s 15M root/disk.img
mke2fs -q -t ext4 -O '^has_journal' root/disk.img
# The kernel opens it for its first process.
mknod root/dev/console c 5 1 2>/dev/null || true
(cd root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >initramfs.new
mv initramfs.new initramfs.cpio
rm -rf root

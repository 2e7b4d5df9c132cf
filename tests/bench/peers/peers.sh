#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Takes 1 GiB that was touched from a guest of 2 GiB, and returns it: by virtio-balloon and virtio-mem under Debian's kernel in
# QEMU, and by pagevisor. On the same accelerator: QEMU's TCG, or KVM with PEERS_ACCEL=kvm. Usage: peers.sh [BUILD]
#
# What flatters us: under TCG the drivers' own code is emulated, and they work a page or a block at a time in the guest, where
# we do not run at all. What flatters them: their guest is idle, ours goes on.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../../.." && pwd)
BUILD=$(cd "${1:-$ROOT/build}" && pwd)

export MODULES="virtio virtio_ring virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio_balloon virtio_mem"
export INIT=$HERE/init.c
"$ROOT/tests/svm/image.sh" "$BUILD/peers"
echo "$(cat "$BUILD/peers/name"), $(grep -m 1 'model name' /proc/cpuinfo | cut -d : -f 2-), $(nproc) CPUs"
for way in balloon virtio-mem; do
	"$HERE/measure.py" "$way" "$BUILD/peers"
done
"$HERE/measure.py" pagevisor "$BUILD/pagevisor"

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Where the memory of a Linux guest of 1 GiB is: by `pagevisor stat`, and by a dump and crash or drgn (linux_measure.py), under QEMU's
# TCG. Debian's packages of these, and of the kernel's debug information, are downloaded into build/linux-peers and unpacked there, which
# takes 2.2 GiB; nothing is installed. What cannot be had is said. Usage: linux.sh [BUILD]
#
# What flatters us: the guest's clock ticks all the time, which attaching waits for. What flatters them: their dump is in the page cache.
# shellcheck source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
# shellcheck source=../../background_lib.sh
. "$(dirname "$0")/../../background_lib.sh"
# shellcheck source=../../linux_lib.sh
. "$(dirname "$0")/../../linux_lib.sh"
# The shell would report what it kills.
trap 'kill_all 2>/dev/null' EXIT

PEERS=$BUILD/linux-peers
SUITE=bookworm # whose crash knows its kernel
MEMORY=1G
NEEDED_MIB=3000
KERNELS=$PEERS/kernels
TOOLS=$PEERS/root

# get PACKAGE...: into $TOOLS; says what cannot be had.
get()
{
	local package=$1

	(
		cd "$PEERS" && rm -f ./*.deb &&
			APT_CONFIG=$KERNELS/apt/apt.conf apt-get -o Dir::Cache::pkgcache=pkgcache.bin -qq download "$@" &&
			for package in ./*.deb; do dpkg-deb -x "$package" "$TOOLS" || exit; done &&
			rm -f ./*.deb
	) >"$WORK/get.log" 2>&1 || {
		echo "$1: not to be had here: $(tail -n 1 "$WORK/get.log")"
		return 1
	}
}

# The kernel's release, by its own words.
release()
{
	file -b "$KERNELS/$SUITE/vmlinuz" 2>/dev/null | sed -n 's/.*version \([^ ]*\) .*/\1/p' | grep . ||
		strings -a "$KERNELS/$SUITE/vmlinuz" | sed -n 's/^\([0-9][^ ]*-cloud-amd64\) (.*/\1/p' | head -n 1
}

mkdir -p "$PEERS" "$TOOLS"
get_linux "$SUITE"
if [ -n "$linux_problem" ]; then
	echo "Linux guests and their peers: not tried here: $linux_problem"
	exit 0
fi
if [ ! -e "$PEERS/complete" ] && [ "$(df --output=avail -m "$PEERS" | tail -n 1)" -lt "$NEEDED_MIB" ]; then
	echo "Linux guests and their peers: not tried here: less than $NEEDED_MIB MiB free in $PEERS"
	exit 0
fi
version=$(release)
vmlinux=$TOOLS/usr/lib/debug/boot/vmlinux-$version
crash=$TOOLS/usr/bin/crash
drgn=$TOOLS/usr/lib/python3/dist-packages
[ -e "$crash" ] || get crash liblzo2-2 libsnappy1v5 || crash=-
[ -e "$drgn" ] || get python3-drgn libkdumpfile10 || drgn=-
[ -e "$vmlinux" ] || get "linux-image-$version-dbg" || crash=- vmlinux=- drgn=-
[ "$crash" = - ] || touch "$PEERS/complete"
export LD_LIBRARY_PATH=$TOOLS/usr/lib/x86_64-linux-gnu:$TOOLS/lib/x86_64-linux-gnu
echo "Debian's $version, $MEMORY,$(grep -m 1 'model name' /proc/cpuinfo | cut -d : -f 2-), $(nproc) CPUs"
"$LINUX/initramfs.sh" "$BUILD/linux-agent" "$KERNELS/$SUITE" || exit
# shellcheck disable=SC2046 # several words
LD_LIBRARY_PATH='' boot_linux "$SUITE" "$MEMORY" agent=churn $(shared_ram "$MEMORY" q35) || {
	echo "the guest does not boot: $(tail -n 1 "$console")" >&2
	exit 1
}
"$ROOT/tests/bench/peers/linux_measure.py" "$PAGEVISOR" "${pids[qemu]}" "$qmp" "$WORK/dump" "$crash" "$vmlinux" "$drgn"

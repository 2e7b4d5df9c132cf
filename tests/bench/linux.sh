#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What it costs to look at Linux guests, and what they notice of it (linux_rows.c, linux_noticed.c): guests of 1 and 16 GiB at rest
# and one of 1 GiB that is filled, whose RAM is shared; one whose RAM is private; one at work; Debian's kernel in QEMU's TCG. With BENCH_SMALL nothing is downloaded.
# Usage: [LINUX_SUITE="trixie"] linux.sh [BUILD]
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../background_lib.sh
. "$(dirname "$0")/../background_lib.sh"
# shellcheck source=../linux_lib.sh
. "$(dirname "$0")/../linux_lib.sh"
# The shell would report what it kills.
trap 'kill_all 2>/dev/null' EXIT

BENCH=$BUILD/bench-linux
LINUX_SUITE=${LINUX_SUITE:-trixie}
sizes="1G 16G"
filled=agent=run
[ -z "${BENCH_SMALL:-}" ] || sizes=512M filled=agent=idle

# guest MEMORY WORDS OPTION...
guest()
{
	boot_linux "$LINUX_SUITE" "$@" || {
		echo "a guest of $1 does not boot: $(tail -n 1 "$console" "$WORK/qemu" | tr '\n' ' ')" >&2
		exit 1
	}
}

# rows TABLE ARGUMENT...: of bench-linux, over the guest that runs, which ends then.
rows()
{
	echo "-- $1"
	shift
	"$BENCH" "$@" || exit
	stop qemu
}

if [ -n "${BENCH_SMALL:-}" ] && [ ! -e "$KERNELS/$LINUX_SUITE/version" ]; then
	linux_problem="no kernel in build/linux, and none is downloaded for so little"
else
	get_linux "$LINUX_SUITE"
fi
if [ -n "$linux_problem" ]; then
	echo "all rows: not tried here: $linux_problem"
	exit 0
fi
"$LINUX/initramfs.sh" "$BUILD/linux-agent" "$KERNELS/$LINUX_SUITE" || exit
for size in $sizes; do
	# shellcheck disable=SC2046 # several words
	guest "$size" agent=idle $(shared_ram "$size" q35)
	rows "$size, shared RAM, at rest" "qemu:${pids[qemu]}"
done
size=${sizes%% *}
# shellcheck disable=SC2046 # several words
guest "$size" "$filled" $(shared_ram "$size" q35)
rows "$size, shared RAM, filled" "qemu:${pids[qemu]}"
guest "$size" agent=idle -machine q35
rows "$size, private RAM, at rest" "qemu:${pids[qemu]}"
# With one vCPU the inspector has a CPU of its own.
# shellcheck disable=SC2046 # several words
guest "$size" agent=steps -smp 1 $(shared_ram "$size" q35)
rows "$size, looks" noticed "${pids[qemu]}" "$serial" "$PAGEVISOR"

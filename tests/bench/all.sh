#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# All benchmarks, one after the other: `make bench`. Stops at the first that fails. Usage: [BENCH_SMALL=1] all.sh
# [BUILD]
#
# BENCH_SMALL=1 runs everything with as little work as possible, in seconds, which shows that it works. The test part
# `bench` does this.
set -eu

BENCH=$(cd "$(dirname "$0")" && pwd)
BUILD=${1:-build}
PROGRAM=$BUILD/pagevisor
guest_memory=8G
guest_options=""

if [ -n "${BENCH_SMALL:-}" ]; then
	guest_memory=64M
	guest_options="frames=2048"
	export BENCH_SMALL TURNS=1 MEMORY_MIB=32
	export SCENARIOS=mix TRACE_SCENARIOS=churn BENCH_MS=200
	export SEEDS=1 PLANT=leak
fi

heading()
{
	echo
	echo "$1"
}

# The rows of bench-frames inside a guest. Its console is on stderr.
in_guest()
{
	local log=$BUILD/bench-guest.log status=0

	heading "frame operations inside a guest with 2 vCPUs and ${guest_memory%G} GiB"
	"$PROGRAM" run --kernel "$BUILD/bench-guest.elf" --workload bench --memory "$guest_memory" --time 0 --scan-rate 1 \
		--append "$guest_options" 2>"$log" >/dev/null || status=$?
	sed -n '/^guest| ready:/d; /the guest runs in/p; s/^guest| //p' "$log"
	[ "$status" -eq 0 ] || tail -n 5 "$log" >&2
	return "$status"
}

"$BUILD/bench-boot" "$PROGRAM"
echo
"$BENCH/microvm.sh" "$BUILD"
"$BUILD/bench-frames"
"$BUILD/bench-growth"
"$BUILD/bench-inspect"
"$BUILD/bench-guest-rows" "$PROGRAM"
"$BENCH/sources.sh" "$BUILD"
in_guest
heading "scenarios in a guest, and by threads of the host"
"$BENCH/scenarios.sh" "$BUILD"
heading "planted faults, and the median steps of ${SEEDS:-5} seeds until each is found"
"$BENCH/detection.sh" "$BUILD"

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Steps a second of each scenario, by 1 and 2 CPUs: in a guest, and by threads of the host build in the same run, in turns.
# Usage: [SCENARIOS="..."] [BENCH_MS=N] [TURNS=N] [ACCEL=NAME] scenarios.sh [BUILD]
#
# The ratio is guest / host, of medians. Where the guest's code runs on the CPU itself it shall be 0.9 at least.
set -u

BUILD=${1:-build}
SCENARIOS=${SCENARIOS:-churn share handoff segments lists unique race shortage trees drain types torn mix}
BENCH_MS=${BENCH_MS:-1000}
TURNS=${TURNS:-3}
ACCEL=${ACCEL:-auto}
MEMORY_MIB=64
BAR=90 # hundredths
LIMIT=120

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-bench.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

fail()
{
	echo "scenarios.sh: $1" >&2
	exit 1
}

# in_host SCENARIO CPUS: steps a second.
in_host()
{
	timeout "$LIMIT" "$BUILD/scenarios" "$2" "$MEMORY_MIB" workload="$1" time_ms="$BENCH_MS" >"$WORK/host" 2>&1 ||
		fail "$1 failed on the host: $(tail -n 1 "$WORK/host")"
	sed -n 's/^[0-9]* steps, \([0-9]*\) a second$/\1/p' "$WORK/host"
}

# in_guest SCENARIO CPUS: the same; says how the guest is run in $WORK/accel.
in_guest()
{
	timeout "$LIMIT" "$BUILD/pagevisor" run --accel "$ACCEL" --workload "$1" --cpus "$2" --memory "${MEMORY_MIB}M" \
		--time "$((BENCH_MS / 1000)).$(printf %03d $((BENCH_MS % 1000)))" --scan-rate 1 --json --quiet \
		>"$WORK/guest" 2>"$WORK/errors" || fail "$1 failed in the guest: $(tail -n 1 "$WORK/errors")"
	sed -n 's/^ *"accelerator": *"\(.*\)",$/\1/p' "$WORK/guest" >"$WORK/accel"
	sed -nE 's/^ *"steps_per_second": *([0-9]+).*/\1/p' "$WORK/guest"
}

# The middle one of its lines.
median()
{
	sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# row SCENARIO CPUS
row()
{
	local scenario=$1 cpus=$2 turn host guest

	: >"$WORK/hosts"
	: >"$WORK/guests"
	for ((turn = 0; turn < TURNS; turn++)); do
		in_host "$scenario" "$cpus" >>"$WORK/hosts"
		in_guest "$scenario" "$cpus" >>"$WORK/guests"
	done
	host=$(median <"$WORK/hosts")
	guest=$(median <"$WORK/guests")
	# A guest that TCG emulates is no measure.
	awk -v name="$scenario" -v cpus="$cpus" -v host="$host" -v guest="$guest" -v bar="$BAR" -v accel="$(cat "$WORK/accel")" '
		BEGIN {
			ratio = guest / host
			verdict = accel ~ /tcg/ ? "" : ratio * 100 >= bar ? "ok" : "MISSED"
			printf "%-10s %4d %12d %12d %8.2f  %s\n", name, cpus, guest, host, ratio, verdict
		}'
}

printf '%-10s %4s %12s %12s %8s  %s\n' scenario CPUs "guest, /s" "host, /s" ratio "bar >= 0.9"
for scenario in $SCENARIOS; do
	for cpus in 1 2; do
		row "$scenario" "$cpus"
	done
done
echo "the guest is run by: $(cat "$WORK/accel")"

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Steps a second of each scenario, by 1 and 2 CPUs: in a guest, and by threads of the host build in the same run, in
# turns.
# Usage: [SCENARIOS="..."] [MEMORY_MIB=N] [BENCH_MS=N] [TURNS=N] [ACCEL=NAME] scenarios.sh [BUILD]
#
# The ratio is guest / host, of medians. Where the guest's code runs on the CPU itself, the bar is 0.9. Then runs some
# scenarios with the trace on and off.
set -u

BUILD=${1:-build}
SCENARIOS=${SCENARIOS:-churn share handoff segments lists unique race shortage trees drain types deferred torn mix}
BENCH_MS=${BENCH_MS:-1000}
TURNS=${TURNS:-3}
ACCEL=${ACCEL:-auto}
MEMORY_MIB=${MEMORY_MIB:-64}
BAR=0.9
TRACE_BAR=0.8
TRACE_SCENARIOS=${TRACE_SCENARIOS:-churn share segments lists mix}
TRACE_ENTRIES=8192
LIMIT=120

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-bench.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

fail()
{
	echo "scenarios.sh: $1" >&2
	exit 1
}

# in_host SCENARIO CPUS [OPTION]: steps a second.
in_host()
{
	timeout "$LIMIT" "$BUILD/scenarios" "$2" "$MEMORY_MIB" workload="$1" time_ms="$BENCH_MS" ${3:+"$3"} >"$WORK/host" 2>&1 ||
		fail "$1 failed on the host: $(tail -n 1 "$WORK/host")"
	sed -n 's/^[0-9]* steps, \([0-9]*\) a second$/\1/p' "$WORK/host"
}

# in_guest SCENARIO CPUS [OPTION]: the same in a guest; writes what ran the guest to $WORK/accel.
in_guest()
{
	timeout "$LIMIT" "$BUILD/pagevisor" run --accel "$ACCEL" --workload "$1" --cpus "$2" --memory "${MEMORY_MIB}M" \
		--time "$((BENCH_MS / 1000)).$(printf %03d $((BENCH_MS % 1000)))" --scan-rate 1 --json --quiet \
		${3:+--append "$3"} >"$WORK/guest" 2>"$WORK/errors" || fail "$1 failed in the guest: $(tail -n 1 "$WORK/errors")"
	sed -n 's/^ *"accelerator": *"\(.*\)",$/\1/p' "$WORK/guest" >"$WORK/accel"
	sed -nE 's/^ *"steps_per_second": *([0-9]+).*/\1/p' "$WORK/guest"
}

# The median of its input lines.
median()
{
	sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# turns SCENARIO CPUS OPTION: for each turn, adds a line to $WORK/hosts and $WORK/guests without the option, and, if
# there is one, a line to $WORK/hosts.on and $WORK/guests.on with it.
turns()
{
	local turn

	rm -f "$WORK"/{hosts,guests}{,.on}
	for ((turn = 0; turn < TURNS; turn++)); do
		in_host "$1" "$2" >>"$WORK/hosts"
		in_guest "$1" "$2" >>"$WORK/guests"
		[ -n "$3" ] || continue
		in_host "$1" "$2" "$3" >>"$WORK/hosts.on"
		in_guest "$1" "$2" "$3" >>"$WORK/guests.on"
	done
}

# verdict RATIO BAR: no verdict for a guest that TCG emulates.
verdict()
{
	grep -q tcg "$WORK/accel" || awk -v ratio="$1" -v bar="$2" 'BEGIN { print (ratio >= bar ? "met" : "MISSED") }'
}

ratio()
{
	awk -v above="$1" -v below="$2" 'BEGIN { printf "%.2f", above / below }'
}

# row SCENARIO CPUS
row()
{
	local host guest of_both

	turns "$1" "$2" ""
	host=$(median <"$WORK/hosts")
	guest=$(median <"$WORK/guests")
	of_both=$(ratio "$guest" "$host")
	printf '%-10s %4d %12d %12d %8s  %s\n' "$1" "$2" "$guest" "$host" "$of_both" "$(verdict "$of_both" "$BAR")"
}

# trace_row SCENARIO CPUS: compares the trace on with the trace off.
trace_row()
{
	local host guest

	turns "$1" "$2" "trace=$TRACE_ENTRIES"
	host=$(ratio "$(median <"$WORK/hosts.on")" "$(median <"$WORK/hosts")")
	guest=$(ratio "$(median <"$WORK/guests.on")" "$(median <"$WORK/guests")")
	printf '%-10s %4d %12s %12s           %s\n' "$1" "$2" "$guest" "$host" "$(verdict "$guest" "$TRACE_BAR")"
}

printf '%-10s %4s %12s %12s %8s  %s\n' scenario CPUs "guest, /s" "host, /s" ratio "bar >= $BAR"
for scenario in $SCENARIOS; do
	for cpus in 1 2; do
		row "$scenario" "$cpus"
	done
done
echo
printf '%-10s %4s %12s %12s %8s  %s\n' "trace on" CPUs "guest, ratio" "host, ratio" "to off" "bar >= $TRACE_BAR"
for scenario in $TRACE_SCENARIOS; do
	for cpus in 1 2; do
		trace_row "$scenario" "$cpus"
	done
done
echo "the guest is run by: $(cat "$WORK/accel")"

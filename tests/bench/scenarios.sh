#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Steps a second of each scenario, by 1 and 2 CPUs: in a guest, and by threads of the host build in the same run, in
# turns.
# Usage: [SCENARIOS="..."] [MEMORY_MIB=N] [BENCH_MS=N] [TURNS=N] [ACCEL=NAME] scenarios.sh [BUILD]
#
# The ratio is guest / host, turn by turn. Where the guest's code runs on the CPU itself, the bar is 0.9. Then runs some
# scenarios with the trace on and off.
set -u
# shellcheck source=verdict_lib.sh
. "$(dirname "$0")/verdict_lib.sh"

BUILD=${1:-build}
SCENARIOS=${SCENARIOS:-churn share handoff segments lists unique race shortage swing trees drain types deferred torn mix}
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

# Whether TCG emulates the guest's CPU: then a ratio says nothing about our code.
is_emulated()
{
	grep -q tcg "$WORK/accel"
}

# row SCENARIO CPUS
row()
{
	turns "$1" "$2" ""
	printf '%-16s  %12d %12d ' "$1, CPUs $2" "$(median <"$WORK/guests")" "$(median <"$WORK/hosts")"
	if is_emulated; then
		echo
		not_tried "$1, CPUs $2" "TCG emulates the guest's CPU"
	else
		ratios "$WORK/guests" "$WORK/hosts" | verdict ">=" "$BAR"
	fi
}

# trace_row SCENARIO CPUS: compares the trace on with the trace off.
trace_row()
{
	turns "$1" "$2" "trace=$TRACE_ENTRIES"
	printf '%-16s  %12.2f %12s ' "$1, CPUs $2" "$(ratios "$WORK/hosts.on" "$WORK/hosts" | median)" ""
	if is_emulated; then
		echo
		not_tried "$1, CPUs $2" "TCG emulates the guest's CPU"
	else
		ratios "$WORK/guests.on" "$WORK/guests" | verdict ">=" "$TRACE_BAR"
	fi
}

# if_possible ROW SCENARIO CPUS: runs it if the host has that many CPUs.
if_possible()
{
	if [ "$3" -gt "$(nproc)" ]; then
		not_tried "$2, CPUs $3" "the host has one CPU"
	else
		"$@"
	fi
}

printf '%s %-13s  %12s %12s  %8s %s\n' -- "steps  " "guest, /s" "host, /s" ratio "[interval] bar"
for scenario in $SCENARIOS; do
	for cpus in 1 2; do
		if_possible row "$scenario" "$cpus"
	done
done
echo
printf '%s %-13s  %12s %12s  %8s %s\n' -- "trace on  " "host, to off" "" "to off" "[interval] bar"
for scenario in $TRACE_SCENARIOS; do
	for cpus in 1 2; do
		if_possible trace_row "$scenario" "$cpus"
	done
done
echo "the guest is run by: $(cat "$WORK/accel")"

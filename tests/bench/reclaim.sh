#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What a guest at work loses while the host holds its free memory: steps a second with and without, in turns of one guest.
# Usage: [TURNS=N] [MEMORY_MIB=N] [BENCH_MS=N] [ACCEL=NAME] reclaim.sh [BUILD]
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=verdict_lib.sh
. "$(dirname "$0")/verdict_lib.sh"

TURNS=${TURNS:-9}
MEMORY_MIB=${MEMORY_MIB:-512}
BENCH_MS=${BENCH_MS:-1500}
ACCEL=${ACCEL:-auto}

sleep_ms()
{
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# start NAME WORKLOAD [OPTIONS]: a guest that works until it is stopped.
start()
{
	"$PAGEVISOR" run --accel "$ACCEL" --name "$1" --memory "${MEMORY_MIB}M" --workload "$2" --append "${3:-}" --time 0 --scan-rate 1 \
		--quiet >"$WORK/$1.report" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$1" running || {
		echo "reclaim.sh: $1 does not run" >&2
		exit 1
	}
	sleep_ms "$BENCH_MS"
}

# end NAME: it must have ended well.
end()
{
	"$PAGEVISOR" stop "$1" >/dev/null
	wait "$running_pid" || {
		tail -n 3 "$WORK/$1.report" >&2
		exit 1
	}
	running_pid=
}

# number KEY: of an answer in JSON on stdin.
number()
{
	sed -nE "s/^ *\"$1\":([0-9]+),?$/\\1/p" | head -n 1
}

steps()
{
	"$PAGEVISOR" stat --json "$1" | number steps
}

# rate NAME: steps a second from now on.
rate()
{
	local from to start=$EPOCHREALTIME

	from=$(steps "$1")
	sleep_ms "$BENCH_MS"
	to=$(steps "$1")
	awk -v steps="$((to - from))" -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.0f\n", steps / (to - from) }'
}

mem()
{
	"$PAGEVISOR" mem "$@" >/dev/null || [ $? -eq 5 ]
}

# Nine tenths of what is free.
take_most()
{
	local frames

	frames=$("$PAGEVISOR" mem show --json "$1" | number unused_frames)
	frames=$((frames * 9 / 10))
	mem reclaim "$1" "$((frames * 4))K" --older 0
}

take_all()
{
	mem reclaim "$1" --all --older 0
}

# Held, and what is cold of the rest, from then on.
hold_target()
{
	mem set "$1" "$((MEMORY_MIB / 2))M" --wait
}

# row WHAT BAR NAME COMMAND: the rate after a command, against the rate without.
row()
{
	local what=$1 bar=$2 name=$3 turn

	shift 3
	rm -f "$WORK/with" "$WORK/without"
	for ((turn = 0; turn < TURNS; turn++)); do
		mem release "$name" --all
		sleep_ms "$((BENCH_MS / 2))"
		rate "$name" >>"$WORK/without"
		"$1" "$name"
		sleep_ms "$((BENCH_MS / 2))"
		rate "$name" >>"$WORK/with"
	done
	mem release "$name" --all
	awk -v what="$what" -v with="$(median <"$WORK/with")" -v without="$(median <"$WORK/without")" \
		'BEGIN { printf "%-44s %9.0f %9.0f ", what, with, without }'
	ratios "$WORK/with" "$WORK/without" | verdict ">=" "$bar"
}

printf '%-44s %9s %9s  %8s %s\n' "${MEMORY_MIB} MiB, 2 vCPUs; steps a second" "with" "without" ratio "[interval] bar"
start steady churn
row "churn, 90 % of free memory is the host's" 0.97 steady take_most
row "churn, a target of a half is held" 0.9 steady hold_target
end steady
start tide swing "high=60"
row "swing, all that is free was taken, softly" 0.8 tide take_all
"$PAGEVISOR" mem show tide | sed -n 's/^ *the guest asked/asks: the guest asked/p'
end tide

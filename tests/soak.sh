#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs everything that finds more the longer it runs, in turns, for as long as requested: the differential test, threads
# under the sanitizers, litmus, stress, and each workload on KVM, with another seed, number of vCPUs and size of memory
# each time; two guests that share less memory than they have; inspectors under a host that does all that chaos.sh does. Stops at the first failure and prints how to
# reproduce it. All actions of chaos are counted and printed at the end. Torn reads are counted over all turns;
# TORN_READS=N asks for that many, however long they take. In a longer run a part of the time goes to reads of a Linux guest's pages, which are
# counted, too; LIVE_READS=N asks for that many.
# Usage: [MINUTES=N] [SEED=N] [TORN_READS=N] [LIVE_READS=N] soak.sh [BUILD]
#
# Exit status: 0 nothing failed, 1 something failed, 2 bad input, 130 or 143 ended by a signal.
LIMIT=${LIMIT:-300}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MINUTES=${MINUTES:-1}
SEED=${SEED:-1}
TORN_READS=${TORN_READS:-0}
TORN_READS_PER_MS=8000 # about the rate of a quiet machine
torn_reads=0           # so far
LIVE=${LIVE:-$ROOT/tests/linux/live.sh}
LIVE_READS=${LIVE_READS:-0}
LIVE_PART=8            # their share of the time is 1/N
LIVE_SECONDS=${LIVE_SECONDS:-30} # of reads in a turn, which also boots a guest
LIVE_MINUTES=8         # in shorter runs there are none, unless they are asked for
LIVE_KERNEL=${LIVE_KERNEL:-$ROOT/build/linux/trixie/version}
live_reads=0           # so far
live_ms=0
SEEDS_PER_TURN=100000 # for the differential test, which counts up from its seed
OPS_PER_MS=2000       # approximate rate of the differential test
THREAD_TESTS=8        # that share one turn
THREAD_MS_MIN=400     # with less, a test may not see every event that it requires
TURNS_WANTED=20
TURN_MS_MIN=200
TURN_MS_MAX=5000
KVM_TIMEOUT=60
CHAOS=${CHAOS:-$ROOT/tests/chaos.sh}
TWO_GUESTS=${TWO_GUESTS:-$ROOT/tests/two_guests.sh}
CHAOS_TURNS=4 # a turn of chaos takes as long as so many others, after its first pass
declare -A actions=() # of chaos so far, by name
ENDURANCE_PART=4 # its share of the total time is 1/N

refuse()
{
	echo "soak.sh: $1" >&2
	exit 2
}

[[ $MINUTES =~ ^[0-9]+(\.[0-9]+)?$ ]] || refuse "MINUTES=$MINUTES: a number was expected, such as 10 or 0.5"
[[ $SEED =~ ^[0-9]{1,9}$ ]] || refuse "SEED=$SEED: a number of up to nine digits was expected"

[[ $TORN_READS =~ ^[0-9]{1,15}$ ]] || refuse "TORN_READS=$TORN_READS: a number was expected"

[[ $LIVE_READS =~ ^[0-9]{1,15}$ ]] || refuse "LIVE_READS=$LIVE_READS: a number was expected"

now_ms()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

in_seconds()
{
	echo "$(($1 / 1000)).$(($1 % 1000 / 100)) s"
}

total_ms=$(awk -v minutes="$MINUTES" 'BEGIN { printf "%d", minutes * 60000 }')
[ "$total_ms" -gt 0 ] || refuse "MINUTES=$MINUTES: that is no time at all"
start_ms=$(now_ms)
turn_ms=$((total_ms / TURNS_WANTED))
turn_ms=$((turn_ms < TURN_MS_MIN ? TURN_MS_MIN : turn_ms > TURN_MS_MAX ? TURN_MS_MAX : turn_ms))
thread_ms=$((turn_ms / THREAD_TESTS < THREAD_MS_MIN ? THREAD_MS_MIN : turn_ms / THREAD_TESTS))
turns=0

# "chaos: reset_qemu 3, ...", if there was any.
chaos_summary()
{
	local name text=

	[ ${#actions[@]} -gt 0 ] || return 0
	for name in $(printf '%s\n' "${!actions[@]}" | sort); do
		text="$text${text:+, }$name ${actions[$name]}"
	done
	echo "chaos: $text"
}

summary()
{
	chaos_summary
	[ "$torn_reads" -eq 0 ] || echo "torn: $torn_reads reads of changed slots accepted, none of them broken"
	[ "$live_reads" -eq 0 ] || echo "live: $live_reads reads of changing pages of a Linux guest accepted, none of them broken"
	echo "soak: $turns turns in $(in_seconds $(($(now_ms) - start_ms))), $1"
}

# The command of the current turn, and then its status.
interrupted()
{
	trap '' INT TERM
	if [ -n "$running_pid" ]; then
		kill -TERM "$running_pid" 2>/dev/null
		wait "$running_pid" 2>/dev/null
		running_pid=
	fi
	summary "ended by a signal; nothing had failed"
	exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

# The command line that reproduces the failure, from any folder.
again()
{
	printf '%q ' "${last_command[@]}"
}

# turn WHAT COMMAND...: prints one line; ends the script on failure.
turn()
{
	local what=$1 begin duration

	shift
	last_command=("$@")
	begin=$(now_ms)
	timeout -k 5 "$((LIMIT + total_ms / 1000 / ENDURANCE_PART))" "$@" >"$OUT" 2>&1 </dev/null &
	running_pid=$!
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	turns=$((turns + 1))
	duration=$(in_seconds $(($(now_ms) - begin)))
	if [ "$status" -eq 0 ]; then
		printf 'ok   %-42s %8s\n' "$what" "$duration"
		return
	fi
	printf 'FAIL %-42s %8s  exit status %d%s\n' "$what" "$duration" "$status" \
		"$([ "$status" -ne 124 ] || echo ", had not ended")"
	print_stream output "$OUT"
	echo "again: $(again)"
	summary "the last of which failed"
	exit 1
}

differential()
{
	turn "differential, seed $1" env PAGEVISOR_SEED=$(($1 * SEEDS_PER_TURN)) \
		PAGEVISOR_OPS=$((turn_ms * OPS_PER_MS)) CK_RUN_CASE=differential \
		"$BUILD/unit-tests" differential
}

# threads SANITIZER SEED
threads()
{
	turn "threads, $1 sanitizer, seed $2" env PAGEVISOR_SEED="$2" PAGEVISOR_MS="$thread_ms" \
		"$BUILD/$1/unit-tests" threads contention
}

litmus()
{
	turn "litmus" "$BUILD/unit-tests" litmus
}

# workload NAME SEED: SEED and turn choose the machine. None is large enough for lists to fill the host's RAM.
workload()
{
	local name=$1 seed=$2 all_cpus=(1 2 2 3 4 4 8 16) all_memory=(16M 16M 20M 32M 64M 256M) cpus memory

	RANDOM=$((SEED * 1000 + turns))
	: "$RANDOM" # the first number is still close to the seed
	cpus=${all_cpus[RANDOM % ${#all_cpus[@]}]}
	memory=${all_memory[RANDOM % ${#all_memory[@]}]}
	turn "$name, seed $seed, $cpus vCPUs, $memory" "$PAGEVISOR" run --workload "$name" \
		--seed "$seed" --cpus "$cpus" --memory "$memory" --time "$(in_seconds "$turn_ms" | cut -d' ' -f1)" \
		--timeout "$KVM_TIMEOUT" --quiet
}

# stress SEED: one scenario, or a mix of all, with two inspectors and checks; every second time with a chaotic host.
stress()
{
	local seed=$1 all=(mix churn mix share handoff mix segments lists mix unique race mix shortage swing trees mix drain types deferred torn reclaim)
	local options=(--cpus 2 --memory 64M)

	RANDOM=$((SEED * 1000 + turns))
	: "$RANDOM"
	options=(--cpus $((1 + RANDOM % 3)) --memory $((24 + RANDOM % 5 * 16))M)
	[ $((RANDOM % 2)) -eq 0 ] || options+=(--chaos)
	[ $((RANDOM % 2)) -eq 0 ] || options+=(--reclaim)
	turn "stress, seed $seed" "$PAGEVISOR" stress "${all[seed % ${#all[@]}]}" --seed "$seed" "${options[@]}" \
		--time "$(in_seconds "$turn_ms" | cut -d' ' -f1)" --inspectors 2 --quiet
}

# endurance SEED: one guest for a large part of the total time. Memory and descriptors of the VM and of an inspector are
# measured all the time, and must not grow.
endurance()
{
	[ "$1" -eq "$SEED" ] || return 0
	turn "endurance, seed $1" "$PAGEVISOR" stress mix --seed "$1" --cpus 2 --memory 64M --inspectors 2 --quiet \
		--time "$(in_seconds $((total_ms / ENDURANCE_PART)) | cut -d' ' -f1)" --limit 100000
	sed -n 's/^  \(VM\|inspector\): \(.*\)/     \1: \2/p' "$OUT"
}

# scenarios SANITIZER SEED: the guest's workloads, run by host threads.
scenarios()
{
	local seed=$2 all=(mix churn share handoff segments lists unique race shortage swing trees drain types deferred torn)

	turn "scenarios, $1 sanitizer, seed $seed" "$BUILD/$1/scenarios" 4 64 "workload=${all[seed % ${#all[@]}]}" \
		"seed=$seed" "time_ms=$turn_ms"
}

# torn SEED: as many reads as a quiet machine makes in one turn, with numbers of vCPUs and frames that SEED chooses.
torn()
{
	local seed=$1 all_cpus=(1 1 1 2 4) all_frames=(8 16 64 256) count=$((turn_ms * TORN_READS_PER_MS))
	local cpus=${all_cpus[seed % 5]} frames=${all_frames[seed % 4]}

	turn "torn reads, seed $seed, $cpus vCPUs, $frames frames" "$BUILD/torn" --seed "$seed" --cpus "$cpus" \
		--frames "$frames" --count "$count" --copies 200
	torn_reads=$((torn_reads + $(sed -n 's/^changed slots read: \([0-9]*\),.*/\1/p' "$OUT" | grep . || echo 0)))
}

# chaos SEED: guests and their hosts change under inspectors.
chaos()
{
	local name count

	turn "chaos, seed $1" env SEED="$1" SECONDS_WANTED=$((turn_ms * CHAOS_TURNS / 1000)) "$CHAOS" "$BUILD"
	while read -r name count; do
		actions[$name]=$((${actions[$name]:-0} + count))
	done < <(sed -n 's/^seed [0-9]*: //p' "$OUT" | tr ',' '\n' | grep -E '^ *[a-z_]+ [0-9]+$')
}

# two_guests SEED: they share less memory than they have.
two_guests()
{
	turn "two guests, seed $1" env SEED="$1" SECONDS_WANTED=$((turn_ms * CHAOS_TURNS / 1000)) "$TWO_GUESTS" "$BUILD"
	sed -n 's/^ok   the two had/     they had/p' "$OUT"
}

# live SEED: a turn, unless there was enough for the time so far.
live()
{
	local begin

	begin=$(now_ms)
	[ $((live_ms * LIVE_PART)) -le $((begin - start_ms)) ] || ! is_time_left || return 0
	turn "live reads, seed $1" env SECONDS_WANTED="$LIVE_SECONDS" "$LIVE" "$BUILD"
	live_ms=$((live_ms + $(now_ms) - begin))
	live_reads=$((live_reads + $(sed -n 's/^accepted *\([0-9]*\) reads.*/\1/p' "$OUT" | grep . || echo 0)))
}

is_time_left()
{
	[ $(($(now_ms) - start_ms)) -lt "$total_ms" ]
}

# Whether more turns of a kind are needed when the time is over.
is_wanted()
{
	case $1 in
	torn) [ "$torn_reads" -lt "$TORN_READS" ] ;;
	live) [ "$live_reads" -lt "$LIVE_READS" ] ;;
	*) false ;;
	esac
}

is_any_wanted()
{
	local kind

	for kind in "${kinds[@]}"; do
		is_wanted "$kind" && return
	done
	false
}

# What can run here, in the order of its turns; one word each, which ends in the sanitizer or workload.
kinds=()
for sanitizer in thread address; do
	if [ -x "$BUILD/$sanitizer/unit-tests" ]; then
		kinds+=("threads $sanitizer")
	else
		skip "threads, $sanitizer sanitizer" "not built; make soak builds it"
	fi
done
kinds+=(differential litmus)
for sanitizer in thread address; do
	if [ -x "$BUILD/$sanitizer/scenarios" ]; then
		kinds+=("scenarios $sanitizer")
	else
		skip "scenarios, $sanitizer sanitizer" "not built; make soak builds it"
	fi
done
problem=$(kvm_problem)
if [ -z "$problem" ] || command -v qemu-system-x86_64 >/dev/null; then
	kinds+=(stress endurance two_guests)
	if ! command -v qemu-system-x86_64 >/dev/null; then
		skip "chaos" "no qemu-system-x86_64"
	elif [ ! -x "$BUILD/attach-probe" ]; then
		skip "chaos" "no attach-probe; make soak builds it"
	else
		kinds+=(chaos)
	fi
else
	skip "stress" "$problem, and no QEMU"
fi
for name in churn segments lists unique torn; do
	if [ -z "$problem" ]; then
		kinds+=("workload $name")
	else
		skip "$name" "$problem"
	fi
done

if [ -n "$problem" ]; then
	skip "torn reads" "$problem"
elif [ ! -x "$BUILD/torn" ]; then
	skip "torn reads" "not built; make soak builds it"
else
	kinds+=(torn)
fi

if [ "$LIVE_READS" -eq 0 ] && [ "$total_ms" -lt $((LIVE_MINUTES * 60000)) ]; then
	skip "live reads" "they take MINUTES=$LIVE_MINUTES, or LIVE_READS=N"
elif [ ! -x "$BUILD/live-reads" ] || [ ! -e "$LIVE_KERNEL" ]; then
	skip "live reads" "no kernel or no program; make test-linux has both"
else
	kinds+=(live)
fi

# The first round is complete, however little time there is.
for ((seed = SEED; ; seed++)); do
	is_time_left || is_any_wanted || break
	for kind in "${kinds[@]}"; do
		is_time_left || [ "$seed" -eq "$SEED" ] || is_wanted "$kind" || continue
		read -r -a words <<<"$kind"
		"${words[@]}" "$seed"
	done
done
summary "none failed"

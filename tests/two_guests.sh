#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Two guests of 1 GiB share 700 MiB of the host's memory: `mem set` gives each a part, and moves memory from one to the
# other and back while they work. What the files of their RAM hold together is sampled all the time, from outside. Both must
# end well and without a finding. Usage: [SEED=N] [SECONDS_WANTED=N] two_guests.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

SEED=${SEED:-1}
SECONDS_WANTED=${SECONDS_WANTED:-5}
BUDGET_MIB=700
SHARE_MIB=690 # of both: while memory moves, a batch may have come to one before the other has let go of its own
LEAST_MIB=200 # more than either of the workloads needs
most_kib=0
samples=0
moves=0

need_vm "two guests"
# At first the files hold all of it.
[ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -gt 3000 ] || {
	skip "two guests" "less than 3 GiB of memory available"
	finish
}
RANDOM=$SEED

# start_guest NAME WORKLOAD [OPTIONS]
start_guest()
{
	start "$1" "$PAGEVISOR" run --name "$1" --memory 1G --time 0 --quiet --seed "$SEED" --workload "$2" --append "${3:-}"
	within has_stage "$1" running || fail "$1 starts" "it did not get to running"
}

# What the RAM of a guest takes of the host's memory, in KiB; 0 if it cannot be seen.
file_kib()
{
	local pid file

	for pid in "${pids[$1]}" $(cat "/proc/${pids[$1]}/task/${pids[$1]}/children" 2>/dev/null); do
		for file in "/proc/$pid/fd"/*; do
			case $(readlink "$file") in
			/memfd:*) stat -L -c '%s %b' "$file" ;;
			esac
		done
	done 2>/dev/null | sort -n | awk '{ kib = $2 / 2 } END { print int(kib) }'
}

sample()
{
	local kib=$(($(file_kib one) + $(file_kib two)))

	samples=$((samples + 1))
	[ "$kib" -le "$most_kib" ] || most_kib=$kib
	[ "$kib" -le $((BUDGET_MIB * 1024)) ] || fail "the two stay in $BUDGET_MIB MiB" "they had $((kib / 1024)) MiB"
}

# set_target NAME MIB: waits until it is reached, and samples meanwhile.
set_target()
{
	"$PAGEVISOR" mem set "$1" "$2M" --wait --populate --older 100ms >"$WORK/set" 2>&1 &
	running_pid=$!
	while kill -0 "$running_pid" 2>/dev/null; do
		sample
		sleep 0.05
	done
	wait "$running_pid" || fail "a target of $2 MiB for $1" "$(cat "$WORK/set"; "$PAGEVISOR" mem show "$1")"
	running_pid=
}

# share MIB: so much for one, the rest for two; whoever gets less is first.
share()
{
	if [ "$1" -lt "$share" ]; then
		set_target one "$1"
		set_target two $((SHARE_MIB - $1))
	else
		set_target two $((SHARE_MIB - $1))
		set_target one "$1"
	fi
	share=$1
	moves=$((moves + 1))
}

start_guest one churn
start_guest two swing "low=2 high=12"
share=$((SHARE_MIB / 2))
for name in one two; do
	# As if it had touched all of its memory.
	"$PAGEVISOR" mem reclaim "$name" --all --older 0 >/dev/null
	"$PAGEVISOR" mem release "$name" --all --populate >/dev/null
	"$PAGEVISOR" mem set "$name" "${share}M" --wait --older 100ms >/dev/null
done
end_s=$((SECONDS + SECONDS_WANTED))
while { [ "$moves" -lt 3 ] || [ "$SECONDS" -lt "$end_s" ]; } && [ "$failed" -eq 0 ]; do
	share $((LEAST_MIB + RANDOM % (SHARE_MIB - 2 * LEAST_MIB)))
	sample
done
check "the two had at most $((most_kib / 1024)) of $BUDGET_MIB MiB in $samples samples, $moves moves" [ "$most_kib" -gt $((LEAST_MIB * 1024)) ]
for name in one two; do
	expect "check finds nothing in $name" 0 'out:^findings  none$' -- "$PAGEVISOR" check "$name"
	"$PAGEVISOR" stop "$name" >/dev/null 2>&1
	await "$name"
	judge "$name ends well" 0 'out:ended well' 'out:^findings  none$'
done
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# All benchmarks, one after the other: `make bench`. It runs to its end on any host, and closes with one table of all rows
# that have a bar: met, missed, not settled, not tried here and why; verdict.h says how they are judged. Status 0 also
# with missed bars, 1 if a benchmark broke. Usage: [BENCH_SMALL=1] [SECTIONS="NAME..."] all.sh [BUILD]
#
# BENCH_SMALL=1 runs everything with as little work as possible, in seconds, which shows that it works. The test part
# `bench` does this. SECTIONS picks sections by the first word of their names.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

BENCH=$ROOT/tests/bench
guest_memory=8G
guest_options=""

if [ -n "${BENCH_SMALL:-}" ]; then
	guest_memory=64M
	guest_options="frames=2048"
	export BENCH_SMALL TURNS=1 MEMORY_MIB=32
	export SCENARIOS=mix TRACE_SCENARIOS=churn BENCH_MS=200
	export SEEDS=1 PLANT=leak
fi

# The rows of bench-frames inside a guest. Its console is on stderr.
in_guest()
{
	local log=$WORK/bench-guest.log

	status=0
	"$PAGEVISOR" run --kernel "$BUILD/bench-guest.elf" --workload bench --memory "$guest_memory" --time 0 --scan-rate 1 \
		--append "host_cpus=$(nproc) $guest_options" 2>"$log" >/dev/null || status=$?
	sed -n '/^guest| ready:/d; /the guest runs in/p; s/^guest| //p' "$log"
	[ "$status" -eq 0 ] || tail -n 5 "$log" >&2
	return "$status"
}

# is_wanted NAME: whether SECTIONS asks for it.
is_wanted()
{
	[ -z "${SECTIONS:-}" ] || [[ " $SECTIONS " = *" ${1%%[ :]*} "* ]]
}

# section NAME PROBLEM COMMAND...: its output; or the problem, why it cannot run here. All goes to $WORK/log, too. A
# benchmark that breaks does not end the others.
section()
{
	local name=$1 problem=$2 result

	shift 2
	is_wanted "$name" || return 0
	echo "== $name"
	if [ -n "$problem" ]; then
		echo "all rows: not tried here: $problem"
	else
		"$@" 2>"$ERR"
		result=$?
		cat "$ERR" >&2
		[ "$result" -eq 0 ] || echo "all further rows: failed: status $result: $(tail -n 1 "$ERR")"
	fi
	echo
}

run_all()
{
	local no_vm

	no_vm=$(vm_problem)
	section "boot" "$no_vm" "$BUILD/bench-boot" "$PAGEVISOR"
	section "microvm: our VMM beside QEMU's" "" "$BENCH/microvm.sh" "$BUILD"
	section "host: frame operations" "" "$BUILD/bench-frames"
	section "growth" "" "$BUILD/bench-growth"
	section "inspect" "" "$BUILD/bench-inspect"
	section "noticed: what a guest notices" "$no_vm" "$BUILD/bench-guest-rows" "$PAGEVISOR"
	section "sources" "" "$BENCH/sources.sh" "$BUILD"
	section "linux: looks at Linux guests" "" "$BENCH/linux.sh" "$BUILD"
	section "guest: frame operations, 2 vCPUs, $guest_memory" "$no_vm" in_guest
	section "scenarios: in a guest, and by threads of the host" "$no_vm" "$BENCH/scenarios.sh" "$BUILD"
	section "reclaim: a guest whose free memory is the host's" "$no_vm" "$BENCH/reclaim.sh" "$BUILD"
	section "claims: the host's side of reclaim" "" "$BUILD/bench-claims"
	section "exits: a guest's returns to its VMM" "$(kvm_problem)" "$BUILD/bench-exits"
	section "detection: steps until planted faults are found, ${SEEDS:-5} seeds" "$no_vm" "$BENCH/detection.sh" "$BUILD"
}

run_all | tee "$WORK/log"
echo "== all rows with a bar"
awk -f "$BENCH/table.awk" "$WORK/log" | tee "$WORK/table"
tail -n 1 "$WORK/table" | grep -q ', 0 failed$'

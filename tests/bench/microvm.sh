#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Our VMM beside QEMU's microvm, QEMU's smallest machine: the same image on KVM, from exec to the guest's "ready", and
# the resident memory of each at that moment, without the guest's RAM. In turns; prints medians, and the verdict on
# the ratios of the turns. Needs /dev/kvm; a
# machine without it can use ../svm/run.sh. Usage: [TURNS=N] [MEMORY_MIB=N] microvm.sh [BUILD]
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=verdict_lib.sh
. "$(dirname "$0")/verdict_lib.sh"

TURNS=${TURNS:-5}
MEMORY_MIB=${MEMORY_MIB:-64}
TIME_BAR=0.5
MEMORY_BAR=0.1
PATIENCE=120 # seconds to wait for a line of the guest

ours()
{
	exec "$PAGEVISOR" run --accel kvm --memory "${MEMORY_MIB}M" --cpus 1 --time 0
}

microvm()
{
	exec qemu-system-x86_64 -accel kvm -machine microvm,memory-backend=mem -m "${MEMORY_MIB}M" -smp 1 \
		-object "memory-backend-memfd,id=mem,size=${MEMORY_MIB}M" -nodefaults -display none -serial stdio \
		-no-reboot -kernel "$GUEST" -append "$1"
}

# The guest's RAM is a memfd for both, so it is the shared part of resident memory.
own_kib()
{
	awk '/^Rss(Anon|File):/ { sum += $2 } END { print sum }' "/proc/$1/status"
}

# The kernel's command line, the same in QEMU as our own command passes.
guest_options="workload=churn time_ms=0"
[ "$(uname -m)" = x86_64 ] && grep -qE '^flags.* (vmx|svm)' /proc/cpuinfo || guest_options="$guest_options ring=3"

# boot NAME: adds a line to $WORK/NAME.ms and one to $WORK/NAME.kib.
boot()
{
	local start=$EPOCHREALTIME line ready=

	mkfifo "$WORK/console"
	"$1" "$guest_options" >"$WORK/console" 2>&1 </dev/null &
	running_pid=$!
	exec 3<"$WORK/console"
	rm "$WORK/console"
	while [ -z "$ready" ] && IFS= read -r -t "$PATIENCE" line <&3; do
		[[ $line != *ready:* ]] || ready=$EPOCHREALTIME
	done
	[ -n "$ready" ] || {
		echo "microvm.sh: $1 does not boot: ${line:-it says nothing}" >&2
		exit 1
	}
	own_kib "$running_pid" >>"$WORK/$1.kib"
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	exec 3<&-
	awk -v from="$start" -v to="$ready" 'BEGIN { printf "%.1f\n", (to - from) * 1000 }' >>"$WORK/$1.ms"
}

# row WHAT UNIT-OF-FILE DIVISOR BAR
row()
{
	awk -v what="$1" -v ours="$(median <"$WORK/ours.$2")" -v qemu="$(median <"$WORK/microvm.$2")" -v unit="$3" '
		BEGIN { printf "%-22s  %10.1f %10.1f ", what, ours / unit, qemu / unit }'
	ratios "$WORK/ours.$2" "$WORK/microvm.$2" | verdict "<=" "$4"
}

problem=$(kvm_problem)
command -v qemu-system-x86_64 >/dev/null || problem="no qemu-system-x86_64"
if [ -n "$problem" ]; then
	not_tried "exec to ready" "$problem"
	not_tried "own memory" "$problem"
	exit 0
fi
for ((turn = 0; turn < TURNS; turn++)); do
	boot ours
	boot microvm
done
printf '%-22s  %10s %10s  %8s %s\n' "${MEMORY_MIB} MiB, 1 vCPU, KVM" "our VMM" microvm ratio "[interval] bar"
row "exec to ready, ms" ms 1 "$TIME_BAR"
row "own memory, MiB" kib 1024 "$MEMORY_BAR"

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs a command on a machine with SVM, and so with a mainline /dev/kvm where ring 0 is native: QEMU's TCG emulates the
# machine, which runs Debian's kernel over this machine's own files and cannot change them. What the command writes is
# gone afterwards; what it prints comes back over the serial console. The exit status is the command's.
# Usage: run.sh [-t SECONDS] [-m MEMORY] [-q SECONDS] [-e PATTERN] COMMAND...
#
#     -t      time limit of the command (default 900); status 124 when it takes longer
#     -m      RAM of the machine (default 3G)
#     -q      a machine that prints nothing for this long, except its kernel's messages about that, has locked up
#             (default 120)
#     -e      if a failed command printed a line matching this extended regular expression, the emulator is to blame
#
# With its two CPUs on two threads the emulator locks up now and then, and more rarely gives a guest a page fault for a
# page that is mapped. Then the command is tried again, three times in all. The last try uses one thread: it is slower,
# has neither problem, and its result is final.
set -uo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
IMAGE=${SVM_IMAGE:-$ROOT/build/svm}
TRIES=3
limit=900
memory=3G
quiet=120
emulator_fault=

while getopts t:m:q:e: option; do
	case $option in
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	q) quiet=$OPTARG ;;
	e) emulator_fault=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || {
	echo "usage: run.sh [-t SECONDS] [-m MEMORY] [-q SECONDS] [-e PATTERN] COMMAND..." >&2
	exit 2
}

work=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-svm.XXXXXX")
qemu_pid=
trap '[ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The script that the machine runs: this command, in this folder, with a directory for temporary files in RAM.
{
	printf 'export HOME=/root PATH=%q TERM=dumb PAGEVISOR_SVM=1 TMPDIR=/run\n' "$PATH"
	printf 'ip link set lo up 2>/dev/null\ncd %q || exit 126\n' "$PWD"
	printf '%q ' "$@"
	echo
} >"$work/script"
(cd "$work" && echo script | cpio --quiet -o -H newc) >"$work/script.cpio"
cat "$IMAGE/initramfs.cpio" "$work/script.cpio" >"$work/initramfs" || exit 1

# boot multi|single: one try. Sets $status to the command's exit status; empty when it took too long, or the machine
# locked up. Sets $doubted when a line of its output casts doubt on the emulator.
boot()
{
	local line started='' now=$SECONDS
	local deadline=$((now + limit)) quiet_until=$((now + quiet))

	status='' doubted=''
	mkfifo "$work/console"
	qemu-system-x86_64 -accel "tcg,thread=$1" -cpu EPYC,+svm -smp 2 -m "$memory" -nodefaults -display none \
		-serial stdio -no-reboot -kernel "$IMAGE/vmlinuz" -initrd "$work/initramfs" \
		-append "console=ttyS0 quiet panic=-1 nokaslr mitigations=off tsc=reliable" \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host \
		</dev/null >"$work/console" 2>"$work/qemu.log" &
	qemu_pid=$!
	exec 3<"$work/console"
	rm "$work/console"
	while now=$SECONDS && [ "$now" -lt "$deadline" ] && [ "$now" -lt "$quiet_until" ] &&
		IFS= read -r -t "$((quiet_until - now))" line <&3; do
		line=${line%$'\r'}
		# From the kernel, which keeps reporting that a CPU has locked up.
		[[ $line =~ ^\[\ *[0-9]+\.[0-9]+\]\  ]] || quiet_until=$((SECONDS + quiet))
		[ -z "$emulator_fault" ] || [[ ! $line =~ $emulator_fault ]] || doubted=1
		case $line in
		"svm: started"*) started=1 ;;
		"svm: status "*) status=${line#svm: status } && break ;;
		*) [ -z "$started" ] && [[ $line != svm:* ]] || printf '%s\n' "$line" ;;
		esac
	done
	exec 3<&-
	kill -KILL "$qemu_pid" 2>/dev/null
	wait "$qemu_pid" 2>/dev/null
	qemu_pid=
	[ -n "$started" ] || grep -v 'TCG doesn.t support requested feature' "$work/qemu.log" >&2
}

for ((try = 1; try <= TRIES; try++)); do
	[ "$try" -lt "$TRIES" ] && threads=multi || threads=single
	boot "$threads"
	why="without a status"
	if [ -n "$status" ]; then
		[ "$status" -ne 0 ] && [ -n "$doubted" ] && [ "$try" -lt "$TRIES" ] || exit "$status"
		why="with status $status, and maybe by the emulator's fault"
	fi
	echo "svm: try $try of $TRIES ended $why (TCG with $threads thread)"
done
exit 124

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# `pagevisor run --accel`: guests in a stock QEMU, the default choice, the same work on KVM and in TCG, and QEMUs that
# are missing, refuse, stall or die. Nothing may be left behind. Usage: accel.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

TCG=("$PAGEVISOR" run --accel qemu-tcg)
REAL_QEMU=$(command -v qemu-system-x86_64)

# PIDs of the QEMUs started by this script: they have its runtime directory in their environment.
qemus()
{
	local file

	grep -lsaF "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" /proc/[0-9]*/environ | while read -r file; do
		case $(readlink "${file%/environ}/exe") in */qemu-system-*) basename "${file%/environ}" ;; esac
	done
}

no_qemu_runs()
{
	[ -z "$(qemus)" ]
}

no_qemu_is_left()
{
	within no_qemu_runs
}

no_socket_is_left()
{
	[ -z "$(find "$XDG_RUNTIME_DIR" -type s)" ]
}

test_options()
{
	local accel

	for accel in xen KVM tcg ''; do
		expect "--accel '$accel'" 2 'err:--accel .*: expected kvm, qemu, qemu-tcg or auto' -- \
			"$PAGEVISOR" run --accel "$accel"
	done
	expect "more RAM than any guest gets" 2 'err:--memory 65G' -- "${TCG[@]}" --memory 65G
	expect "RAM that QEMU does not take" 1 'err:QEMU needs memory in multiples of 8 KiB; 20484 KiB' -- \
		"${TCG[@]}" --memory 20484K
	if is_sanitized; then
		skip "RAM that the system does not give" "a sanitizer takes more than any limit"
		return
	fi
	expect "RAM that the system does not give" 1 'err:^pagevisor: .*Cannot allocate memory' -- \
		bash -c 'ulimit -v 4000000; exec "$@"' sh "${TCG[@]}" --memory 32G
}

# with_program TEXT: prints a directory to search for programs, in which QEMU is a file with that text.
with_program()
{
	mkdir -p "$WORK/bin"
	printf '%b' "$1" >"$WORK/bin/qemu-system-x86_64"
	chmod 755 "$WORK/bin/qemu-system-x86_64"
}

test_bad_programs()
{
	expect "no QEMU" 1 'err:^pagevisor: no qemu-system-x86_64 in PATH; install' -- \
		env PATH="$WORK/none" "${TCG[@]}"
	check "no QEMU: one line" says_one_line
	with_program '\177ELF'
	expect "a QEMU that is no program" 1 'err:^pagevisor: cannot start .*qemu-system-x86_64: ' -- \
		env PATH="$WORK/bin" "${TCG[@]}"
	check "a QEMU that is no program: one line" says_one_line
	with_program '#!/bin/sh\necho some words >&2\necho no such \\033[31mmachine >&2\nexit 1\n'
	expect "a QEMU that refuses" 1 'err:^pagevisor: QEMU does not run the guest: no such .*machine$' -- \
		env PATH="$WORK/bin:$PATH" "${TCG[@]}"
	check "a QEMU that refuses: one line" says_one_line
	check "a QEMU that refuses: plain text" is_plain_text "$ERR"
	with_program "#!/bin/sh\ncase \"\$*\" in *-sandbox*) echo \"There is no option group 'sandbox'\" >&2; exit 1 ;; esac\nexec \"$REAL_QEMU\" \"\$@\"\n"
	expect "a QEMU without a sandbox runs without" 0 'err:^pagevisor: this QEMU has no sandbox' 'out:ended well$' -- \
		env PATH="$WORK/bin:$PATH" "${TCG[@]}" --memory 32M --ops 1000
	check "it is said once" [ "$(grep -c sandbox "$ERR")" -eq 1 ]
	with_program '#!/bin/sh\necho nonsense >&5\nexec sleep 100\n'
	expect "a QEMU that speaks nonsense" 1 'err:^pagevisor: QEMU does not run the guest: ' -- \
		env PATH="$WORK/bin:$PATH" "${TCG[@]}"
	check "a QEMU that speaks nonsense: one line" says_one_line
}

# The default on a machine without KVM, in a mount namespace.
test_choice()
{
	local hidden='mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"'

	if [ "$(id -u)" -ne 0 ] || ! unshare -m mount -t tmpfs none /mnt 2>"$ERR"; then
		skip "the choice without /dev/kvm" "only root may make a mount namespace"
		return
	fi
	expect "QEMU's TCG without /dev/kvm" 0 'err:^no /dev/kvm here; the guest runs in QEMU.s TCG' \
		"out:^guest     32 MiB, 2 vCPUs, ring 0, QEMU's TCG, " -- \
		unshare -m sh -c "$hidden" sh "$PAGEVISOR" run --memory 32M --ops 1000
	check "it is said once" [ "$(grep -c "no /dev/kvm" "$ERR")" -eq 1 ]
	expect "neither /dev/kvm nor QEMU" 1 'err:^pagevisor: no /dev/kvm here; load .*; no qemu-system-x86_64 in PATH; install ' -- \
		unshare -m sh -c "$hidden" sh env PATH="$WORK/none" "$PAGEVISOR" run
	check "neither: one line" says_one_line
	expect "--accel kvm does without QEMU" 1 'err:^pagevisor: no /dev/kvm here; load' -- \
		unshare -m sh -c "$hidden" sh "$PAGEVISOR" run --accel kvm
	expect "--accel qemu wants KVM, too" 1 'err:^pagevisor: QEMU does not run the guest: .*[Kk][Vv][Mm]' -- \
		unshare -m sh -c "$hidden" sh "$PAGEVISOR" run --accel qemu
}

# boots NAME OPTION...: the guest must end well, must have worked, and must have broken no invariant.
boots()
{
	local name=$1

	shift
	expect "$name" 0 'out:"result":"the guest ended well"' 'out:"finding_count":0,' \
		'out:"accelerator":"qemu-tcg"' 'out:"allocations":[1-9]' 'out:"stage":"finished"' \
		'out:"failures":0' 'out:"has_lists":true' 'out:"has_references":true' \
		'!stray_accesses' -- "${TCG[@]}" --json "$@"
}

test_guests()
{
	local workload

	boots "64M, 1 vCPU" --memory 64M --cpus 1 --ops 20000
	boots "64M, 4 vCPUs" --memory 64M --cpus 4 --ops 5000
	boots "3.5 GiB: a part of it above 4 GiB" --memory 3584M --ops 5000
	boots "6 GiB, sparse" --memory 6G --ops 5000
	boots "16M, ring 3" --memory 16M --ring 3 --ops 5000
	for workload in segments lists unique torn; do
		boots "$workload" --workload "$workload" --memory 32M --ops 10000
	done
	for workload in segments lists unique; do
		boots "$workload, alone in a small memory" --workload "$workload" --memory 16M --cpus 1 \
			--ops 200000
		check "$workload: memory runs out" grep -q '"refusals":[1-9]' "$OUT"
	done
	boots "a command line with commas and blanks" --memory 16M --ops 1000 --workload mix \
		--append " mix=churn,lists,trees  order=cpu"
	# The engine looks at the stages now and then: a guest that soon ends may have left one unseen.
	expect "the time of the last stage of the boot" 0 'out:"stage":"running",$' 'out:"at_seconds":[0-9.]*[1-9]' -- \
		"${TCG[@]}" --json --memory 16M --time 3
}

test_failures()
{
	expect "a triple fault, with its place" 3 \
		'out:^result    the guest reset its machine, .*: vCPU 0 at rip 0x10[0-9a-f]+' -- \
		"${TCG[@]}" --kernel "$GUESTS/triple_fault.elf" --memory 16M
	expect "a kernel that panics" 3 "out:^result    the guest's kernel panicked" \
		'err:^guest. panic on cpu 1' -- \
		"${TCG[@]}" --memory 32M --workload fault --append fault=panic
	expect "why and where it panicked, quiet" 3 'out:^panic     on CPU 1: asked to panic on cpu 1$' \
		'out:^backtrace 0xffffffff8[0-9a-f]{7} \(end_in_panic\+0x' '!out:^registers' '!err:addr2line' -- \
		"${TCG[@]}" --memory 32M --workload fault --append fault=panic --quiet
	expect "an exception in JSON" 3 'out:"reason":"page fault",' 'out:"vector":14,' 'out:"error_code":"0x[26]"' \
		'out:"rip":"0xffffffff8[0-9a-f]{7}",' 'out:"cr2":"0x6eadbeef0000"' \
		'out:"function":"page_fault",' -- \
		"${TCG[@]}" --memory 32M --workload fault --append fault=page_fault --json --quiet
	expect "an option that the guest refuses" 2 'err:fault needs the option fault=' \
		'out:^result    the guest refused an option' -- "${TCG[@]}" --memory 32M --workload fault
	expect "a fault that ends the guest cannot linger" 2 'err:linger=1: the guest does not survive this fault' -- \
		"${TCG[@]}" --memory 32M --workload fault --append "fault=double_put linger=1"
	expect "a guest that hangs" 3 'out:had not ended after 3 s' -- \
		"${TCG[@]}" --memory 32M --workload fault --append fault=hang --timeout 3
	expect "a kernel that ends at once" 0 'out:ended well' -- \
		"${TCG[@]}" --memory 64M --kernel "$GUESTS/big_bss.elf"
	expect "a kernel that does not fit" 2 'err:more memory' -- \
		"${TCG[@]}" --memory 16M --kernel "$GUESTS/big_bss.elf"
	expect "a leak is found" 4 'out:leaked_frame: ' -- \
		"${TCG[@]}" --memory 32M --workload fault --append fault=leak
}

# What a report in JSON says that the guest counted.
work_with()
{
	run_command "$PAGEVISOR" run --memory 16M --cpus 1 --ops 20000 --json "$@"
	sed -n '/"counters":/,/}/p' "$OUT"
}

differ()
{
	! cmp -s "$1" "$2"
}

test_same_work()
{
	work_with --accel qemu-tcg --seed 7 >"$WORK/first"
	work_with --accel qemu-tcg --seed 7 >"$WORK/second"
	work_with --accel qemu-tcg --seed 8 >"$WORK/other"
	check "the report counts the work" grep -q '"allocations":[1-9]' "$WORK/first"
	check "the same seed does the same work" cmp -s "$WORK/first" "$WORK/second"
	check "another seed does other work" differ "$WORK/first" "$WORK/other"
	if [ -n "$(kvm_problem)" ]; then
		skip "the same seed does the same work on KVM" "$(kvm_problem)"
		return
	fi
	work_with --accel kvm --seed 7 >"$WORK/second"
	check "the same seed does the same work on KVM" cmp -s "$WORK/first" "$WORK/second"
	run_command "$PAGEVISOR" run --accel qemu --memory 32M --ops 1000 --json
	# KVM without all that QEMU takes for granted, such as one by page tables alone.
	if grep -q 'kvm_buf_set_msrs: Assertion' "$ERR"; then
		skip "QEMU with KVM" "QEMU ends itself on this host's KVM, by an assertion of its own"
		return
	fi
	judge "QEMU with KVM" 0 'out:"accelerator":"qemu"' 'out:"finding_count":0,'
}

# start NAME OPTION...: starts a guest in the background and waits until it runs. Its QEMU is $qemu.
start()
{
	local name=$1

	shift
	"${TCG[@]}" --name "$name" --memory 32M --time 0 "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null &
	running_pid=$!
	within has_stage "$name" running
	qemu=$(qemus)
}

# ended NAME STATUS PATTERN...: judges how the guest of `start` ended.
ended()
{
	status=0
	wait "$running_pid" 2>/dev/null || status=$?
	running_pid=
	last_command=("${TCG[@]}" "in the background")
	cp "$WORK/run.out" "$OUT"
	cp "$WORK/run.err" "$ERR"
	judge "$@"
}

is_stopped()
{
	grep -q '^State:.*stopped' "/proc/$1/status"
}

test_stalled()
{
	start stalls
	check "a core dump of QEMU leaves the RAM out" dumps_no_ram "$qemu"
	kill -STOP "$qemu"
	within is_stopped "$qemu"
	expect "a QEMU that stands still can be looked at" 0 'out:^frames    8[0-9]+ of RAM, ' -- "$PAGEVISOR" stat stalls
	expect "but not paused" 1 'err:^pagevisor: ' -- "$PAGEVISOR" check stalls
	check "but not paused: one line" says_one_line
	kill -CONT "$qemu"
	expect "when it goes on, it can" 0 'out:^findings  none' -- "$PAGEVISOR" check stalls
	expect "a capture is copied in the pause" 0 'out:^paused .*whole copy' -- \
		"$PAGEVISOR" capture --force "$WORK/a.pvc" stalls
	kill -INT "$running_pid"
	ended "and the guest ends in good order" 0 'out:ended well' 'out:^findings  none'
	check "no socket is left" no_socket_is_left
	check "no QEMU is left" no_qemu_is_left
}

test_killed()
{
	start dies
	kill -KILL "$qemu"
	ended "QEMU is killed" 3 'err:^pagevisor: QEMU was killed by signal 9 \(Killed\)$' \
		'out:^result    QEMU was killed by signal 9' 'out:^allocated'
	check "no socket is left by it" no_socket_is_left
	start dies
	kill -KILL "$running_pid"
	ended "the command is killed" 137
	check "QEMU is gone with it" no_qemu_is_left
	"$PAGEVISOR" ps >/dev/null
	start hangs --workload fault --append fault=hang --time 0
	kill -INT "$running_pid"
	within grep -q 'asking the guest to end' "$WORK/run.err"
	kill -TERM "$running_pid"
	ended "a second signal ends a guest that hangs" 143 'out:stopped by signal 15'
	check "and its QEMU" no_qemu_is_left
}

# clock OF: the frequency that a guest worked out for its clock, from the report in that file.
clock()
{
	sed -nE 's/.*"tsc_khz": *([0-9]+).*/\1/p' "$1"
}

clock_is_near()
{
	awk -v a="$(clock "$OUT")" -v b="$(clock "$WORK/steady")" 'BEGIN { exit !(a > 0 && a < b * 1.25 && b < a * 1.25) }'
}

# QEMU runs now and then only: it is stopped for 100 ms of each 120.
start_by_fits()
{
	local qemu

	"${last_command[@]}" >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	while kill -0 "$running_pid" 2>/dev/null; do
		qemu=$(pgrep -P "$running_pid" qemu-system)
		[ -z "$qemu" ] || kill -STOP "$qemu"
		sleep 0.1
		[ -z "$qemu" ] || kill -CONT "$qemu"
		sleep 0.02
	done 2>/dev/null
	wait "$running_pid"
	status=$?
	running_pid=
}

# The guest compares its clock with a timer that wraps every 55 ms.
test_clock()
{
	local try

	last_command=("${TCG[@]}" --json --quiet --memory 16M --cpus 1 --ops 100)
	expect "a guest's clock" 0 'out:"tsc_khz": *[1-9]' -- "${last_command[@]}"
	cp "$OUT" "$WORK/steady"
	for try in 1 2 3 4 5 6; do
		start_by_fits
		judge "a guest that starts by fits, try $try" 0
		check "has the same clock" clock_is_near
	done
}

# On a terminal a line shows how far the guest has come, and makes room for the report.
test_progress()
{
	local run="\"$PAGEVISOR\" run --accel qemu-tcg --memory 4G --cpus 1 --time 1 --scan-rate 100"

	expect "progress of a run" 0 'out:\[K +[0-9.]+ s boots +[0-9]+ of 1310720 frames initialised \([0-9]+ %\)' \
		'out:\[K +[0-9.]+ s running +findings 0  in use [0-9]+/1048528 ' 'out:\[Kresult    the guest ended well$' -- \
		bash -c "$(on_terminal 120 24 "$run")"
	expect "on a dumb terminal in lines" 0 '!out:\[K|initialised' 'out:^ *[0-9.]+ s .* findings 0 ' 'out:^result    the' -- \
		bash -c "$(on_terminal 120 24 "TERM=dumb $run --time 3")"
}

test_options
test_bad_programs
command -v qemu-system-x86_64 >/dev/null || {
	skip "guests in QEMU" "no qemu-system-x86_64 here"
	finish
}
need_guests
test_choice
test_guests
test_failures
test_same_work
test_stalled
test_killed
test_clock
test_progress
check "nothing is left behind" no_qemu_is_left
finish

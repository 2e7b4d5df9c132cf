#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# dump from the command line: cores of guests in QEMU and of our own VMs, in gdb and as a VM again; what is left out; files that
# are there, full disks and signals. Usage: dump.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

QEMU="qemu-system-x86_64"
LINEAR_BASE=0xffff888000000000

qmp=$WORK/qmp
monitor=$WORK/monitor

test_bad_input()
{
	expect "dump of nothing" 2 'err:expected a VM and a CORE to write' -- "$PAGEVISOR" dump
	expect "dump without a file" 2 'err:expected a VM and a CORE to write' -- "$PAGEVISOR" dump one
	expect "dump to standard output" 2 'err:cannot go to standard output' -- "$PAGEVISOR" dump one -
	expect "dump to two files" 2 "err:unexpected argument 'b'" -- "$PAGEVISOR" dump one a b
	expect "dump of no VM" 1 'err:no VM named .nobody.; pagevisor ps' -- "$PAGEVISOR" dump nobody "$WORK/x.core"
	check "dump of no VM: no file" [ ! -e "$WORK/x.core" ]
}

# The monitor reads what is written to descriptor 9.
start_qemu()
{
	mkfifo "$monitor"
	exec 9<>"$monitor"
	"$QEMU" -kernel "$GUEST" -nodefaults -display none -serial "file:$WORK/console" -no-reboot -accel tcg -smp 3 \
		-machine q35,memory-backend=mem -object memory-backend-memfd,id=mem,size=64M,share=on \
		-qmp "unix:$qmp,server=on,wait=off" -monitor stdio -append "workload=churn time_ms=3600000" \
		<"$monitor" >"$WORK/qemu.log" 2>&1 &
	pids[qemu]=$!
	within grep -q '^ready:' "$WORK/console" || { fail "QEMU starts" "its guest did not get ready"; finish; }
}

# in_gdb CORE COMMAND...: the output is $OUT, without gdb's warnings.
in_gdb()
{
	local core=$1 command arguments=()

	shift
	for command in "$@"; do arguments+=(-ex "$command"); done
	run_command gdb -q -batch -nx "${arguments[@]}" "$GUEST" "$core"
}

# number_in_gdb CORE EXPRESSION
number_in_gdb()
{
	in_gdb "$1" "print/d $2"
	sed -n 's/^[$]1 = //p' "$OUT"
}

# The data of the file's pages at these physical addresses, which lie in the first region.
page_of()
{
	dd if="$1" bs=4096 skip=$(((first_offset + $2) / 4096)) count=1 status=none
}

# Whether a page of the file is zero.
is_zero_page()
{
	page_of "$1" "$2" | cmp -s -n 4096 - /dev/zero
}

# tally FILE: the counts of all frames.
tally()
{
	"$PAGEVISOR" stat --json "$1" 2>/dev/null | jq -c .tally
}

test_threads()
{
	local cpu

	in_gdb "$WORK/a.core" 'info threads' 'thread apply all bt'
	judge "gdb knows each vCPU" 0 'out:^. *1 +LWP 1 ' 'out:^ *2 +LWP 2 ' 'out:^ *3 +LWP 3 '
	check "as a thread" [ "$(grep -c '^Thread [0-9]' "$OUT")" -eq 3 ]
	sed -n '/^Thread 1 /,$p' "$OUT" >"$WORK/first"
	check "the callers of vCPU 0 go back to the kernel's beginning" grep -q ' in kmain ' "$WORK/first"
	check "with its arguments' names" grep -q ' in kmain (start_info_pa=' "$WORK/first"
	for cpu in 2 3; do
		sed -n "/^Thread $cpu /,/^\$/p" "$OUT" >"$WORK/next"
		check "those of vCPU $((cpu - 1)) to its start" grep -q ' in ap_main ' "$WORK/next"
	done
	check "all of them run the workload" [ "$(grep -c ' in run_worker ' "$OUT")" -eq 3 ]
}

# What gdb prints of the guest's own variables is what the metadata says.
test_variables()
{
	local frames slots

	frames=$(tally "file:$WORK/a.core" | jq .total_frames)
	slots=$(number_in_gdb "$WORK/a.core" guest_info.slot_count)
	check "the number of slots" [ "$slots" -eq "$frames" ]
	slots=$(number_in_gdb "$WORK/a.core" 'frame_pool.managed')
	run_command "$PAGEVISOR" top --json --count 1 "file:$WORK/a.core"
	check "a variable of the allocator is plausible" [ "$slots" -gt $((frames / 2)) -a "$slots" -lt "$frames" ]
	# Slot 1 through the array, the linear mapping, and the file.
	slots=$(number_in_gdb "$WORK/a.core" "*(unsigned long *)(guest_info.array_va + 64 + 56)")
	check "a slot at the array's address" \
		[ "$slots" = "$(number_in_gdb "$WORK/a.core" "*(unsigned long *)(guest_info.linear_va + guest_info.array_pa + 64 + 56)")" ]
}

test_segments()
{
	run_command readelf -lW "$WORK/a.core"
	judge "readelf reads it" 0 'out:CORE' "out: LOAD +0x[0-9a-f]+ $LINEAR_BASE 0x0000000000000000 0x0*4000000 0x0*4000000 " \
		'out: LOAD +0x[0-9a-f]+ 0xffffffff80[0-9a-f]+ 0x0'
	first_offset=$(awk -v "base=$LINEAR_BASE" '$1 == "LOAD" && $3 == base {print $2}' "$OUT")
	first_offset=$((first_offset))
	run_command readelf -nW "$WORK/a.core"
	judge "and its notes" 0 'out:CORE +0x00000150.*NT_PRSTATUS' 'out:QEMU +0x000001b8' '!(rror|orrupt)'
	check "with one for each vCPU" [ "$(grep -c NT_PRSTATUS "$OUT")" -eq 3 ]
	check "only its owner may read it" [ "$(stat -c %a "$WORK/a.core")" = 600 ]
	check "it is sparse" [ "$(du -k "$WORK/a.core" | cut -f 1)" -lt 32768 ]
}

# Of the guest that stands still both cores are of one instant.
test_left_out()
{
	local pa zeroes=0 others=0 frames=0

	for pa in $("$PAGEVISOR" find 'free' "file:$WORK/a.core" --json 2>/dev/null | jq -r '.frames[].address' | head -n 400); do
		frames=$((frames + 1))
		is_zero_page "$WORK/a.core" "$pa" && zeroes=$((zeroes + 1))
		is_zero_page "$WORK/all.core" "$pa" || others=$((others + 1))
	done
	check "there are free frames" [ "$frames" -gt 100 ]
	check "free frames are left out" [ "$zeroes" -eq "$frames" ]
	check "and have contents with --all" [ "$others" -gt 0 ]
	for pa in $("$PAGEVISOR" find 'type==page_table' "file:$WORK/a.core" --json 2>/dev/null | jq -r '.frames[].address' | head -n 50); do
		cmp -s <(page_of "$WORK/a.core" "$pa") <(page_of "$WORK/all.core" "$pa") || {
			fail "frames in use are the same in both" "not that at $pa"
			return
		}
	done
	pass "frames in use are the same in both"
}

# The core as a VM.
test_again()
{
	expect "stat of a core" 0 'out:, 3 vCPUs, ' 'out:^findings  none' -- "$PAGEVISOR" stat "file:$WORK/a.core"
	expect "check of a core" 0 'out:^findings  none' -- "$PAGEVISOR" check "file:$WORK/a.core"
	check "a core has the counts of a capture" [ "$(tally "file:$WORK/a.core")" = "$(tally "$WORK/a.pvc")" ]
	check "so has one with all frames" [ "$(tally "file:$WORK/all.core")" = "$(tally "$WORK/a.pvc")" ]
	expect "dump of a core" 0 'out:^registers of 3 vCPUs' 'out:^paused +not at all' -- \
		"$PAGEVISOR" dump "file:$WORK/a.core" "$WORK/b.core"
	in_gdb "$WORK/a.core" 'thread apply all info registers rip rsp rbx r15 cs'
	cp "$OUT" "$WORK/registers"
	in_gdb "$WORK/b.core" 'thread apply all info registers rip rsp rbx r15 cs'
	check "its threads have the same registers" cmp -s "$OUT" "$WORK/registers"
	expect "dump of a capture of all memory" 0 'out:^registers none, and no threads: ' -- \
		"$PAGEVISOR" dump "$WORK/full.pvc" "$WORK/c.core"
	check "the core says so" grep -aq '^registers=none: ' "$WORK/c.core"
	check "but has the memory" [ "$(tally "file:$WORK/c.core")" = "$(tally "$WORK/a.pvc")" ]
	expect "dump of a capture of the metadata" 2 'err:holds the metadata alone' -- \
		"$PAGEVISOR" dump "$WORK/a.pvc" "$WORK/d.core"
	check "it leaves nothing" [ ! -e "$WORK/d.core" ]
}

is_written()
{
	[ -s "$1" ] && "$PAGEVISOR" stat "file:$1"
}

# QEMU's own core has the same registers.
test_qemus_own()
{
	echo "dump-guest-memory $WORK/qemu.elf" >&9
	within is_written "$WORK/qemu.elf"
	expect "dump of QEMU's own core" 0 'out:^registers of 3 vCPUs' -- \
		"$PAGEVISOR" dump "file:$WORK/qemu.elf" "$WORK/e.core"
	in_gdb "$WORK/e.core" 'thread apply all info registers rip rsp rbx r15 cs'
	check "its threads have the registers that QEMU's monitor told" cmp -s "$OUT" "$WORK/registers"
	check "and its memory is the same" [ "$(tally "file:$WORK/e.core")" = "$(tally "$WORK/a.pvc")" ]
}

test_qemu()
{
	if ! command -v "$QEMU" >/dev/null || ! command -v gdb >/dev/null; then
		skip "cores of QEMUs" "no $QEMU, or no gdb"
		return
	fi
	start_qemu
	expect_pause "dump of a guest that runs" 0 'out:^registers of 3 vCPUs, a thread for each' 'out:^left out  free frames' \
		'out:for the whole copy' -- "$PAGEVISOR" dump "qemu:$qmp" "$WORK/run.core"
	in_gdb "$WORK/run.core" 'thread apply all bt'
	check "each vCPU runs the workload" [ "$(grep -c ' in run_worker ' "$OUT")" -eq 3 ]
	echo stop >&9
	sleep 1
	expect "capture, of the same instant" 0 -- "$PAGEVISOR" capture "$WORK/a.pvc" "qemu:$qmp"
	expect "capture of all memory" 0 -- "$PAGEVISOR" capture --all-memory "$WORK/full.pvc" "qemu:$qmp"
	expect "dump" 0 'out:^registers of 3 vCPUs' -- "$PAGEVISOR" dump "qemu:$qmp" "$WORK/a.core"
	expect "dump, --all and --json" 0 'out:"threads":3' 'out:"left_out_bytes":0' -- \
		"$PAGEVISOR" dump --all --json "qemu:$qmp" "$WORK/all.core"
	test_segments
	test_threads
	test_variables
	test_left_out
	test_again
	test_qemus_own
	# By pid alone there is no pause.
	expect "dump by pid" 1 'err:can only be paused through QMP' -- "$PAGEVISOR" dump "qemu:${pids[qemu]}" "$WORK/pid.core"
	exec 9>&-
	stop qemu
}


has_more_steps()
{
	[ "$("$PAGEVISOR" stat "$1" --json 2>/dev/null | jq '[.. | .steps? // empty] | max')" -gt "$2" ]
}

# Whether the guest makes progress.
goes_on()
{
	within has_more_steps "$1" "$("$PAGEVISOR" stat "$1" --json 2>/dev/null | jq '[.. | .steps? // empty] | max')"
}

only_file_is()
{
	[ "$(ls -A "$1")" = "$2" ]
}

test_files()
{
	local folder=$WORK/folder name

	mkdir "$folder"
	echo old >"$folder/a.core"
	expect "a file is not replaced unasked" 2 'err:a.core exists; --force replaces it' -- \
		"$PAGEVISOR" dump one "$folder/a.core"
	check "a file is not replaced unasked: it is unchanged" grep -q '^old$' "$folder/a.core"
	expect "a limit on the size of files" 1 'err:File too large' -- \
		bash -c "ulimit -f 8; exec $PAGEVISOR dump --force one $folder/a.core"
	check "it leaves what was there" grep -q '^old$' "$folder/a.core"
	check "and nothing else" only_file_is "$folder" a.core
	expect_pause "with --force it is replaced" 0 'out:^core ' -- "$PAGEVISOR" dump --force one "$folder/a.core"
	check "by the core alone" only_file_is "$folder" a.core
	expect "that is one" 0 'out:^findings  none' -- "$PAGEVISOR" stat "file:$folder/a.core"
	rm "$folder/a.core"
	expect "a folder that is not there" 1 'err:cannot create' -- "$PAGEVISOR" dump one "$folder/none/a.core"
	expect "a device is not replaced" 2 'err:is not a file' -- "$PAGEVISOR" dump one /dev/null
	if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
		expect "a full disk" 1 'err:cannot write the core: No space left' 'out:^only old$' -- \
			unshare -m bash -c "mount -t tmpfs -o size=64k tmpfs $folder && cd $folder && echo x >old &&
				{ $PAGEVISOR dump one $folder/a.core; status=\$?; echo only *; exit \$status; }"
	else
		skip "a full disk" "only root can mount a small one"
	fi
	if command -v strace >/dev/null && strace -o /dev/null true 2>"$ERR"; then
		for name in INT TERM HUP QUIT; do
			expect "SIG$name" $((128 + $(kill -l "$name"))) -- strace -f -qq -o /dev/null -e trace=pwrite64 \
				-e "inject=pwrite64:signal=$name:when=4" "$PAGEVISOR" dump one "$folder/a.core"
			check "SIG$name: no file is left" [ -z "$(ls -A "$folder")" ]
		done
		expect "SIGKILL" 137 -- bash -c "strace -f -qq -o /dev/null -e trace=pwrite64 \
			-e inject=pwrite64:signal=KILL:when=4 $PAGEVISOR dump one $folder/a.core"
		check "SIGKILL: no file is left" [ -z "$(ls -A "$folder")" ]
	else
		skip "dumps that a signal ends" "no strace here that may trace"
	fi
	check "the guest goes on" goes_on one
}

# A saved VM has all registers. Without a pause in between, two cores of one instant are the same but for the time.
test_saved_vm()
{
	expect_pause "save" 0 -- "$PAGEVISOR" save --keep-running one "$WORK/saved.pvc"
	expect "dump of a saved VM" 0 'out:^registers of 2 vCPUs' 'out:^paused +not at all' -- \
		"$PAGEVISOR" dump "$WORK/saved.pvc" "$WORK/saved.core"
	check "its core has the same counts" [ "$(tally "file:$WORK/saved.core")" = "$(tally "$WORK/saved.pvc")" ]
	command -v gdb >/dev/null || return 0
	in_gdb "$WORK/saved.core" 'thread apply all bt'
	check "each vCPU of a saved VM runs the workload" [ "$(grep -c ' in run_worker ' "$OUT")" -eq 2 ]
}

test_own_vm()
{
	start_vm one --time 0 --quiet
	expect_pause "dump of a VM" 0 'out:^dumped    one: ' 'out:^paused +[0-9]+ us' 'out:^registers of 2 vCPUs, a thread for each$' -- \
		"$PAGEVISOR" dump one "$WORK/one.core"
	if command -v gdb >/dev/null; then
		in_gdb "$WORK/one.core" 'thread apply all bt'
		check "each vCPU runs the workload" [ "$(grep -c ' in run_worker ' "$OUT")" -eq 2 ]
		check "from the kernel's beginning" grep -q ' in kmain (start_info_pa=' "$OUT"
	fi
	test_saved_vm
	expect "stat of its core" 0 'out:^findings  none' -- "$PAGEVISOR" stat "file:$WORK/one.core"
	test_files
	kill -INT "${pids[one]}"
	await one
	judge "it ends in good order, with no finding" 0 'out:ended well' 'out:findings  none'
}

test_bad_input
test_qemu
need_vm "cores of VMs"
test_own_vm
finish

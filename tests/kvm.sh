#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# `pagevisor run` on /dev/kvm: sizes and processors, rings, faults, reports, several VMs at once, and hosts without a
# usable KVM. Usage: kvm.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Hosts without KVM: each in a mount namespace that ends with the command.
test_without_device()
{
	local why="only root may make a mount namespace"

	if [ "$(id -u)" -ne 0 ] || ! unshare -m mount -t tmpfs none /mnt 2>"$ERR"; then
		skip "no /dev/kvm" "$why"
		skip "a /dev/kvm that is something else" "$why"
		return
	fi
	# shellcheck disable=SC2016 # expanded in there
	expect "no /dev/kvm" 1 'err:^pagevisor: no /dev/kvm here; load' -- \
		unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh "$PAGEVISOR" run --accel kvm
	check "no /dev/kvm: one line, no report" says_one_line
	# shellcheck disable=SC2016
	expect "a /dev/kvm that is something else" 1 'err:^pagevisor: KVM_GET_API_VERSION: ' -- \
		unshare -m sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/kvm c 1 3 && exec "$@"' \
		sh "$PAGEVISOR" run --accel kvm
}

# For sh -c, with a mode and a command: runs the command as another user, with a /dev/kvm of that mode.
# shellcheck disable=SC2016 # expanded in there
as_nobody='mount -t tmpfs none /dev && mknod -m "$0" /dev/kvm c 10 232 &&
	exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'

test_permission()
{
	local place=$WORK/nobody

	if [ "$(id -u)" -ne 0 ] || ! unshare -m mount -t tmpfs none /mnt 2>"$ERR"; then
		skip "no permission for /dev/kvm" "only root may make a mount namespace"
		return
	fi
	chmod 755 "$WORK"
	install -D "$PAGEVISOR" "$place/pagevisor"
	install -D -m 644 "$GUEST" "$place/pagevisor-guest.elf"
	expect "no permission for /dev/kvm" 1 'err:^pagevisor: no permission for /dev/kvm; join' -- \
		unshare -m sh -c "$as_nobody" 600 "$place/pagevisor" run --accel kvm
	check "no permission: one line, no report" says_one_line
	[ -z "$(kvm_problem)" ] || return
	expect "an ordinary user who may use /dev/kvm" 0 'out:ended well' -- \
		unshare -m sh -c "$as_nobody" 666 "$place/pagevisor" run --ops 1000
}

# MiB of memory that a guest may touch without straining the machine.
free_mib()
{
	sed -n 's/^MemAvailable: *\([0-9]*\)[0-9]\{3\} kB$/\1/p' /proc/meminfo
}

# boots NAME OPTION...: the guest must end well, must have worked, and must have broken no invariant.
boots()
{
	local name=$1

	shift
	expect "$name" 0 'out:"result":"the guest ended well"' 'out:"finding_count":0,' \
		'out:"allocations":[1-9]' 'out:"stage":"finished"' 'out:"failures":0' \
		'out:"has_lists":true' 'out:"has_references":true' -- \
		"$PAGEVISOR" run --json "$@"
}

number()
{
	sed -n "s/^ *\"$1\":\([0-9]*\),*$/\1/p" "$OUT" | head -n 1
}

# Whether the check of the last guest saw all its frames: the free ones and the held ones.
saw_all()
{
	[ "$(number free_frames)" -eq "$(number unused)" ] && [ "$(number scanned_bytes)" -gt 0 ] &&
		[ "$(number held_frames)" -gt 0 ] &&
		[ "$(number held_frames)" -eq $(($(number held_table) + $(number page_table) +
			$(number slab) + $(number anon))) ]
}

test_sizes()
{
	local memory cpus

	for memory in 16M 64M 512M 3G 6G; do
		for cpus in 1 2 4; do
			boots "$memory, $cpus vCPUs" --memory "$memory" --cpus "$cpus" --ops 100000
			check "$memory, $cpus vCPUs: each frame is accounted for" saw_all
		done
	done
	boots "16 vCPUs" --memory 64M --cpus 16 --ops 20000
	boots "16 vCPUs in 16 MiB" --memory 16M --cpus 16 --ops 20000
	# So short a time may be over before the first step.
	expect "a time below a millisecond" 0 'out:^result    the guest ended well$' -- \
		"$PAGEVISOR" run --memory 16M --cpus 1 --time 0.0005
	boots "an odd size" --memory 20484K --cpus 1 --ops 10000
	boots "RAM that ends one page above 4 GiB" --memory 3145732K --cpus 1 --ops 10000
	if [ "$(free_mib)" -gt 4096 ]; then
		boots "64G, sparse" --memory 64G --cpus 1 --ops 10000
	else
		skip "64G, sparse" "its metadata needs 1 GiB, and less than 4 GiB is free"
	fi
}

# In a memory too small for what the workloads want to hold.
test_workloads()
{
	local workload cpus

	for workload in segments lists unique; do
		for cpus in 1 2 4; do
			boots "$workload, $cpus vCPUs" --workload "$workload" --memory 16M --cpus "$cpus" \
				--ops 200000
			check "$workload, $cpus vCPUs: memory runs out" grep -q '"refusals":[1-9]' "$OUT"
		done
		if [ "$workload" = segments ] && [ "$(free_mib)" -lt 5120 ]; then
			skip "$workload, 4 GiB and more" "it touches nearly all of 5 GiB, and less is free"
			continue
		fi
		boots "$workload, 4 GiB and more" --workload "$workload" --memory 5G --cpus 2 --ops 50000
	done
	# A grace period may take long where the host has other work, but the frames that wait for it are limited.
	for cpus in 1 2 4; do
		boots "deferred, $cpus vCPUs" --workload deferred --memory 16M --cpus "$cpus" --ops 200000
		check "deferred, $cpus vCPUs: memory does not run out" grep -q '"refusals":0,' "$OUT"
	done
	for cpus in 1 2 4; do
		boots "torn, $cpus vCPUs" --workload torn --memory 16M --cpus "$cpus" --ops 200000 \
			--append "frames=$((7 * cpus))"
	done
}

# What a report in JSON says that the guest counted.
work_of()
{
	sed -n '/"counters":/,/}/p' "$1"
}

differ()
{
	! cmp -s "$1" "$2"
}

test_determinism()
{
	local options=(--memory 16M --cpus 1 --ops 100000 --json)

	run_command "$PAGEVISOR" run "${options[@]}" --seed 7
	work_of "$OUT" >"$WORK/first"
	run_command "$PAGEVISOR" run "${options[@]}" --seed 7
	work_of "$OUT" >"$WORK/second"
	run_command "$PAGEVISOR" run "${options[@]}" --seed 8
	work_of "$OUT" >"$WORK/other"
	check "the report counts the work" grep -q '"allocations":[1-9]' "$WORK/first"
	check "the same seed does the same work" cmp -s "$WORK/first" "$WORK/second"
	check "another seed does other work" differ "$WORK/first" "$WORK/other"
}

test_rings()
{
	boots "ring 3" --memory 16M --cpus 1 --ops 10000 --ring 3
	check "ring 3: the report says so" grep -q '"ring":3' "$OUT"
	# Where ring 0 is emulated a step takes some hundred microseconds.
	boots "ring 0" --memory 16M --cpus 1 --ops 300 --ring 0
	check "ring 0: the report says so" grep -q '"ring":0' "$OUT"
}

# fault NAME PATTERN...: the guest fails in that way on the second of two vCPUs.
fault()
{
	local name=$1

	shift
	expect "fault: $name" 3 "$@" -- "$PAGEVISOR" run --memory 16M --cpus 2 --workload fault \
		--append "fault=$name" --timeout "$LIMIT"
}

# Whether the report's backtrace begins in a function, and addr2line agrees.
backtrace_starts_in()
{
	local address

	address=$(sed -nE "s/^backtrace (0x[0-9a-f]+) \($1\+0x[0-9a-f]+\)$/\1/p" "$OUT")
	[ -n "$address" ] && [ "$(addr2line -f -e "$GUEST" "$address" | head -n 1)" = "$1" ]
}

# Whether no two lines of the report's backtrace are the same.
backtrace_has_no_repeats()
{
	[ -z "$(sed -nE 's/^(backtrace| {9}) (0x[0-9a-f]+) \(.*/\2/p' "$OUT" | uniq -d)" ]
}

test_exceptions()
{
	local registers='err:^guest\| rip 0xffffffff8[0-9a-f]{7} rsp 0x'

	fault page_fault 'err:exception 14 \(page fault\), error code 0x[26] on cpu 1' "$registers" \
		'err:^guest\| cr2 0x00006eadbeef0000$' "out:kernel panicked" \
		'out:^panic     on CPU 1: exception 14 \(page fault\), error code 0x[26]$' 'out:^registers rip    0xffffffff8' \
		'out: cr2    0x00006eadbeef0000$' 'err:^guest\|   0xffffffff8[0-9a-f]{7} page_fault\+0x'
	check "fault: page_fault: its place" backtrace_starts_in page_fault
	fault opcode 'err:exception 6 \(invalid opcode\)' "$registers"
	check "fault: opcode: its place" backtrace_starts_in opcode
	fault breakpoint 'err:exception 3 \(breakpoint\)' "$registers"
	check "fault: breakpoint: its place" backtrace_starts_in breakpoint
	fault panic 'err:panic on cpu 1: asked to panic on cpu 1' 'out:kernel panicked'
	check "fault: panic: its place" backtrace_starts_in end_in_panic
	check "fault: panic: no address is repeated" backtrace_has_no_repeats
	fault check 'err:check failed on cpu 1, frame 0x0: asked to fail' \
		"out:^result    a check in the guest failed"
	expect "fault: hang, ended by --timeout" 3 'out:the guest had not ended after 0.5 s' -- \
		"$PAGEVISOR" run --memory 16M --workload fault --append fault=hang --timeout 0.5
	# The stack may still hold one or two addresses of calls that have returned.
	expect "fault: leak: the check finds it" 4 'out:^findings  [23][0-9]$' \
		'out:leaked_frame: expected something that refers to it, found nothing; shared forgotten, generation' \
		-- "$PAGEVISOR" run --memory 16M --workload fault --append fault=leak
	expect "fault: lose: the check finds it" 4 'out:^findings  32$' \
		'out:lost_frame: expected a place in a free list, found unused, in none; generation' \
		-- "$PAGEVISOR" run --memory 16M --workload fault --append fault=lose
}

# One JSON object: only its braces are in the first column.
is_one_object()
{
	[ "$(grep -c '^[^ ]' "$1")" -eq 2 ] && [ "$(head -n 1 "$1")" = '{' ] &&
		[ "$(tail -n 1 "$1")" = '}' ]
}

test_reports()
{
	local format

	# A full pipe without a reader must not block the run.
	mkfifo "$WORK/full"
	# shellcheck disable=SC2016 # the inner shell expands
	expect "stderr that nobody reads" 0 'out:^result    the guest ended well$' -- \
		bash -c 'exec 9<>"$1"
			dd if=/dev/zero of="$1" bs=65536 count=1 oflag=nonblock 2>/dev/null
			shift
			exec "$@" 2>&9' - "$WORK/full" "$PAGEVISOR" run --memory 16M --ops 10000
	expect "stdout has the report alone" 0 'err:^guest\| ready: ' '!out:ready: ring|guest\|' \
		'out:^findings  none' -- "$PAGEVISOR" run --memory 16M --ops 1000
	check "the report starts with the result" [ "$(head -c 10 "$OUT")" = "result    " ]
	expect "--json" 0 'out:"status":0$' -- "$PAGEVISOR" run --memory 16M --ops 1000 --json
	check "--json: one object" is_one_object "$OUT"
	expect "--json of a guest that failed" 3 'out:"status":3$' -- "$PAGEVISOR" run --memory 16M \
		--json --workload fault --append fault=panic
	check "--json of a guest that failed: one object" is_one_object "$OUT"
	expect "--quiet" 0 'out:ended well' -- "$PAGEVISOR" run --memory 16M --ops 1000 --quiet
	check "--quiet: nothing on stderr" line_count "$ERR" 0
	expect "--time" 0 'out:ended well' -- "$PAGEVISOR" run --memory 16M --time 0.2
	expect "--timeout that is long enough" 0 'out:ended well' -- "$PAGEVISOR" run --memory 16M \
		--ops 1000 --timeout "$LIMIT"
	for format in "" --json; do
		# shellcheck disable=SC2016 # expanded in there
		expect "a full disk ${format:-as text}" 1 'err:^pagevisor: cannot write the report' -- \
			sh -c 'exec "$@" >/dev/full' sh "$PAGEVISOR" run --memory 16M --ops 1000 \
			--quiet ${format:+"$format"}
		check "a full disk ${format:-as text}: one line" line_count "$ERR" 1
	done
}

# Ioctls fail with EINTR, as if a signal had come: every other one, then all. What strace puts in their place has no number,
# so no sandbox.
test_interrupted()
{
	local run=(env PAGEVISOR_SANDBOX=off "$PAGEVISOR" run --accel kvm --memory 32M --cpus 1 --ops 1000)
	local trace=(strace -f -qq -o "$WORK/strace" -e "trace=ioctl" -e)

	if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>"$ERR"; then
		skip "ioctls that are interrupted" "no strace here that may trace"
		return
	fi
	expect "ioctls that are interrupted are tried again" 0 'out:^result    the guest ended well$' -- \
		"${trace[@]}" inject=ioctl:error=EINTR:when=1+2 "${run[@]}"
	check "KVM_CREATE_VM was one of them" grep -q 'KVM_CREATE_VM.*EINTR.*INJECTED' "$WORK/strace"
	expect "but not for ever" 1 'err:^pagevisor: KVM_GET_API_VERSION: Interrupted system call$' -- \
		"${trace[@]}" inject=ioctl:error=EINTR:when=1+ "${run[@]}"
	check "but not for ever: one line beside that of the sandbox" line_count "$ERR" 2
	check "but not for ever: no report" line_count "$OUT" 0
}

test_parallel()
{
	local i pids=() good=0

	for i in 1 2 3; do
		timeout -k 5 "$LIMIT" "$PAGEVISOR" run --memory 64M --ops 50000 --seed "$i" --quiet \
			>"$WORK/vm$i" 2>&1 </dev/null &
		pids+=($!)
	done
	for i in 1 2 3; do
		wait "${pids[i - 1]}" && grep -q '^findings  none' "$WORK/vm$i" && good=$((good + 1))
	done
	cat "$WORK"/vm? >"$OUT"
	check "three VMs at once" [ "$good" -eq 3 ]
}

test_without_device
test_permission
need_kvm "guests"
test_sizes
test_workloads
test_determinism
test_rings
test_exceptions
test_reports
test_parallel
test_interrupted
finish

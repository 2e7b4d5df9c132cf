#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests that misbehave, each in one way: the VMM must report it and survive. guests/README.md lists them. Usage:
# negative.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "misbehaving guests"
need_guests

# Seconds after which a guest that never ends is stopped, and the text for a fault.
ENDLESS=0.5
FAULT='vCPU 0: KVM_EXIT_(SHUTDOWN|INTERNAL_ERROR).*'
if runs_in_tcg; then
	ENDLESS=5
	FAULT='the guest reset its machine, as a triple fault does: vCPU 0'
fi

# guest NAME STATUS PATTERN...: runs in 16 MiB with one vCPU; ends by itself, or after $seconds.
seconds=$LIMIT
guest()
{
	local name=$1 wanted=$2

	shift 2
	expect "$name" "$wanted" "$@" -- "$PAGEVISOR" run --kernel "$GUESTS/$name.elf" \
		--memory 16M --cpus 1 --timeout "$seconds"
}

# broken_info NAME TEXT: the info page is refused, with the reason once on each stream.
broken_info()
{
	guest "info_$1" 3 "out:^result    $2" "err:^pagevisor: $2" '!out:^frames'
}

# Only a handful.
few_lines()
{
	[ "$(wc -l <"$1")" -le 10 ]
}

test_faults()
{
	guest triple_fault 3 "out:^result    $FAULT at rip 0x"
	# The guest causes many messages, all different; only a few of them are shown.
	expect "info_flicker: said a few times" 3 -- "$PAGEVISOR" run --scan-rate 1000 \
		--kernel "$GUESTS/info_flicker.elf" --memory 16M --cpus 1 --timeout 1
	check "info_flicker: in few lines" few_lines "$ERR"
	guest exit_status 3 'out:^result    the guest ended with an unknown status$'
	seconds=$ENDLESS guest hang 3 "out:^result    the guest had not ended after $ENDLESS s\$"
	seconds=$ENDLESS guest halt 3 "out:^result    the guest had not ended after $ENDLESS s\$"
	expect "triple_fault with 4 vCPUs ends at once" 3 "out:$FAULT at rip 0x" -- \
		"$PAGEVISOR" run --kernel "$GUESTS/triple_fault.elf" --memory 16M --cpus 4
}

# It never ends by itself.
test_restarts()
{
	"$PAGEVISOR" run --kernel "$GUESTS/restarts.elf" --memory 16M --cpus 1 --timeout "$LIMIT" >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	within grep -q 'has restarted' "$ERR"
	kill -INT "$running_pid"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	last_command=("$PAGEVISOR" run --kernel "$GUESTS/restarts.elf")
	judge restarts 130 'err:^pagevisor: the guest has restarted$'
}

# The same guest in other files that boot: 32 bits, and a note segment with another alignment and bytes behind it.
test_odd_files()
{
	local ended='out:^result    the guest ended with an unknown status$'

	objcopy -I elf64-x86-64 -O elf32-i386 "$GUESTS/exit_status.elf" "$WORK/narrow.elf"
	expect "a 32-bit file" 3 "$ended" -- \
		"$PAGEVISOR" run --kernel "$WORK/narrow.elf" --memory 16M --cpus 1 --timeout "$seconds"
	if runs_in_tcg; then
		skip "notes with padding" "QEMU does not find the entry point in such notes"
		return
	fi
	# The third program header at 64 + 2 * 56: file size at 32, alignment at 48.
	cp "$GUESTS/exit_status.elf" "$WORK/padded.elf"
	printf '\037' | dd of="$WORK/padded.elf" bs=1 seek=$((64 + 112 + 32)) conv=notrunc status=none
	printf '\0\020' | dd of="$WORK/padded.elf" bs=1 seek=$((64 + 112 + 48)) conv=notrunc status=none
	expect "notes with padding" 3 "$ended" -- \
		"$PAGEVISOR" run --kernel "$WORK/padded.elf" --memory 16M --cpus 1 --timeout "$seconds"
}

run_endless_stray()
{
	run_command "$PAGEVISOR" run --kernel "$GUESTS/endless_stray.elf" --memory 16M --cpus 1 --timeout "$seconds"
}

test_stray_accesses()
{
	if runs_in_tcg; then
		skip "accesses without a device" "QEMU does not report them"
		return
	fi
	guest pio_nowhere 0 'out:ended well' 'out:^strays    17 accesses' \
		'err:4-byte port read from 0x510, where there is no device, at rip 0x10'
	guest mmio_nowhere 0 'out:ended well' 'out:^strays    7 accesses' \
		'err:4-byte memory read from 0xd0000123, where there is no device, at rip 0x10' \
		'err:2-byte memory write to 0xd0000000'
	# On a busy machine it may not get far at first.
	for seconds in "$ENDLESS" 5 50 "$LIMIT"; do
		run_endless_stray
		! matches 'err:no more of these will be shown' || break
	done
	seconds=$LIMIT
	judge "endless_stray" 3 'err:no more of these will be shown' 'out:^strays    [0-9]{2,} accesses'
	check "endless_stray: the messages are few" [ "$(wc -l <"$ERR")" -le 10 ]
}

test_console()
{
	guest console_garbage 0 'err:guest\| \?+red\?+m$|\[31mred' 'err:A{100}' '!err:A{4900}'
	check "console_garbage: nothing that a terminal would obey" is_plain_text "$ERR"
}

test_broken_info()
{
	local broken="the guest's info page is broken:"
	local other_abi='the guest speaks ABI version [0-9]+, this pagevisor speaks [0-9]+: use the pagevisor that made it$'

	guest info_good 0 'out:^frames    16: 15 unused, 1 shared$' 'out:^ +thing +1$' \
		'out:^findings  none'
	guest no_info 3 'out:^result    the guest has not published its info page$'
	guest garbage_info 3 "out:^result    $broken magic is 0xa5a5a5a5a5a5a5a5$"
	broken_info version "$other_abi"
	broken_info old_abi "${other_abi/\[0-9\]+/6}"
	broken_info boot_id "$broken boot_id is 0$"
	broken_info region_count "$broken region_count is 0x401$"
	broken_info regions_wild "$broken regions_pa is 0xdead0000$"
	broken_info regions_wrap "$broken regions_pa is 0xffffffffffffffe8$"
	broken_info regions_past_end "$broken regions_pa is 0xffffe0$"
	broken_info roles "$broken the types one and other both have role 1$"
	guest info_regions_many 0 'out:^frames    16: 15 unused, 1 shared$' 'out:^findings  none'
	broken_info stage "$broken boot_stage is 0x63$"
	broken_info slot_count "$broken (array_pa|slot_count) is 0x"
	broken_info slot_mismatch "$broken slot_count is 0x3ffffffffffffff$"
	broken_info array_outside "$broken array_pa is 0xd0000000$"
	broken_info array_wraps "$broken array_pa is 0xffffffffffffffc0$"
	broken_info array_unaligned "$broken array_pa is 0x"
	broken_info array_past_end "$broken array_pa is 0xfffc40$"
	broken_info type_count "$broken type_count is 0xf4240$"
	broken_info types_wild "$broken types_va is 0xdead00000000000$"
	broken_info types_wrap "$broken types_va is 0"
	broken_info cpu_count "$broken cpu_count is 0x3e8$"
	broken_info counters_wild "$broken counters_pa is 0xfffffffffffff000$"
	guest info_array_last 3 "err:without having finished" 'out:^frames    16$' 'out:never written\) +16$' 'out:^findings  none'
}

test_hostile_info()
{
	guest info_names 3 'out:^ +\?\[2J"' 'out:^findings  none'
	check "info_names: nothing that a terminal would obey" is_plain_text "$OUT"
	expect "info_names as JSON" 3 '"finding_count":0' -- "$PAGEVISOR" run --json \
		--kernel "$GUESTS/info_names.elf" --memory 16M --cpus 1
	check "info_names as JSON: nothing that a terminal would obey" is_plain_text "$OUT"
	expect "info_flicker: the VMM survives a thousand looks a second" 3 'had not ended' -- \
		"$PAGEVISOR" run --kernel "$GUESTS/info_flicker.elf" --memory 16M --cpus 1 \
		--scan-rate 1000 --timeout 0.5
}

test_findings()
{
	guest illegal_slot 4 'out:^findings  3$' 'err:^pagevisor: the guest ended, but its metadata has findings: 3$' \
		'out:frame 0x3000: illegal_references: expected a legal count, found 0x80000000$' \
		'out:frame 0x5000: wild_vtable: expected one of 1 types, found 0x123456789abc$' \
		'out:frame 0x6000: wild_vtable:'
	expect "illegal_slot as JSON" 4 '"finding_count":3' '"rule":"illegal_references"' \
		'"address":"0x3000"' '"rule":"wild_vtable"' '"address":"0x5000"' -- "$PAGEVISOR" run --json \
		--kernel "$GUESTS/illegal_slot.elf" --memory 16M --cpus 1
	guest wrong_counts 4 'out:type_count: expected 2 thing, found 1$' \
		'out:reference_count: expected 2 references, found 1$' \
		'out:frame 0x1000: busy_at_end: expected 0 busy slots, found 1$'
}

test_faults
test_restarts
test_odd_files
test_stray_accesses
test_console
test_broken_info
test_hostile_info
test_findings
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests that boot with memory maps of many entries, with memory that they reclaim, and with early memory that is taken
# before there is metadata: the final check finds nothing.
# With KVM and, where it is installed, in QEMU. Usage: memory_map.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MAPS=$BUILD/map-guest.elf
NAME=mapped

memory=64M

# boots NAME MAP PATTERN...: boots with the map, works, and must end without a finding.
boots()
{
	local name=$1 map=$2

	shift 2
	expect "$accel: $name" 0 'out:^result    the guest ended well$' 'out:^findings  none$' \
		'err:^guest\| ready: .*, all checked$' "$@" -- \
		"$PAGEVISOR" run --accel "$accel" --kernel "$MAPS" --memory "$memory" --cpus 2 --ops 20000 --append "map=$map"
}

# The frames of a type at the end of a run in JSON.
count_of()
{
	sed -n "s/^ *\"$1\": *\([0-9]*\),*$/\1/p" "$OUT" | head -n 1
}

test_many()
{
	local count

	for count in 126 127 512 1024; do
		boots "$count entries" "$count" '!err:memory map: '
	done
	boots "3000 entries" 3000 'err:^guest\| memory map: 3000 entries; dropped [0-9]+, with [0-9]+ KiB of memory$' \
		'out:^guest .*, [0-9]+ map entries dropped'
}

# Every frame of the two regions is free at the end, and no frame is of the type any more.
test_tables()
{
	boots "reclaimed tables" tables 'err:^guest\| reclaimed: 2048 KiB of ACPI tables$'
	expect "$accel: reclaimed tables, in JSON" 0 'out:"finding_count": *0,' '!"acpi_reclaimable": *[1-9]' -- \
		"$PAGEVISOR" run --accel "$accel" --json --kernel "$MAPS" --memory 64M --cpus 1 --ops 20000 \
		--append map=tables
	check "$accel: all slots up to the last reclaimed frame" [ "$(count_of slots)" -ge 16000 ]
}

# Above 4 GiB the linear mapping needs page tables, which come from early memory, too.
test_early()
{
	local memory

	for memory in 64M 5G; do
		boots "early memory before the metadata, $memory" early 'err:^guest\| early memory is as it was$'
	done
}

# A running guest that has reclaimed memory, looked at from outside.
test_running()
{
	"$PAGEVISOR" run --accel "$accel" --kernel "$MAPS" --name "$NAME" --memory 64M --time 0 --quiet --append map=tables \
		>"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	if within has_stage "$NAME" running; then
		expect "$accel: check of a running guest" 0 'out:^findings  none$' -- "$PAGEVISOR" check "$NAME"
	else
		fail "$accel: check of a running guest" "it does not run"
	fi
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

# A machine whose firmware reserves memory just below 1 TiB, and whose map has the two reclaimable regions.
test_q35()
{
	expect "q35: reclaimed tables" 33 'out:^reclaimed: 2048 KiB of ACPI tables' \
		'out:^ready: ring 0, 2 cpus, [0-9]+ slots for 6[0-9] MiB, all checked' -- \
		qemu-system-x86_64 -accel tcg -machine q35 -m 64M -smp 2 -kernel "$MAPS" -append "ops=20000 map=tables" \
		-nodefaults -display none -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4
}

ran=0
for accel in kvm qemu-tcg; do
	[ "$accel" != kvm ] || [ -z "$(kvm_problem)" ] || continue
	[ "$accel" = kvm ] || command -v qemu-system-x86_64 >/dev/null || continue
	test_many
	test_tables
	test_early
	test_running
	[ "$accel" = kvm ] || test_q35
	ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || skip "memory maps" "neither KVM nor QEMU here"
finish

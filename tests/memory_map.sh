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
	expect "$accel: $name" 0 'out:^result    the guest ended well$' 'out:^findings  none' \
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
	check "$accel: all slots up to the last reclaimed frame" [ "$(count_of total_frames)" -ge 16000 ]
}

# Above 4 GiB the linear mapping needs page tables, which come from early memory, too.
test_early()
{
	local memory

	for memory in 64M 5G; do
		boots "early memory before the metadata, $memory" early 'err:^guest\| early memory is as it was$' \
			"err:^guest\\| ready: .* slots for $(($(numfmt --from=iec "$memory") >> 20)) MiB, all checked\$"
	done
}

# used_of_ram MEMORY: the figures of a new guest are about its RAM. The hole from 3 to 4 GiB would be a quarter of it.
used_of_ram()
{
	local mib=$1

	expect "$accel: ps, $mib MiB" 0 "out:^$NAME .* $mib MiB .* [0-4]\\.[0-9] % " -- "$PAGEVISOR" ps
	expect "$accel: ps in JSON" 0 "out:\"ram_frames\": *$((mib * 256))," -- "$PAGEVISOR" ps --json
	expect "$accel: stat" 0 "out:^guest +$mib MiB," "out:^frames +$((mib * 256)) of RAM, 262144 holes and devices: " \
		'!out:^partial' -- "$PAGEVISOR" stat "$NAME"
	expect "$accel: stat in JSON" 0 "out:\"ram_frames\": *$((mib * 256))," "out:\"in_use_frames\": *[1-9][0-9]{4},$" \
		'out:"complete": *true' -- "$PAGEVISOR" stat --json "$NAME"
	expect "$accel: stat --follow" 0 'out: [0-4]\.[0-9] % ' -- "$PAGEVISOR" stat --follow --lines 1 "$NAME"
	expect "$accel: map" 0 "out:: $((mib * 256)) frames by type;" -- "$PAGEVISOR" map "$NAME"
	expect "$accel: top" 0 "out:^frames +$((mib * 256)) of RAM, 262144 holes" -- "$PAGEVISOR" top --batch 1 "$NAME"
}

# test_running MEMORY: a running guest that has reclaimed memory, looked at from outside.
test_running()
{
	"$PAGEVISOR" run --accel "$accel" --kernel "$MAPS" --name "$NAME" --memory "$1" --time 0 --quiet --append map=tables \
		>"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	if within has_stage "$NAME" running; then
		expect "$accel: check of a running guest" 0 'out:^findings  none' '!out:^partial' -- "$PAGEVISOR" check "$NAME"
		[ "$1" = 64M ] || used_of_ram "${1%M}"
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

# The hole below 4 GiB begins at 64 MiB, so the array for 128 MiB takes 65: one line has both figures.
test_far_apart()
{
	local machine

	for machine in q35 pc; do
		expect "$machine: RAM far apart" 37 \
			'out:^panic .*: with RAM up to 4160 MiB it needs 66560 KiB in one piece, and the largest has 6[0-9]{4} KiB$' \
			'!out:^ready' -- \
			qemu-system-x86_64 -accel tcg -machine "$machine,max-ram-below-4g=64M" -m 128M -kernel "$MAPS" \
			-append ops=20000 -nodefaults -display none -serial stdio -no-reboot \
			-device isa-debug-exit,iobase=0xf4,iosize=4
	done
}

ran=0
for accel in kvm qemu-tcg; do
	[ "$accel" != kvm ] || [ -z "$(kvm_problem)" ] || continue
	[ "$accel" = kvm ] || command -v qemu-system-x86_64 >/dev/null || continue
	test_many
	test_tables
	test_early
	if [ "$accel" = kvm ]; then
		test_running 3200M
	else
		test_running 64M
		test_q35
		test_far_apart
	fi
	ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || skip "memory maps" "neither KVM nor QEMU here"
finish

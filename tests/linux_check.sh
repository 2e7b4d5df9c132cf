#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor check on Linux guests: nothing is found in one whose memory changes hands all the time, with or without a pause; and each
# value that is broken in a stopped one is found, and named. The kernels are those of linux.sh.
# Usage: [LINUX_SUITES="trixie"] linux_check.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"
# shellcheck source=linux_lib.sh
. "$(dirname "$0")/linux_lib.sh"

LINUX_SUITES=${LINUX_SUITES:-bullseye bookworm trixie trixie-backports}
LOOKS=4
ram=$WORK/ram

FAULTS="negative_references map_count mapped_more free_block free_overlap free_references free_flags tail tail_order listed_page
listed_order listed_zone unlisted free_count zones list_link cached_page cached_count cpu_list_link slab_cache cache_link"

# boot SUITE: its RAM is a file, for linux-plant.
boot()
{
	rm -f "$ram"
	boot_linux "$1" 512M agent=churn -machine q35,memory-backend=ram \
		-object "memory-backend-file,id=ram,mem-path=$ram,share=on,size=512M"
}

# test_clean NAME: a guest that changes its memory.
test_clean()
{
	local look

	for ((look = 1; look <= LOOKS; look++)); do
		expect "$1: nothing is found while it runs, $look" 0 'out:^findings  none' 'out:free blocks on lists' '!out:^skipped' '!out:^paused' -- \
			"$PAGEVISOR" check "qemu:${pids[qemu]}"
		expect "$1: the kernel's own pages are known meanwhile, $look" 0 'out:^ +[0-9.]+  vmalloc$' 'out:^ +[0-9.]+  stack$' \
			'out:^ +[0-9.]+  pcp$' -- "$PAGEVISOR" stat --by class "qemu:${pids[qemu]}"
		expect "$1: nor in a pause, $look" 0 'out:^findings  none' 'out:^paused' -- "$PAGEVISOR" check --pause "qemu:$qmp"
	done
	expect "$1: by process it cannot be paused" 1 'err:QMP' -- "$PAGEVISOR" check --pause "qemu:${pids[qemu]}"
}

# test_fault NAME FAULT VM: it is found where it was planted.
test_fault()
{
	local planted

	run_command "$BUILD/linux-plant" "$ram" "$2" "$PAGEVISOR" check "$3"
	planted=$(sed -n 's/^planted *//p' "$OUT")
	judge "$1: $2: it is found" 4 "out:^  ${planted:-nothing}: expected "
}

# test_faults NAME: of a guest that is stopped. As one that might run it takes several looks.
test_faults()
{
	local fault

	expect "$1: nothing is found when it is stopped" 0 'out:^findings  none' -- "$PAGEVISOR" check "file:$ram"
	for fault in $FAULTS; do
		test_fault "$1" "$fault" "file:$ram"
	done
	test_fault "$1, live" tail "qemu:${pids[qemu]}"
	test_fault "$1, live" free_count "qemu:${pids[qemu]}"
	test_fault "$1, paused" listed_page "qemu:$qmp"
	expect "$1: and all was put back" 0 'out:^findings  none' -- "$PAGEVISOR" check "file:$ram"
	expect "$1: a file cannot be paused" 2 'err:--pause' -- "$PAGEVISOR" check --pause "file:$ram"
}

# shellcheck disable=SC2086 # several words
need_linux "checks of Linux guests" $LINUX_SUITES
for suite in $LINUX_SUITES; do
	has_linux "$suite" || continue
	name="$suite ($(cat "$KERNELS/$suite/version"))"
	if check "$name: it boots" boot "$suite"; then
		test_clean "$name"
		ask stop >/dev/null
		test_faults "$name"
	fi
	stop qemu
done
finish

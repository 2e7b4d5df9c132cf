#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Linux guests, read from their RAM alone: Debian's stock kernels of four series in QEMU's TCG, each with an agent that leaves what the
# kernel itself says of every page, and stops the machine (linux/agent.c). linux/oracle.c compares. The kernels are downloaded
# once into build/linux. Usage: [LINUX_SUITES="trixie"] [MUTATE_SEED=N] [MUTATED_GUESTS=N] linux.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=linux_lib.sh
. "$(dirname "$0")/linux_lib.sh"

LINUX_SUITES=${LINUX_SUITES:-bullseye bookworm trixie trixie-backports}
MUTATE_SEED=${MUTATE_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
MUTATED_GUESTS=${MUTATED_GUESTS:-40}

# test_kernel NAME SUITE OPTION...: boots it and compares all pages. Whatever becomes of a version that is not listed, it is no
# failure.
test_kernel()
{
	local name version by suite=$2

	version=$(cat "$KERNELS/$suite/version")
	name="$1 ($version)"
	shift 2
	rm -f "$WORK/ram"
	run_command "$LINUX/boot.py" "$@" "$KERNELS/$suite" "$WORK/ram"
	sed 's/^/     /' "$OUT"
	if [ "$status" -eq 0 ]; then
		run_command "$BUILD/linux-oracle" "$WORK/ram"
		sed 's/^/     /' "$OUT"
	fi
	if [ "$status" -eq 0 ] || grep -qxF "$version" "$LINUX/known.txt"; then
		judge "$name: all pages are what the kernel says" 0 'out:^compared +[0-9]+ frames: 0 differ'
		test_owners "$name" "file:$WORK/ram"
		test_mappers "$name"
		expect "$name: $MUTATED_GUESTS guests that lie, seed $MUTATE_SEED" 0 'out:^guests ' -- \
			"$BUILD/linux-mutate" "$WORK/ram" "$MUTATE_SEED" "$MUTATED_GUESTS"
		test_tasks "$name"
		test_core "$name"
		expect "$name: a capture" 0 'out:^captured .*, the metadata and names$' -- \
			"$PAGEVISOR" capture --force "$WORK/names.pvc" "file:$WORK/ram"
		test_owners "$name: captured" "$WORK/names.pvc"
		expect "$name: captured: who holds a page" 0 'out:^file +ext4 /disk/mapped$' 'out:^index +page [0-9]+ of it$' -- \
			"$PAGEVISOR" show "$(frame_of 'type == file && maps > 0')" "$WORK/names.pvc"
		expect "$name: captured: page tables of processes are not in there" 2 'err:the page tables of processes are not in this memory' -- \
			"$PAGEVISOR" find --count 'task == 1' "$WORK/names.pvc"
		for by in class pageblock migratetype zone; do
			expect "$name: nothing grew, by $by" 0 "out:\"by\":\"$by\"" 'out:"rows":\[\]' -- \
				"$PAGEVISOR" diff --json --by "$by" "$WORK/names.pvc" "file:$WORK/ram"
		done
		rm -f "$WORK/names.pvc"
	else
		print_stream stderr "$ERR"
		skip "$name: all pages" "this version is not in linux/known.txt: differences are only reported"
	fi
}

# test_owners NAME GUEST: what the command lists of the machine that was stopped last.
test_owners()
{
	local guest=$2 page by

	expect "$1: files" 0 'out:^ +8\.0  ext4 /disk/mapped$' 'out:^ +3\.0  tmpfs SYSV00000000$' 'out:^ +1\.0  ext4 /disk/deleted \(deleted\)$' \
		'out:^ +[0-9.]+  [0-9]+ others$' '!out:unknown' 'out:  tmpfs /huge/shmem$' -- "$PAGEVISOR" stat --by file "$guest"
	expect "$1: caches" 0 'out:^ +[0-9.]+ +[0-9]+  task_struct$' '!out:unknown' -- \
		"$PAGEVISOR" stat --by cache --limit 1000 "$guest"
	expect "$1: processes" 0 'out: +1  init$' 'out:  agent-shared$' '!out:kthreadd' -- "$PAGEVISOR" stat --by process "$guest"
	expect "$1: zones" 0 'out: 0  DMA32$' 'out: 0  DMA$' '!out:Movable' -- "$PAGEVISOR" stat --by zone "$guest"
	expect "$1: classes" 0 'out:^ +[0-9.]+  vmalloc$' 'out:^ +[0-9.]+  stack$' 'out:^ +[0-9.]+  module$' 'out:^ +[0-9.]+  pcp$' \
		'out:^ +[0-9.]+  unknown$' -- "$PAGEVISOR" stat --by class "$guest"
	expect "$1: all classes are known" 0 'out:"has_all_classes":true' -- "$PAGEVISOR" stat --json "$guest"
	expect "$1: a stack" 0 'out:^state +used, 1 reference$' 'out:^type +stack$' -- \
		"$PAGEVISOR" show "$(frame_of 'type == stack' "$guest")" "$guest"
	expect "$1: a page on the list of a CPU" 0 'out:^state +pcp$' -- "$PAGEVISOR" show "$(frame_of 'state == pcp' "$guest")" "$guest"
	expect "$1: page blocks" 0 'out:  DMA32 free$' 'out:  DMA32 several$' 'out:^ +1024\.0 .* in all$' -- \
		"$PAGEVISOR" stat --by pageblock "$guest"
	expect "$1: migrate types" 0 'out:  DMA32 Movable$' 'out:  DMA32 Unmovable$' 'out:^ +1024\.0 .* in all$' -- \
		"$PAGEVISOR" stat --by migratetype "$guest"
	expect "$1: migrate types in the picture" 0 'out:by migratetype; a cell is' 'out: Movable: [1-9]' 'out:Unmovable: [1-9]' -- \
		"$PAGEVISOR" map --by migratetype "$guest"
	for by in Movable Unmovable; do
		check "$1: $by frames" [ "$(map_frames "$guest" "$by")" = "$("$PAGEVISOR" find --count "migratetype == $by" "$guest")" ]
	done
	page=$("$PAGEVISOR" find --each --limit 1 'hinders && migratetype == Unmovable' "$guest" 2>/dev/null | awk 'END { print $1 }')
	expect "$1: a page that keeps its block" 0 'out:pageblock Unmovable, [0-9]+ pages? of it cannot be moved' -- \
		"$PAGEVISOR" show "$page" "$guest"
	for by in file cache process zone pageblock migratetype; do
		expect "$1: $by in JSON" 0 "out:\"by\":\"$by\"" -- "$PAGEVISOR" stat --json --limit 5 --by "$by" "$guest"
	done
}

# map_frames GUEST TYPE: how many frames of page blocks of that type there are in the picture.
map_frames()
{
	"$PAGEVISOR" map --json --by migratetype "$1" |
		python3 -c 'import json, sys; print(*[part["total_frames"] for part in json.load(sys.stdin)["classes"] if part["class"] == sys.argv[1]])' "$2"
}

# frame_of EXPRESSION [GUEST]: the first frame that matches.
frame_of()
{
	"$PAGEVISOR" find --each --limit 1 "$1" "${2:-file:$WORK/ram}" 2>/dev/null | sed -n 's/^\(0x[0-9a-f]*\) .*/\1/p'
}

# task_agrees NAME TASK SLACK: anonymous and KSM pages that a process maps, each once, are as many as the kernel counts.
task_agrees()
{
	local guest=file:$WORK/ram counted found

	counted=$("$PAGEVISOR" stat --json --limit 100000 --by process "$guest" |
		python3 -c 'import json, sys; print(*[row["anon_bytes"] // 4096 for row in json.load(sys.stdin)["breakdown"]["rows"] if row.get("name") == sys.argv[1]])' "$2")
	found=$("$PAGEVISOR" find --count "task == \"$2\" && (type == anon || type == ksm)" "$guest")
	last_command=("find --count task == \"$2\": $found, counted $counted")
	check "$1: what $2 maps is what the kernel counts" [ "$found" -gt 500 -a $((found - counted)) -ge 0 -a $((found - counted)) -le "$3" ]
}

# test_tasks NAME: pages of the processes of the machine that was stopped last.
test_tasks()
{
	local guest=file:$WORK/ram pages slack=0

	# Before 6.2 each thread adds what it has counted after 64 faults (TASK_RSS_EVENTS_THRESH).
	case $suite in bullseye | bookworm) slack=64 ;; esac
	task_agrees "$1" init "$slack"
	task_agrees "$1" agent-anon "$slack"
	# It maps the pages of KSM again and again.
	expect "$1: pages of KSM, by who maps them" 0 'out:^[1-9][0-9]*$' -- "$PAGEVISOR" find --count 'task == "agent-sa*" && type == ksm' "$guest"
	pages=$("$PAGEVISOR" find --count 'task == 1' "$guest")
	expect "$1: a process by its pid" 0 "out:^$pages\$" -- "$PAGEVISOR" find --count 'task == "init"' "$guest"
	# Nobody else maps it.
	pages=$("$PAGEVISOR" find --count 'file == "/disk/mapped" && flags.mmap' "$guest")
	expect "$1: a file as it is listed" 0 "out:^$pages\$" -- "$PAGEVISOR" find --count 'file == "ext4 /disk/mapped" && flags.mmap' "$guest"
	expect "$1: a file that there is not" 0 'out:^0$' 'err:^column 9: nothing in this guest has that name$' -- \
		"$PAGEVISOR" find --count 'file == "/disk/mappd"' "$guest"
	expect "$1: a file that a process maps" 0 "out:^$pages\$" -- "$PAGEVISOR" find --count 'task == 1 && file == "/disk/mapped"' "$guest"
	expect "$1: huge pages that a process maps" 0 'out:^[1-9][0-9]*$' -- \
		"$PAGEVISOR" find --count 'task == "agent-*" && type == hugetlb && order == 9' "$guest"
	expect "$1: no such process" 0 'out:^0$' -- "$PAGEVISOR" find --count 'task == "nobody" || task == 4000000' "$guest"
	expect "$1: what a process maps, in the picture" 0 'out:@' -- "$PAGEVISOR" map --mark 'task == "agent-anon"' "$guest"
	expect "$1: task without a name" 2 'err:a name in double quotes or a number belongs here' -- "$PAGEVISOR" find 'task == init' "$guest"
	check "$1: in one line" says_one_line
}

# test_core NAME: a core of the machine that was stopped last: without free pages it is the same guest.
test_core()
{
	local guest=file:$WORK/ram core=$WORK/linux.core

	expect "$1: dump" 0 'out:^registers none, and no threads: ' 'out:^left out  free frames' -- "$PAGEVISOR" dump --force "$guest" "$core"
	run_command readelf -nW "$core"
	judge "$1: its core has the kernel's VMCOREINFO" 0 'out: VMCOREINFO +0x'
	check "$1: as text" grep -aq 'OSRELEASE=' "$core"
	run_command readelf -lW "$core"
	judge "$1: its core has the kernel at its own addresses" 0 'out: LOAD +0x[0-9a-f]+ 0xff[0-9a-f]{14} 0x0000000000000000 ' \
		'out: LOAD +0x[0-9a-f]+ 0xffffffff[89a-f][0-9a-f]{7} 0x'
	expect "$1: all pages of the core are what the kernel says" 0 'out:^compared +[0-9]+ frames: 0 differ' -- \
		"$BUILD/linux-oracle" "$WORK/ram" "$core"
	check "$1: the core is smaller than the machine" [ "$(du -k "$core" | cut -f 1)" -lt "$(du -k "$WORK/ram" | cut -f 1)" ]
	rm -f "$core"
}

# test_mappers NAME: who maps pages of the machine that was stopped last.
test_mappers()
{
	local guest=file:$WORK/ram

	# Children that wrote to a page have copies of their own.
	expect "$1: who maps a page" 0 'out:^mapped +[0-9]+ times$' 'out:^by +init, process 1, at 0x[0-9a-f]+$' \
		'out:^ +agent-anon, process [0-9]+, at 0x' '!out:found' -- \
		"$PAGEVISOR" show "$(frame_of 'type == anon && task == 1 && task == "agent-anon"')" "$guest"
	expect "$1: who maps a page of a file" 0 'out:^mapped +1 time$' 'out:^by +init, process 1, at 0x' 'out:^file +ext4 /disk/mapped$' \
		'out:^index +page [0-9]+ of it$' -- "$PAGEVISOR" show "$(frame_of 'type == file && maps > 0')" "$guest"
	expect "$1: one process maps a page many times" 0 'out:^by +agent-same, process [0-9]+, at 0x' 'out:^ +and [0-9]+ more$' -- \
		"$PAGEVISOR" show "$(frame_of 'type == ksm && maps > 100')" "$guest"
	expect "$1: who maps it, in JSON" 0 'out:"found_count":1,$' 'out:"process":"init",$' 'out:"va":"0x7' -- \
		"$PAGEVISOR" show --json "$(frame_of 'type == file && maps > 0')" "$guest"
}

# shellcheck disable=SC2086 # several words
need_linux "Linux guests" $LINUX_SUITES
for suite in $LINUX_SUITES; do
	has_linux "$suite" || continue
	test_kernel "$suite" "$suite"
	# Huge pages whose struct pages share memory, with page tables of five levels or a kernel that is where it was linked.
	case $suite in
	bullseye) ;;
	bookworm) test_kernel "$suite, nokaslr" "$suite" --append "nokaslr hugetlb_free_vmemmap=on" ;;
	*) test_kernel "$suite, five levels" "$suite" --cpu max,la57=on --append hugetlb_free_vmemmap=on ;;
	esac
done
finish

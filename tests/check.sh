#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor check, and find by fields: a working guest has no findings however often it is inspected; in one that is
# broken on purpose the check names the frames and the rule. Usage: check.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "check"

LOOKS=8

# start NAME OPTION...: starts a guest in the background and waits until it runs.
start()
{
	local name=$1

	shift
	"$PAGEVISOR" run --name "$name" --time 0 --quiet "$@" >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$name" '(running|finished)' && return
	last_command=("$PAGEVISOR" run --name "$name" "$@")
	cat "$WORK/run" >"$OUT"
	fail "a guest to look at" "it does not run"
	finish
}

stop()
{
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

test_clean()
{
	local workload look

	for workload in churn segments lists unique deferred; do
		start works --workload "$workload" --memory 64M
		for ((look = 1; look <= LOOKS; look++)); do
			expect "$workload: nothing is found, look $look" 0 'out:^findings  none' -- \
				"$PAGEVISOR" check works
		done
		stop
	done
}

test_broken()
{
	start leaks --workload fault --append "fault=leak linger=1" --memory 32M
	expect "leaked frames are named" 4 'frame 0x[0-9a-f]+: leaked_frame: ' -- "$PAGEVISOR" check leaks
	expect "and in JSON" 4 'out:"rule": *"leaked_frame"' -- "$PAGEVISOR" check --json leaks
	stop
	start loses --workload fault --append "fault=lose linger=1" --memory 32M
	expect "lost frames are named" 4 'frame 0x[0-9a-f]+: lost_frame: ' -- "$PAGEVISOR" check loses
	stop
	start scribbles --workload fault --append "fault=scribble linger=1" --memory 32M
	expect "a slot that was written over is named" 4 'frame 0x[0-9a-f]+: wild_vtable: ' -- \
		"$PAGEVISOR" check scribbles
	stop
}

# table_fault FAULT PATTERN: checks the only finding in a guest with a fault in its page table. KVM shadows these
# tables.
table_fault()
{
	local fault=$1

	shift
	start tables --workload fault --append "fault=$fault linger=1" --memory 32M
	expect "$fault is named, and nothing else" 4 'out:^findings  1$' "out:frame 0x[0-9a-f]+: $1\$" -- \
		"$PAGEVISOR" check tables
	stop
	expect "$fault is named when the guest has ended" 4 "out:frame 0x[0-9a-f]+: $1\$" -- \
		"$PAGEVISOR" run --workload fault --append "fault=$fault" --memory 32M --quiet
}

test_tables()
{
	table_fault table_ref 'table_references: expected 1 for 0 entries and the processors, found 2'
	table_fault table_lost 'lost_table: expected an entry that points at it, found none; .* kernel_page_table.*'
	table_fault table_level 'page_table: expected level 3, from 0 on, found level 0, from 0 on'
	table_fault pte_wild 'wild_entry: expected no entry; 0x[0-9a-f]+\[0\] at 0xffffa00000000000 maps it, found unused'
}

# show prints the entries that check complains about, and the large pages of the linear mapping.
test_entries()
{
	local frame

	start tables --workload fault --append "fault=pte_wild linger=1" --memory 32M
	frame=$("$PAGEVISOR" check tables | sed -n 's/^ *frame \(0x[0-9a-f]*\): wild_entry.*/\1/p')
	expect "show names the entry of a mapped frame" 0 'out:^state +unused' \
		'out: 0xffffa00000000000 4K +by 0x[0-9a-f]+\[0\] L0 rwx user accessed dirty$' \
		"out: 0xffff88800*${frame#0x} 2M +by 0x[0-9a-f]+\\[[0-9]+\\] L1 rwx user" -- \
		"$PAGEVISOR" show "$frame" tables
	expect "and in JSON" 0 '"va": *"0xffffa00000000000"' '"maps": *"4K"' '"dirty": *true' '"entry_count": *4' -- \
		"$PAGEVISOR" show --json "$frame" tables
	expect "a table's entries are those of tables" 0 'out:^type +kernel_page_table' 'out: table +by 0x[0-9a-f]+\[[0-9]+\] L[1-3] ' -- \
		"$PAGEVISOR" show "$("$PAGEVISOR" find --each --limit 2 'type == kernel_page_table' tables |
			sed -n 's/^\(0x[0-9a-f]*\) .*/\1/p' | tail -1)" tables
	stop
}

test_capture()
{
	start works --memory 64M
	expect "a capture of all memory is made" 0 -- "$PAGEVISOR" capture --force --all-memory "$WORK/all.pvc" works
	expect "and of metadata alone" 0 -- "$PAGEVISOR" capture --force "$WORK/few.pvc" works
	stop
	expect "nothing is found in a capture of all memory" 0 'out:^findings  none' -- \
		"$PAGEVISOR" check "$WORK/all.pvc"
	expect "one of metadata alone is refused" 2 "err:^pagevisor: $WORK/few.pvc holds the metadata alone; check needs .* --all-memory\$" -- \
		"$PAGEVISOR" check "$WORK/few.pvc"
}

test_fields()
{
	start works --memory 64M
	expect "frames are found by a field" 0 'out:shared +page_table' 'out:level = .*1' \
		-- "$PAGEVISOR" find --fields --limit 2 'type == page_table && meta.level == 1 && ref >= 1' works
	expect "the fields in JSON" 0 'out:"fields":' 'out:"level":1' \
		-- "$PAGEVISOR" find --json --fields --limit 2 'meta.level == 1' works
	expect "no frame matches an impossible level" 0 'out:^0$' -- \
		"$PAGEVISOR" find --count 'type == page_table && meta.level == 77' works
	expect "a field that no type has" 2 'err:column 1: no type of this guest has a field meta.levl' \
		-- "$PAGEVISOR" find 'meta.levl == 1' works
	stop
}

test_clean
test_broken
test_tables
test_entries
test_capture
test_fields
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Each inspection command on guests that lie about themselves while they run: it must end by itself with the right
# status, print one line that says what is wrong, and take no memory of the guest's. Usage: hostile.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_guests
if [ -n "$(kvm_problem)" ] && ! command -v qemu-system-x86_64 >/dev/null; then
	skip "guests that lie" "neither KVM nor QEMU"
	finish
fi

GUEST=$GUESTS/poked.elf
COMMANDS=("stat" "types" "show 0x0" "find --count 1" "map" "check" "capture --force $WORK/lie.pvc"
	"top --batch 1" "watch --time 0.1 0x0" "diff $WORK/truth.pvc")

# The address of one of the guest's symbols, plus an offset.
at()
{
	printf '%08x' $((0x$(nm "$GUEST" | sed -n "s/ [a-zA-Z] $1\$//p") + $2))
}

# info OFFSET VALUE: a word of the info page, by its offset in struct guest_info; VALUE has 16 digits.
info()
{
	echo "@$(at info_page "$1")=$2"
}

# The blocks of the guest's RAM, a file in memory that the run process holds open.
ram_blocks()
{
	local file

	for file in /proc/"$running_pid"/fd/*; do
		case $(readlink "$file") in
		/memfd:*) stat -L -c '%s %b' "$file" ;;
		esac
	done | sort -n | tail -1
}

is_published()
{
	"$PAGEVISOR" stat liar >"$OUT" 2>"$ERR"
	! grep -Eq 'has not published|no VM|no further' "$ERR"
}

# start POKES: starts a guest that tells these lies; returns when its info page is published.
start()
{
	"$PAGEVISOR" run --name liar --kernel "$GUEST" --memory 16M --cpus 1 --time 0 --quiet \
		--append "$1" >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	if within is_published; then
		before=$(ram_blocks)
		return
	fi
	last_command=("$PAGEVISOR" run --kernel "$GUEST" --append "$1")
	fail "a guest that lies" "it does not run"
	finish
}

stop()
{
	check "$1: no command took memory of the guest's" [ "$before" = "$(ram_blocks)" ]
	# The guest ignores requests to end: the second signal stops the VM.
	kill -INT "$running_pid"
	kill -TERM "$running_pid" 2>/dev/null
	wait "$running_pid" 2>/dev/null
	running_pid=
}

# refused NAME PATTERN POKES: a lie about what all commands need: status 3, and one line that names the field.
refused()
{
	local command

	start "$3"
	for command in "${COMMANDS[@]}"; do
		# shellcheck disable=SC2086
		expect "$1: ${command%% *} says so" 3 "err:^pagevisor: .*$2" -- "$PAGEVISOR" $command liar
		check "$1: ${command%% *} says it in a line" says_one_line
	done
	stop "$1"
}

# goes_on NAME STATUS PATTERN POKES: a lie that only the check reports, with this status and this output.
goes_on()
{
	local command

	start "$4"
	for command in "${COMMANDS[@]}"; do
		[ "$command" != check ] || continue
		# shellcheck disable=SC2086
		expect "$1: ${command%% *} goes on" 0 -- "$PAGEVISOR" $command liar
		check "$1: ${command%% *} prints plain text" is_plain_text "$OUT"
	done
	expect "$1: the check" "$2" "out:$3" -- "$PAGEVISOR" check liar
	check "$1: the check prints plain text" is_plain_text "$OUT"
	[ "$1" != "a root that points at itself" ] ||
		expect "$1: show says so" 0 'out:^problems  frame 0x4000: page_table: expected a table of level 3 only' -- \
			"$PAGEVISOR" show 0x4000 liar
	stop "$1"
}

# The same guest without lies passes, so the other tests fail only because of the lies.
test_truth()
{
	start ""
	expect "the truth: it is what diff compares with" 0 -- "$PAGEVISOR" capture --force "$WORK/truth.pvc" liar
	stop "the truth, captured"
	goes_on "the truth" 0 '^findings  none' ""
	start ""
	expect "the truth: it does not differ" 0 'out:^frames .*; 0 changed$' -- "$PAGEVISOR" diff "$WORK/truth.pvc" liar
	expect "the truth: it does not trace" 1 'err:does not trace' -- "$PAGEVISOR" trace liar
	stop "the truth, compared"
}

# traces NAME PATTERN POKES: a lie about the trace, which show, watch and trace report before they continue.
traces()
{
	local command

	start "$3"
	for command in "show 0x0" "watch --time 0.1 0x0" trace; do
		# shellcheck disable=SC2086
		expect "$1: ${command%% *} says so and goes on" 0 "err:$2" -- "$PAGEVISOR" $command liar
		check "$1: ${command%% *} prints plain text" is_plain_text "$OUT"
	done
	expect "$1: the check" 0 'out:^findings  none' -- "$PAGEVISOR" check liar
	stop "$1"
}

test_traces()
{
	traces "a ring without end" 'trace is broken: 0 invalid entries, [1-9][0-9]* invalid rings' \
		"$(info 176 0000000000005000) @00005000=0000000000000040 @00005008=0000000000006000 @00005010=0000010000000000"
	traces "a ring that is nowhere" 'trace is broken: 0 invalid entries, [1-9][0-9]* invalid rings' \
		"$(info 176 0000000000005000) @00005000=0000000000000040 @00005008=fffffffffffff000 @00005010=0000000000000040"
	traces "a ring of nothing" 'trace is broken: [1-9][0-9]* invalid entries, 0 invalid rings' \
		"$(info 176 0000000000005000) @00005000=0000000000000040 @00005008=0000000000006000 @00005010=0000000000000040"
	traces "functions that are nowhere" 'table of functions is broken' \
		"$(info 176 0000000000005000) $(info 184 fffffffffffff000) $(info 192 0000000000001000)"
}

test_refused()
{
	refused "a wrong magic" 'magic is 0x1234$' "$(info 0 0000000000001234)"
	refused "the ABI before this one" 'the guest speaks ABI version 6, this pagevisor speaks 7: use the pagevisor that made it$' \
		"$(info 8 000000e000000006)"
	refused "a boot without a number" 'boot_id is 0$' "$(info 200 0000000000000000)"
	refused "a memory map without end" 'region_count is 0xffffffff$' "$(info 216 00000000ffffffff)"
	refused "a memory map outside of RAM" 'regions_pa is 0xd0000000$' \
		"$(info 208 00000000d0000000) $(info 216 0000000000000258)"
	refused "a memory map that wraps" 'regions_pa is 0xfffffffffffffff8$' \
		"$(info 208 fffffffffffffff8) $(info 216 0000000000000001)"
	refused "a keeper's page outside of RAM" 'keeper_pa is 0xd0000000$' "$(info 224 00000000d0000000)"
	refused "a keeper's page across two pages" 'keeper_pa is 0x400800$' "$(info 224 0000000000400800)"
	refused "an unknown stage" 'boot_stage is 0x63$' "$(info 16 0000004000000063)"
	refused "slots without end" '(slot_count|array_pa) is 0x' "$(info 40 03ffffffffffffff) $(info 48 3ffffffffffff000)"
	refused "an array that wraps" 'array_pa is 0xffffffffffffffc0$' "$(info 32 ffffffffffffffc0)"
	refused "an array outside of RAM" 'array_pa is 0xd0000000$' "$(info 32 00000000d0000000)"
	refused "a million types" 'type_count is 0xf4240$' "$(info 88 00000040000f4240)"
	refused "types that are nowhere" 'types_va is 0xdead00000000000$' "$(info 80 0dead00000000000)"
	refused "a thousand processors" 'cpu_count is 0x3e8$' "$(info 24 00000000000003e8)"
	refused "a trace outside of RAM" 'trace_pa is 0xd0000000$' "$(info 176 00000000d0000000)"
	refused "counters that wrap" 'counters_pa is 0xfffffffffffff000$' "$(info 96 fffffffffffff000)"
}

test_goes_on()
{
	goes_on "BTF of a terabyte" 0 '^findings  none' "$(info 120 0000000000100000) $(info 128 0000010000000000)"
	goes_on "BTF that wraps" 0 '^findings  none' "$(info 120 ffffffffffffff00) $(info 128 0000000000001000)"
	goes_on "a root that points at itself" 4 'frame 0x4000: page_table: expected a table of level 3 only' \
		"$(info 160 0000000000004000) @00004000=0000000000004003"
	goes_on "a root outside of RAM" 4 'whole guest: page_table: ' "$(info 160 fffffffffffff000)"
	goes_on "an allocator that is nowhere" 4 ': allocator: ' "$(info 168 ffffffffffffffc0)"
	goes_on "a name without end" 4 'findings' \
		"@$(at test_types 0)=0a1b5b324a0a1b5b @$(at test_types 8)=9b9b9b9b1b1b1b1b @$(at test_types 16)=0707070707070707 @$(at test_types 24)=ffffffffffffffff $(info 160 fffffffffffff000)"
}

test_truth
test_refused
test_goes_on
test_traces
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What protects the host from the command, and the command from its guests: how the program is built, what confines its
# processes as they run, a limit for the guest's console. What each process must not do is tried by the unit tests.
# Usage: sandbox.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# has PATTERN COMMAND...: whether its output has a matching line.
has()
{
	local pattern=$1

	shift
	"$@" 2>/dev/null | grep -qE -e "$pattern"
}

has_not()
{
	! has "$@"
}

test_program()
{
	last_command=(readelf -a "$PAGEVISOR")
	check "position-independent" has '^  Type: +DYN' readelf -h "$PAGEVISOR"
	check "RELRO" has '^  GNU_RELRO ' readelf -lW "$PAGEVISOR"
	check "full RELRO: bound at the start" has '\(FLAGS(_1)?\).*NOW' readelf -dW "$PAGEVISOR"
	check "no executable stack" has '^  GNU_STACK .* RW ' readelf -lW "$PAGEVISOR"
	check "no part that can be written and executed" has_not '^  LOAD .* RWE ' readelf -lW "$PAGEVISOR"
	check "stack protector" has ' __stack_chk_fail' readelf -sW "$PAGEVISOR"
	if is_sanitized; then
		skip "FORTIFY" "a sanitizer's build"
	else
		check "FORTIFY" has ' __(memcpy|vsnprintf|read)_chk' readelf -sW "$PAGEVISOR"
	fi
}

# Bytes of the guest's console on standard error.
shown()
{
	sed -n 's/^guest| //p' "$ERR" | wc -c
}

dropped()
{
	sed -nE 's/^ *"console_dropped_bytes":([0-9]+),$/\1/p' "$OUT"
}

# A line that is cut gets a newline that the guest did not write: at most one each time that something is dropped.
shows_or_counts_all()
{
	local sum=$(($(shown) + $(dropped)))

	[ "$sum" -ge 40000 ] && [ "$sum" -le 40400 ]
}

# test_console ACCEL: a guest that floods its console.
test_console()
{
	local run=("$PAGEVISOR" run --accel "$1" --kernel "$GUESTS/console_flood.elf" --memory 16M --cpus 1)

	expect "$1: a flood without a limit" 0 'out:"console_dropped_bytes":0,' -- "${run[@]}" --json --console-rate 0
	check "$1: all of it is shown" [ "$(shown)" -eq 40000 ]
	expect "$1: a flood and a limit" 0 'out:"console_dropped_bytes":[1-9]' -- "${run[@]}" --json --console-rate 1000
	check "$1: what is not shown is counted" shows_or_counts_all
}

# The rows of the table in the source, and in the documentation, in one form.
rows_of_source()
{
	sed -nE 's/^\t\{("[^}]*)\},$/\1/p' "$ROOT/vmm/sandbox/table.c" |
		sed -E 's/ *\| */; /g; s/"([^"]*)"/\1/; s/ *, */ | /g; s/; /, /g; s/(CALLS|REACH|CAPS)_//g' |
		awk -F ' [|] ' -v OFS=' | ' '{ for (i = 2; i <= NF; i++) $i = $i == "0" ? "none" : tolower($i); print "| " $0 " |" }'
}

test_documentation()
{
	rows_of_source >"$WORK/source"
	awk '/^## The table/ { inside = 1 } inside && /^\| process \| is/ { exit } inside && /^\| / { print }' \
		"$ROOT/docs/sandbox.md" | grep -v '^| process ' >"$WORK/documentation"
	check "there are rows" [ "$(wc -l <"$WORK/source")" -ge 8 ]
	expect "docs/sandbox.md has the table of the source" 0 -- diff "$WORK/source" "$WORK/documentation"
}

# has_status FILE LINE...: whether a process or thread has these lines, such as "Seccomp: 2".
has_status()
{
	local file=$1 line

	shift
	for line; do
		tr '\t' ' ' <"$file" | grep -qx "$line" || return
	done
}

# every_thread PID LINE...
every_thread()
{
	local pid=$1 task

	shift
	for task in "/proc/$pid/task"/*; do
		has_status "$task/status" "$@" || return
	done
}

# has_threads PID N LINE...: whether at least N threads have them.
has_threads()
{
	local pid=$1 wanted=$2 count=0 task

	shift 2
	for task in "/proc/$pid/task"/*; do
		! has_status "$task/status" "$@" || count=$((count + 1))
	done
	[ "$count" -ge "$wanted" ]
}

CONFINED=("NoNewPrivs: 1" "Seccomp: 2")
POWERLESS=("CapEff: 0000000000000000" "CapPrm: 0000000000000000" "CapInh: 0000000000000000")

# begin COMMAND...: in the background.
begin()
{
	"$PAGEVISOR" "$@" >"$WORK/begun" 2>&1 &
	running_pid=$!
}

end()
{
	kill "$running_pid"
	wait "$running_pid"
	running_pid=
}

# ThreadSanitizer starts a thread of its own before main.
test_vmm()
{
	begin run --accel "$1" --memory 32M --time 0 --cpus 2 --name demo --quiet
	within has_stage demo running
	is_sanitized || check "$1: all threads of the VMM are confined" every_thread "$running_pid" "${CONFINED[@]}"
	is_sanitized || check "$1: none has capabilities" every_thread "$running_pid" "${POWERLESS[@]}"
	if [ "$1" = kvm ] && is_sanitized; then
		:
	elif [ "$1" = kvm ]; then
		check "its vCPUs have a filter of their own" has_threads "$running_pid" 2 "Seccomp_filters: 2"
	else
		check "QEMU has a sandbox of its own" every_thread "$(pgrep -P "$running_pid" qemu)" "${CONFINED[@]}"
	fi
	test_inspectors "$running_pid"
	end
}

# test_inspectors PID: each command that goes on until it is ended, while a VM runs.
test_inspectors()
{
	local vm=$running_pid

	begin stat --follow demo
	is_sanitized || within has_status "/proc/$running_pid/status" "${CONFINED[@]}"
	is_sanitized || check "an inspector is confined" every_thread "$running_pid" "${CONFINED[@]}"
	end
	begin stat --follow --no-sandbox demo
	within grep -q 'the sandbox is off' "$WORK/begun"
	within grep -q running "$WORK/begun"
	check "--no-sandbox: it is not" every_thread "$running_pid" "Seccomp: 0" "NoNewPrivs: 0"
	end
	running_pid=$vm
}

# What a parent left open is closed: here a file that could be written.
test_descriptors()
{
	exec 7>"$WORK/leaked"
	begin run --memory 32M --time 0 --name leaky --quiet
	exec 7>&-
	within has_stage leaky running
	check "a descriptor that its parent left open is closed" \
		[ -z "$(find "/proc/$running_pid/fd" -lname "$WORK/leaked")" ]
	end
}

# Without standard error, messages go nowhere, and not into the first file that is opened.
test_closed_descriptors()
{
	local log=$WORK/closed

	PAGEVISOR_SANDBOX_LOG=$log "$PAGEVISOR" stat nobody 2>&-
	last_command=("$PAGEVISOR" stat nobody)
	check "no message in a file that has the number of standard error" [ ! -s "$log" ]
}

# What is not there, or turned off, is said.
test_words()
{
	expect "version" 0 'out:^sandbox +(no )?seccomp, (no Landlock|Landlock [0-9]+)$' -- "$PAGEVISOR" version
	expect "--no-sandbox says so" 0 'err:^pagevisor: the sandbox is off$' 'out:"seccomp":false' -- \
		"$PAGEVISOR" run --no-sandbox --memory 16M --ops 100 --quiet --json
	check "once" line_count "$ERR" 1
	expect "PAGEVISOR_SANDBOX=off says so" 0 'err:^pagevisor: the sandbox is off$' -- \
		env PAGEVISOR_SANDBOX=off "$PAGEVISOR" stress mix --memory 16M --ops 100 --quiet
	check "once, and not for each process that it starts" [ "$(grep -c 'sandbox is off' "$ERR")" -eq 1 ]
	expect "without it nothing is said" 0 'out:"seccomp":true' '!err:sandbox is off' -- \
		"$PAGEVISOR" run --memory 16M --ops 100 --json
}

test_program
test_documentation
need_vm "guests"
need_guests
for accel in kvm qemu-tcg; do
	[ "$accel" != kvm ] || [ -z "$(kvm_problem)" ] || continue
	test_console $accel
	test_vmm $accel
done
test_descriptors
test_closed_descriptors
test_words
expect "the report says what is missing" 0 'out:^console   [0-9]+ bytes dropped, more than 1000 a second$' -- \
	"$PAGEVISOR" run --accel qemu-tcg --kernel "$GUESTS/console_flood.elf" --memory 16M --cpus 1 --console-rate 1000
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Pauses harm nobody: a VM runs between the pauses of many inspectors, a QEMU is resumed only from our pause, and
# its QMP socket is free for others until it is needed. Usage: pauses.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

PROBE=$BUILD/attach-probe
qmp=$WORK/qmp
operator=$WORK/operator # a second QMP socket, for somebody else
console=$WORK/console

# Two inspectors whose pauses always overlap, beside one that was stopped in its own.
test_turns()
{
	start_vm shared --memory 16M --time 0
	start stopped "$PROBE" pause_for shared 60000
	await_line stopped '^paused'
	kill -STOP "${pids[stopped]}"
	expect "a VM runs between the pauses of others" 0 'out:^the guest ran between the pauses$' -- \
		"$PROBE" alternate shared 300 20
	stop stopped
	end_vm shared
}

has_booted()
{
	grep -q '^ready:' "$console" 2>/dev/null
}

start_qemu()
{
	rm -f "$qmp" "$operator" "$console"
	start qemu qemu-system-x86_64 -accel tcg -machine microvm,memory-backend=mem -m 64M \
		-object memory-backend-memfd,id=mem,size=64M,share=on -kernel "$GUEST" \
		-append "workload=churn time_ms=3600000" -nodefaults -display none -serial "file:$console" \
		-qmp "unix:$qmp,server=on,wait=off" -qmp "unix:$operator,server=on,wait=off"
	within has_booted
}

# The answer to a command of the operator.
ask()
{
	timeout "$LIMIT" "$PROBE" qmp "$operator" "$1"
}

state_is()
{
	ask query-status | grep -q "\"status\":\"$1\""
}

# follow NAME COMMAND...: starts a command that looks again and again, through the QMP socket.
follow()
{
	local name=$1

	shift
	start "$name" "$PAGEVISOR" "$@" "qemu:$qmp"
	within test -s "$WORK/$name"
}

more_lines()
{
	[ "$(wc -l <"$WORK/$1")" -gt "$2" ]
}

# looks_on NAME: whether it still prints.
looks_on()
{
	within more_lines "$1" "$(wc -l <"$WORK/$1")"
}

# Commands that look on and on do not need QMP any more; nor does anything else that could pause, until it does.
test_sharing()
{
	local frames

	# Several: a single one may not change for a long time.
	"$PAGEVISOR" find --each --limit 60 'type == anon' "qemu:$qmp" 2>/dev/null |
		awk '/^0x/ { print $1 }' | readarray -t frames
	follow stat stat --follow --interval 0.1
	follow top top --batch 1000000 --interval 0.1
	follow watch watch "${frames[@]}"
	start late "$PROBE" pause_when "qemu:$qmp" "$WORK/now"
	await_line late '^open'
	expect "QMP is free while others look on" 0 'out:"status":"running"' -- "$PROBE" qmp "$qmp" query-status
	start busy "$PROBE" qmp "$qmp" stay
	await_line busy connected
	: >"$WORK/now"
	await late
	judge "QMP in use: a pause is refused" 1 'out:qmp: no greeting: it serves another client'
	check "QMP in use: in one line" line_count "$OUT" 2
	check "QMP in use: stat looks on" looks_on stat
	check "QMP in use: top looks on" looks_on top
	check "QMP in use: watch looks on" looks_on watch
	stop busy
	stop watch
	stop top
	stop stat
	check "the guest runs" state_is running
}

# The process that pauses for the probe with that name.
pauser_of()
{
	cat "/proc/${pids[$1]}/task/${pids[$1]}/children"
}

# hold NAME: begins a pause. Sets $pauser, the process that will end it.
hold()
{
	start "$1" "$PROBE" pause_for "qemu:$qmp" 60000
	await_line "$1" '^paused'
	pauser=$(pauser_of "$1")
	check "$1: it is paused" state_is paused
}

# let_go NAME STATE: the inspector is killed; in the end, the guest is in that state.
let_go()
{
	stop "$1"
	within is_over "$pauser"
	check "$1: it is $2 in the end" state_is "$2"
}

test_ours()
{
	local pauser signal

	hold "an inspector that is killed"
	let_go "an inspector that is killed" running
	hold "cont and stop in a pause"
	ask cont >/dev/null
	ask stop >/dev/null
	let_go "cont and stop in a pause" paused
	ask cont >/dev/null
	hold "signals to the process that pauses"
	for signal in HUP INT QUIT TERM USR1 USR2 ALRM PIPE IO VTALRM PROF XCPU PWR STKFLT TSTP TTIN RTMIN; do
		kill -"$signal" "${pauser:?}"
	done
	check "signals to the process that pauses: it stays" kill -0 "$pauser"
	let_go "signals to the process that pauses" running
	hold "a migration in a pause"
	ask "migrate {\"uri\":\"exec:cat >$WORK/copy\"}" >/dev/null
	within state_is postmigrate
	let_go "a migration in a pause" postmigrate
	ask cont >/dev/null
}

# Another QEMU on the same socket is not the one whose RAM was found.
test_another_qemu()
{
	local first=${pids[qemu]}

	rm "$WORK/now"
	start late "$PROBE" pause_when "qemu:$qmp" "$WORK/now"
	await_line late '^open'
	stop qemu
	start_qemu
	: >"$WORK/now"
	await late
	judge "another QEMU on the socket is not paused" 1 \
		"out:qmp: the socket of process ${pids[qemu]} by now, not of $first\$"
	check "the other QEMU's guest runs" state_is running
	stop qemu
}

need_vm "pauses"
test_turns
if ! command -v qemu-system-x86_64 >/dev/null; then
	skip "pauses of QEMU" "no qemu-system-x86_64 here"
	finish
fi
start_qemu
test_sharing
test_ours
test_another_qemu
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Sockets that lie, VMs that do not answer or cannot take an inspector now, and that no socket of a living VM is ever
# removed. Usage: sockets.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

PROBE=$BUILD/attach-probe

# lie NAME STATUS PATTERN: one line must report it.
lie()
{
	local socket=$SOCKETS/fake.4711.sock

	start fake "$PROBE" fake "$socket" "$1"
	await_line fake listening
	expect "a socket that lies: $1" "$2" "err:$3" -- "$PAGEVISOR" stat fake
	check "a socket that lies: $1: one line" says_one_line
	check "a socket that lies: $1: plain text" is_plain_text "$ERR"
	check "a socket that lies: $1: it is not removed" [ -S "$socket" ]
	stop fake
	rm -f "$socket"
}

# lie_in_vain NAME PATTERN: the same, where the command waits until its deadline.
lie_in_vain()
{
	PAGEVISOR_TIMEOUT=0.2 lie "$1" 1 "$2"
}

has_huge_files()
{
	local answer

	start huge "$PROBE" fake "$SOCKETS/fake.4711.sock" hugetlb
	within grep -q . "$WORK/huge"
	answer=$(cat "$WORK/huge")
	stop huge
	rm -f "$SOCKETS/fake.4711.sock"
	[ "$answer" = listening ]
}

test_lies()
{
	local none='fake.4711: the listener is not a VM of this pagevisor:'

	lie_in_vain silent 'the VM fake \(pid:4711\) does not answer'
	lie_in_vain hangs_up 'fake.4711: the listener hangs up without a word'
	if has_huge_files; then
		lie hugetlb 1 "$none its RAM is not in tmpfs"
	else
		skip "RAM in hugetlbfs" "there are no huge pages here"
	fi
	lie version 1 "$none the protocol version is 99; [0-9]+ is needed"
	lie short 1 "$none the length of a message"
	lie_in_vain empty 'fake.4711: the listener hangs up without a word'
	lie zeros 1 "$none the magic is 0"
	lie name 1 "$none it calls itself other.4711"
	lie escape 1 "$none its name is not valid"
	lie regions 1 "$none the number of memory regions is 0xffffffff"
	lie past_end 1 "$none its memory map exceeds its RAM"
	lie vast 1 'the VM fake: more than 1024 GiB of guest memory'
	lie overlap 1 'the VM fake: memory region .* overlaps another'
	lie no_ram 1 "$none it does not hand out its RAM"
	lie two_descriptors 1 "$none its memory map exceeds its RAM"
	lie shrinks 1 "$none its RAM may shrink"
	lie pipe 1 "$none its RAM is not a file"
	lie null 1 "$none its RAM is not a file"
	lie wild_info 3 "the guest.s info page at 0xfffffffffffffff7 is not in RAM"
	lie floods 3 "the guest has not published its info page"
}

# few_descriptors COMMAND...: runs it with few descriptors, and without root's privilege to have more of them in flight.
few_descriptors()
{
	# QEMU gets some from 64 on.
	ulimit -n 128
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --bounding-set -sys_resource,-sys_admin --inh-caps -all "$@"
	fi
	exec "$@"
}

# A VM that cannot send a descriptor says so, and its socket stays.
test_descriptors()
{
	if ! (few_descriptors true) 2>/dev/null; then
		skip "descriptors in flight" "privileges cannot be dropped here"
		return
	fi
	start scarce few_descriptors "$PAGEVISOR" run --name scarce --memory 16M --time 0
	within has_stage scarce running
	start flood "$PROBE" in_flight 400
	await_line flood '^in flight'
	expect "too many descriptors in flight" 1 'err:^pagevisor: the VM scarce cannot hand out its RAM: .* in flight$' -- \
		env PAGEVISOR_TIMEOUT=0.2 "$PAGEVISOR" stat scarce
	check "too many descriptors in flight: one line" says_one_line
	check "the socket stays" [ -S "$(socket_of scarce)" ]
	start patient "$PAGEVISOR" stat scarce
	stop flood
	await patient
	judge "one that waits gets the RAM later" 0 'out:^findings  none'
	# More connections than the VM has descriptors, and than it takes.
	start crowd "$PROBE" silent "$(socket_of scarce)" 200
	await_line crowd connected
	expect "a crowd of one process gives way" 0 'out:^findings  none' -- "$PAGEVISOR" stat scarce
	check "the socket stays in a crowd" [ -S "$(socket_of scarce)" ]
	stop crowd
	expect "and after it" 0 'out:^findings  none' -- "$PAGEVISOR" stat scarce
	end_vm scarce
}

# start_silent COUNT: sockets of VMs silent-1, silent-2 ... that never answer.
start_silent()
{
	local i

	for ((i = 1; i <= $1; i++)); do
		start "silent-$i" "$PROBE" fake "$SOCKETS/silent-$i.$((4711 + i)).sock" silent
		await_line "silent-$i" listening
	done
}

stop_silent()
{
	local i

	for ((i = 1; i <= $1; i++)); do
		stop "silent-$i"
		rm -f "$SOCKETS/silent-$i.$((4711 + i)).sock"
	done
}

# The time of one look at all of them is that of one: test_fleet.c.
test_ps()
{
	start_vm lively --time 0
	start_silent 5
	# It hands out its RAM and then answers no request.
	start mute "$PROBE" fake "$SOCKETS/mute.4999.sock" none
	await_line mute listening
	expect "ps beside VMs that do not answer" 0 '!err:.' 'out:^lively .* 64 MiB .* running' \
		'out:^silent-1 +4712 +- +-  no answer +- +-$' 'out:^silent-5 .* no answer ' 'out:^mute .* no answer ' -- \
		env PAGEVISOR_TIMEOUT=0.3 "$PAGEVISOR" ps
	expect "ps --json beside them" 0 'out:"answers":true' 'out:"answers":false' \
		'out:"problem":"the VM silent-3 \(pid:4714\) does not answer"' -- \
		env PAGEVISOR_TIMEOUT=0.3 "$PAGEVISOR" ps --json
	check "ps --json: one that answers" [ "$(grep -c '"answers":true' "$OUT")" -eq 1 ]
	expect "who is not the only VM is known without an answer" 2 'err:7 VMs are running; name one: lively, mute, silent-1,' -- \
		env PAGEVISOR_TIMEOUT=100000 "$PAGEVISOR" stat
	start watch env PAGEVISOR_TIMEOUT=0.3 "$PAGEVISOR" ps --watch
	check "ps --watch lists them" await_line watch '^silent-1 .* no answer'
	stop silent-1
	rm -f "$SOCKETS/silent-1.4712.sock"
	check "ps --watch goes on" within watch_forgets silent-1
	stop watch
	expect "ps waits for a number of seconds" 2 'err:^pagevisor: PAGEVISOR_TIMEOUT is no time above 0' -- \
		env PAGEVISOR_TIMEOUT=soon "$PAGEVISOR" ps
	test_names
	stop mute
	start_silent 1
	stop_silent 5
	end_vm lively
}

# watch_forgets NAME: whether the newest table of ps --watch has the VM no more.
watch_forgets()
{
	tac "$WORK/watch" | sed '/^NAME/q' | grep -q "^$1 " && return 1
	return 0
}

# None of these waits for an answer: nothing answers, and the deadline is far away.
test_names()
{
	local -x PAGEVISOR_TIMEOUT=100000

	# A dead VM's process is no more; that of a fake is, too.
	expect "ps --names asks nobody" 0 "out:^lively	${pids[lively]}$" '!out:silent' -- "$PAGEVISOR" ps --names
	if ! command -v script >/dev/null; then
		skip "names on a terminal" "no script(1) here"
		return
	fi
	start names script -qfec "$PAGEVISOR ps" /dev/null
	check "ps on a terminal shows the names first" await_line names '^silent-5 '
	check "those of VMs that will answer, too" says_line names '^lively '
	check "but no table yet" [ "$(grep -c '^NAME' "$WORK/names")" -eq 0 ]
	stop names
	PAGEVISOR_TIMEOUT=0.3 expect "then the table takes their place" 0 $'out:\033\\[6A\033\\[JNAME' 'out:^lively .*running' -- \
		env TERM=vt100 script -qfec "stty rows 30; $PAGEVISOR ps" /dev/null
	PAGEVISOR_TIMEOUT=0.3 expect "or comes below where it has no room" 0 $'!out:\033' 'out:^lively .*running' -- \
		env TERM=vt100 script -qfec "stty rows 6; $PAGEVISOR ps" /dev/null
}

# What the kernel sends for memory that cannot be read ends every command with a line; threads: test_thread_signals.c.
test_bus_errors()
{
	local name

	start_vm lively --time 0
	start bus-stat "$PAGEVISOR" stat --follow lively
	start bus-top "$PAGEVISOR" top --batch 100000 lively
	start bus-ps "$PAGEVISOR" ps --watch
	for name in bus-stat bus-top bus-ps; do
		await_line "$name" running
		kill -BUS "${pids[$name]}"
		await "$name"
		judge "$name: memory that cannot be read" 1 "out:^pagevisor: the guest's RAM cannot be read"
	done
	end_vm lively
}

# Processes whose numbers mean nothing to each other.
test_namespaces()
{
	local -a apart=(unshare --pid --fork --kill-child --mount-proc)

	if [ "$(id -u)" -ne 0 ] || ! "${apart[@]}" true 2>/dev/null; then
		skip "other namespaces" "only root may make them"
		return
	fi
	start_vm outside --time 0
	expect "ps without /proc" 1 'err:^pagevisor: mount /proc: ' -- \
		unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$PAGEVISOR" ps
	check "ps without /proc: one line" says_one_line
	expect "stat without /proc" 1 'err:^pagevisor: mount /proc: ' -- \
		unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$PAGEVISOR" stat outside
	check "without /proc no socket is removed" [ -S "$(socket_of outside)" ]
	expect "a VM outside of the namespace" 0 \
		"out:^vm        outside, process ${pids[outside]} of another PID namespace\$" -- \
		"${apart[@]}" "$PAGEVISOR" stat outside
	expect "ps of it" 0 "out:^ +process ${pids[outside]} of another PID namespace\$" -- "${apart[@]}" "$PAGEVISOR" ps
	expect "ps --json of it" 0 'out:"pid_is_foreign":true' -- "${apart[@]}" "$PAGEVISOR" ps --json
	expect "its own namespace is not another" 0 '!out:another PID' -- "$PAGEVISOR" stat outside
	end_vm outside
	start inside "${apart[@]}" "$PAGEVISOR" run --name inside --memory 16M --time 0
	within has_stage inside running
	expect "a VM inside of another namespace" 0 'out:^vm        inside, process 1 of another PID namespace$' -- \
		"$PAGEVISOR" stat inside
	check "who pauses it from outside has no number there" within names_no_holder
	stop inside
}

# A pause ends by itself after two seconds.
names_no_holder()
{
	local result=0

	start holder "$PROBE" pause_for inside 60000
	await_line holder '^paused'
	"$PAGEVISOR" ps | grep -q '^ *paused by a process of another PID namespace for' || result=1
	stop holder
	return "$result"
}

mkdir -m 700 "$SOCKETS"
test_lies
need_vm "sockets of VMs"
test_descriptors
test_ps
test_bus_errors
test_namespaces
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Signals to a running VMM: a guest that listens ends in good order, one that does not is stopped, and nothing is left
# behind. Usage: signals.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Receives the VMM's stderr, line by line, as it is written.
PIPE=$WORK/pipe

# start OPTION...: runs a VM in the background; its pid is $running_pid.
start()
{
	last_command=("$PAGEVISOR" run "$@")
	rm -f "$PIPE"
	mkfifo "$PIPE"
	"${last_command[@]}" >"$OUT" 2>"$PIPE" </dev/null &
	running_pid=$!
	exec 3<"$PIPE"
	: >"$ERR"
}

# Waits until the VMM prints a line that matches a regular expression.
wait_for_line()
{
	local line

	while read -r -t "$LIMIT" line <&3; do
		printf '%s\n' "$line" >>"$ERR"
		[[ ! $line =~ $1 ]] || return 0
	done
	return 1
}

send()
{
	kill -"$1" "$running_pid"
}

# Waits for the end; sets $status as the shell reports it. Kills a VMM that does not end.
await_end()
{
	if ! timeout "$LIMIT" cat <&3 >>"$ERR"; then
		kill -KILL "$running_pid"
		echo "still ran after $LIMIT s" >>"$ERR"
	fi
	exec 3<&-
	status=0
	wait "$running_pid" || status=$?
	running_pid=
}

test_good_end()
{
	local name

	for name in INT TERM; do
		start --memory 64M --time 0
		wait_for_line ' running '
		send "$name"
		await_end
		judge "SIG$name: the guest ends in good order" 0 'err:asking the guest to end' \
			'out:^result    the guest ended well' 'out:^findings  none' 'out:^allocated'
	done
}

# It has not done all that it was to do.
test_early_end()
{
	start --memory 64M --time 1000
	wait_for_line ' running '
	send INT
	await_end
	judge "SIGINT before the time is over" 130 'out:^findings  none' \
		'out:^result    the guest ended well before its end, as signal 2 \(Interrupt\) asked it to$'
	start --memory 64M --ops 1000000000 --json
	wait_for_line ' running '
	send TERM
	await_end
	judge "SIGTERM before the steps are made" 143 'out:"result":"the guest ended well before its end' 'out:"status":143$'
}

test_stop()
{
	start --memory 64M --workload fault --append fault=hang --time 0
	wait_for_line ' running '
	send INT
	wait_for_line 'asking the guest to end'
	send TERM
	await_end
	# The status is that of the second signal. After one signal the guest has seconds to end in good order, and then
	# the status is that of the first.
	judge "a second signal stops a guest that hangs" 143 'out:stopped by signal 15 \(Terminated\)' \
		'out:^findings  none'

	start --memory 64M --workload fault --append fault=hang --time 0 --json
	wait_for_line ' running '
	send INT
	await_end
	judge "a guest that hangs is stopped a while after one signal" 130 'out:"status":130$' \
		'out:"result":"stopped by signal 2'
}

# No signal is needed: the time is over, and the guest neither ends nor does anything.
test_hang()
{
	expect "a guest that hangs is ended some seconds after its time" 3 \
		'out:^result    the guest hung: its time of 1 s was over, and it had done nothing for [0-9.]+ s; it had made 0 steps$' \
		'err:^pagevisor: the guest hung' 'out:^steps     0, 0/s$' -- \
		"$PAGEVISOR" run --memory 32M --workload fault --append fault=hang --time 1
	start --memory 32M --workload fault --append fault=hang --time 1 --timeout 0
	wait_for_line '^ *1[3-9]\.[0-9] s running '
	send INT
	await_end
	judge "not with --timeout 0" 130 'out:stopped by signal 2 .*; it had made 0 steps$'
}

# Other kernels cannot be asked to end.
test_other_kernel()
{
	start --memory 16M --cpus 1 --kernel "$GUESTS/endless_stray.elf"
	# QEMU does not report the accesses that our VMM reports, so nothing tells when it runs.
	if runs_in_tcg; then
		wait_for_line 'not watched'
		sleep 2
	else
		wait_for_line 'no more of these'
	fi
	send INT
	await_end
	judge "a kernel that cannot be asked is stopped at once" 130 'out:stopped by signal 2' \
		'!err:asking'
}

test_wild_mailbox()
{
	start --memory 16M --cpus 1 --kernel "$GUESTS/info_mailbox_wild.elf"
	wait_for_line ' running '
	send INT
	wait_for_line 'asking the guest to end'
	send INT
	await_end
	judge "info_mailbox_wild: asking has no effect" 130 'out:stopped by signal 2'
}

# The signal that kicks a vCPU out of the guest must do no harm when it comes from elsewhere.
test_stray_kick()
{
	if runs_in_tcg; then
		skip "a stray SIGUSR1" "vCPUs are another process's"
		return
	fi
	start --memory 64M --time 0
	wait_for_line ' running '
	send USR1
	send USR1
	wait_for_line ' running '
	send INT
	await_end
	judge "a stray SIGUSR1 changes nothing" 0 'out:ended well' 'out:^findings  none'
}

# is_gone PID...: QEMU ends a moment later.
is_gone()
{
	local pid

	for pid in "$@"; do
		within test ! -e "/proc/$pid" || return 1
	done
}

test_killed()
{
	local threads pid vcpus

	start --memory 64M --cpus 4 --workload fault --append fault=hang --time 0
	wait_for_line ' running '
	pid=$running_pid
	vcpus=$pid
	! runs_in_tcg || vcpus=$(pgrep -P "$pid" qemu-system)
	threads=$(find "/proc/$vcpus/task" -mindepth 1 -maxdepth 1 | wc -l)
	check "each vCPU has a thread" [ "$threads" -ge 5 ]
	send KILL
	await_end 2>/dev/null # hides the shell's "Killed"
	judge "SIGKILL ends it" 137
	check "SIGKILL leaves no thread" is_gone "$pid" "$vcpus"
}

need_vm "signals"
need_guests
test_good_end
test_early_end
test_stop
test_hang
test_other_kernel
test_wild_mailbox
test_stray_kick
test_killed
finish

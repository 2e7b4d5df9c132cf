#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# `pagevisor mem` on guests that lie to their keeper without end, while memory is taken from them and given back: each
# command ends, with a sound answer or with one line; the guest loses no bytes of frames that the host may not take; a
# VM beside it notices nothing; and a guest that rests lets its VMM rest, which ends when it is told to.
# Usage: [LIES="h u ..."] mem_hostile.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_guests
need_vm "guests that lie to their keeper"

RAM=$((16 << 20))
# A command that takes longer hangs.
LIMIT=${MEM_LIMIT:-60}
# Of 10 ms of CPU time.
WORK_TICKS=50

neighbour=

clean_up_both()
{
	[ -z "$neighbour" ] || kill -KILL "$neighbour" 2>/dev/null
	clean_up
}
trap clean_up_both EXIT

# start LETTERS: a guest that tells these lies of guests/keeper_lies.S.
start()
{
	"$PAGEVISOR" run --name liar --kernel "$GUESTS/keeper_lies.elf" --memory 16M --cpus 1 --time 0 --quiet \
		--append "@$1" >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within is_managed || fail "a guest that lies" "it does not run"
}

# Whether the VM has seen its frames: from then on there is something to take. Some lies let it see them now and then.
is_managed()
{
	run_command "$PAGEVISOR" mem show --json liar
	[ "$(number managed_frames)" -gt 0 ]
}

# number KEY: the number of a key in the last answer in JSON.
number()
{
	sed -nE "s/^ *\"$1\":([0-9]+),?$/\\1/p" "$OUT" | head -n 1
}

# What the host holds, of what it says, is memory of the guest's that the guest's file does not have.
is_within_ram()
{
	local soft hard resident

	soft=$(number soft_frames) hard=$(number hard_frames) resident=$(number resident_bytes)
	[ -n "$soft" ] && [ -n "$hard" ] && [ -n "$resident" ] &&
		[ $(((soft + hard) * 4096)) -le "$RAM" ] && [ "$resident" -le "$RAM" ]
}

# An answer: one line that says what was done, or why not.
is_answer()
{
	case $status in
	0 | 1 | 3 | 5) [ "$(cat "$OUT" "$ERR" | wc -l)" -eq 1 ] ;;
	*) false ;;
	esac
}

# answers LIE ARGUMENT...: a command on the liar, and then what there is to show.
answers()
{
	local name="$1: mem ${*:2}"

	shift
	run_command "$PAGEVISOR" mem "$@"
	if is_answer; then
		run_command "$PAGEVISOR" mem show --json liar
		check "$name" is_within_ram
	else
		fail "$name" "it does not end, or not with one line"
	fi
}

# Writes to the guest's word `rest`, in the file behind its RAM, which the run process holds open.
let_it_rest()
{
	local file address

	address=$((0x$(nm "$GUESTS/keeper_lies.elf" | sed -n 's/ [a-z] rest$//p')))
	for file in /proc/"$running_pid"/fd/*; do
		case $(readlink "$file") in
		/memfd:pagevisor-ram*) printf '\001' | dd of="$file" bs=1 seek="$address" conv=notrunc status=none ;;
		esac
	done
}

# cpu_ticks PID: ticks of CPU time that a VM's processes have had.
cpu_ticks()
{
	local pid sum=0

	for pid in "$1" $(pgrep -P "$1"); do
		sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
	done
	echo "$sum"
}

# has_worked PID TICKS: for within.
has_worked()
{
	[ "$(cpu_ticks "$1")" -ge "$2" ]
}

# Whether the VM does next to nothing while the one beside it, which is at work, has some CPU time: so this does not depend
# on how busy the machine is. For within.
rests()
{
	local before after

	before=$(cpu_ticks "$running_pid")
	within has_worked "$neighbour" $(($(cpu_ticks "$neighbour") + WORK_TICKS))
	after=$(cpu_ticks "$running_pid")
	[ "$before" -gt 0 ] && [ "$after" -ge "$before" ] && [ $((after - before)) -lt $((WORK_TICKS / 4)) ]
}

# finish_with LIE: the guest rests; then the VM is stopped.
finish_with()
{
	check "$1: the guest still runs, so it has lost nothing that is not the host's" kill -0 "$running_pid"
	let_it_rest
	check "$1: a guest that rests lets its VM rest" within rests
	# It ignores requests to end: the second signal stops the VM.
	kill -TERM "$running_pid"
	kill -INT "$running_pid" 2>/dev/null
	check "$1: the VM ends" within is_over "$running_pid"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	check "$1: by the signal, and not by itself" [ "$status" -ge 128 ]
}

# lies LETTERS NAME
lies()
{
	case " ${LIES:-$1} " in *" $1 "*) ;; *) return ;; esac
	start "$1"
	answers "$2" reclaim liar --all --older 0
	answers "$2" reclaim liar --all --older 50ms --hard
	answers "$2" release liar 3M
	answers "$2" set liar min --older 0 --wait
	answers "$2" set liar 12M --older 20ms --wait
	answers "$2" release liar --all --populate
	answers "$2" reclaim liar 4M --older 0
	# Left to itself with a target: while the guest goes on, and when it rests.
	answers "$2" set liar min --older 0
	sleep 0.3
	finish_with "$2"
}

# Counters of the guest that go back: what each line of --follow counts is not less than nothing.
test_follow()
{
	case " ${LIES:-follow} " in *" follow "*) ;; *) return ;; esac
	start n
	answers "counters that go back" reclaim liar 4M --older 0
	expect "counters that go back: they are followed" 0 'out: 9223372034707292159$' '!out: 922337203[5-9]' -- \
		"$PAGEVISOR" mem show liar --follow --interval 0.02 --lines 40
	finish_with "counters that go back"
}

# Without a lie the same guest gives what it has, so the other tests do not pass for want of frames.
test_truth()
{
	case " ${LIES:-truth} " in *" truth "*) ;; *) return ;; esac
	start ""
	expect "the truth: all that is free is taken" 0 'out:^reclaimed 10 MiB$' -- "$PAGEVISOR" mem reclaim liar --all --older 0
	expect "the truth: and nothing more" 0 'out:^host      has 10 MiB: 10 MiB soft' -- "$PAGEVISOR" mem show liar
	expect "the truth: and given back" 0 'out:^released 10 MiB$' -- "$PAGEVISOR" mem release liar --all
	finish_with "the truth"
}

# It checks itself all the time.
start_neighbour()
{
	"$PAGEVISOR" run --name neighbour --workload churn --memory 16M --cpus 1 --time 0 --quiet --json \
		>"$WORK/neighbour" 2>&1 </dev/null &
	neighbour=$!
	within has_stage neighbour running || fail "a VM beside it" "it does not run"
}

end_neighbour()
{
	expect "the VM beside it: nothing was taken from it" 0 'out:^so far    claimed 0 KiB in 0 runs, ' -- \
		"$PAGEVISOR" mem show neighbour
	expect "the VM beside it: check finds nothing" 0 'out:^findings  none$' -- "$PAGEVISOR" check neighbour
	expect "the VM beside it: stop" 0 -- "$PAGEVISOR" stop neighbour
	status=0
	wait "$neighbour" || status=$?
	neighbour=
	cp "$WORK/neighbour" "$OUT"
	judge "the VM beside it: it ends well" 0
}

start_neighbour
test_truth
lies h "frames that the host never took are its own"
lies u "what the host has is free"
lies hu "both"
lies g "generations that spin"
lies a "asks without end, for more than there is"
lies ab "asks and rings without end"
lies t "tickets that jump"
lies w "an allocation that waits for ever"
lies x "allocations that wait again and again"
lies i "hints"
lies ik "the words of the host"
lies v "who gave up"
lies n "counters"
test_follow
lies m "bytes in what the host has"
lies c "the version of the page"
lies p "the place of the page"
lies d "the place of the ranges"
lies r "the ranges"
lies y "the place of the slots"
lies s "stages that go back"
lies z "boots without end"
lies abghikmntuvx "all that leaves the guest whole"
lies abcdghikmnprstuvxyz "all of it"
end_neighbour
finish

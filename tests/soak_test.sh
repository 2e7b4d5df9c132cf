#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Tests soak.sh itself, over programs that only pretend to test: what it prints, that it stops at a failure and prints
# how to reproduce it, and how it ends by a signal. Then a few turns over what make test has built. Usage: soak_test.sh
# [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

SOAK=$ROOT/tests/soak.sh
FAKE=$WORK/build
SHORT=0.02 # minutes
EVERY_TURN='^ok   (threads, (thread|address) sanitizer|scenarios, (thread|address) sanitizer|stress|two guests|chaos|endurance|differential|litmus|churn|segments|lists|unique|torn|live reads)'

# fake PROGRAM <<what it does, for sh
fake()
{
	mkdir -p "$(dirname "$FAKE/$1")"
	{
		echo '#!/bin/sh'
		cat
	} >"$FAKE/$1"
	chmod +x "$FAKE/$1"
}

# All succeed, and each takes some time.
fake_all()
{
	local program

	rm -rf "$FAKE"
	for program in unit-tests thread/unit-tests address/unit-tests thread/scenarios address/scenarios pagevisor torn attach-probe live-reads; do
		fake "$program" <<<'sleep 0.05'
	done
	fake two_guests <<<'echo "ok   the two had at most 690 of 700 MiB in 3 samples"'
	# shellcheck disable=SC2016 # expanded in there
	fake chaos <<<'echo "seed $SEED: reset_qemu 2, flood_socket 1, 0 faults"'
}

# soaks NAME STATUS PATTERN... -- [VARIABLE=VALUE...]: like expect, over the programs above.
soaks()
{
	local arguments=("$@") settings=()

	while [ "${arguments[-1]}" != -- ]; do
		settings+=("${arguments[-1]}")
		unset "arguments[-1]"
	done
	expect "${arguments[@]}" env MINUTES="$SHORT" CHAOS="$FAKE/chaos" TWO_GUESTS="$FAKE/two_guests" "${settings[@]}" "$SOAK" "$FAKE"
}

# Lines other than turns, skips and the summary; for check.
has_turns_alone()
{
	! grep -Eqv "$EVERY_TURN|^skip |^soak: |^torn: |^live: |^chaos: |^     they had " "$OUT"
}

test_good()
{
	fake_all
	soaks "turns without a failure" 0 'out:^ok   differential, seed 1 ' 'out:^ok   litmus ' \
		'out:^ok   threads, thread sanitizer, seed 1 ' \
		'out:^soak: [0-9]+ turns in [0-9.]+ s, none failed$' -- SEED=1
	check "one line for each turn" has_turns_alone
	soaks "another first seed" 0 'out:^ok   differential, seed 40 ' '!out:seed 39 ' -- SEED=40
	rm -r "$FAKE/thread"
	soaks "a build that is not there is skipped" 0 '!out:ok .*thread sanitizer' \
		'out:^skip threads, thread sanitizer: not built' 'out:none failed' --
}

# The same of live reads, which a short run has none of.
test_live_reads()
{
	fake_all
	fake live <<<'echo "accepted     1000 reads of hot pages, 900 of them changed; 0 retried, 0 given up"'
	soaks "live reads are added up" 0 'out:^live: 3000 reads of changing pages of a Linux guest accepted' 'out:none failed$' -- \
		MINUTES=0.001 LIVE_READS=3000 LIVE="$FAKE/live" LIVE_KERNEL=/dev/null
	soaks "a short run has none" 0 'out:^skip live reads: they take MINUTES' '!out:^live: ' -- LIVE="$FAKE/live" LIVE_KERNEL=/dev/null
	soaks "no kernel, no live reads" 0 'out:^skip live reads: no kernel' -- LIVE_READS=1 LIVE="$FAKE/live" LIVE_KERNEL="$FAKE/none"
	soaks "no number of live reads" 2 'err:^soak.sh: LIVE_READS=x: ' -- LIVE_READS=x
	fake live <<<'echo "FAIL live reads"; exit 1'
	soaks "a bad live read ends it" 1 'out:^FAIL live reads, seed 1' 'out:^again: env SECONDS_WANTED=[0-9]+ ' -- \
		LIVE_READS=3000 LIVE="$FAKE/live" LIVE_KERNEL=/dev/null
}

# Torn reads are added up, and continue after the time is over.
test_torn_reads()
{
	[ -z "$(kvm_problem)" ] || return 0
	fake_all
	fake torn <<<'echo "changed slots read: 1000000, 1 M/s"'
	soaks "torn reads are added up" 0 'out:^torn: 30000000 reads of changed slots accepted' \
		'out:none failed$' -- MINUTES=0.001 TORN_READS=30000000
	soaks "no number of torn reads" 2 'err:^soak.sh: TORN_READS=x: ' -- TORN_READS=x
}

# planted_failure NAME PROGRAM TURN: the turn must fail, and the command line that soak.sh prints must fail in the same
# way.
planted_failure()
{
	local name=$1 program=$2 what=$3

	fake_all
	# shellcheck disable=SC2016 # expanded in there
	fake "$program" <<<'echo "planted: $PAGEVISOR_SEED $*"; exit 7'
	soaks "$name" 1 "out:^FAIL $what .* exit status 7\$" 'out:^     \| planted: ' \
		'out:^again: ' 'out:^soak: [0-9]+ turns in .*, the last of which failed$' --
	grep -o 'planted: .*' "$OUT" >"$WORK/planted"
	expect "$name, again" 7 -- \
		sh -c "$(sed -n 's/^again: //p' "$OUT")"
	check "$name, again: the same command" cmp -s "$OUT" "$WORK/planted"
}

test_failures()
{
	planted_failure "a failed differential test" unit-tests 'differential, seed 1'
	planted_failure "failed threads" address/unit-tests 'threads, address sanitizer, seed 1'
	planted_failure "a scenario under a sanitizer" thread/scenarios 'scenarios, thread sanitizer, seed 1'
	if [ -z "$(kvm_problem)" ] || command -v qemu-system-x86_64 >/dev/null; then
		planted_failure "a failed stress" pagevisor 'stress, seed 1'
		! command -v qemu-system-x86_64 >/dev/null || planted_failure "a fault under chaos" chaos 'chaos, seed 1'
	else
		skip "a failed stress" "$(kvm_problem), and no QEMU"
	fi
	if [ -z "$(kvm_problem)" ]; then
		planted_failure "a torn read" torn 'torn reads, seed 1, [0-9]+ vCPUs, [0-9]+ frames'
	else
		skip "a torn read" "$(kvm_problem)"
	fi
	fake_all
	fake unit-tests <<<'sleep 100'
	soaks "a turn that hangs" 1 'out:exit status 124, had not ended$' -- LIMIT=1
}

# Ctrl-C during a turn.
test_signals()
{
	local signal=$1 wanted=$2

	fake_all
	fake thread/unit-tests <<<"echo \$\$ >$WORK/turn; exec sleep 100"
	rm -f "$WORK/turn"
	last_command=(soak)
	# As a background job of this shell it would ignore SIGINT.
	env --default-signal=INT MINUTES=1 CHAOS="$FAKE/chaos" TWO_GUESTS="$FAKE/two_guests" "$SOAK" "$FAKE" >"$OUT" 2>"$ERR" &
	running_pid=$!
	within test -s "$WORK/turn"
	kill -"$signal" "$running_pid"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	judge "SIG$signal: exit status and a summary" "$wanted" \
		'out:^soak: 0 turns in [0-9.]+ s, ended by a signal; nothing had failed$'
	check "SIG$signal: the turn that was under way has ended" within test ! -e "/proc/$(cat "$WORK/turn")"
}

test_input()
{
	soaks "no number of minutes" 2 'err:^soak.sh: MINUTES=ten: a number was expected' -- \
		MINUTES=ten
	soaks "no time at all" 2 'err:^soak.sh: MINUTES=0: ' -- MINUTES=0
	soaks "no seed" 2 'err:^soak.sh: SEED=x: ' -- SEED=x
}

# Whether each action that can be done here was done; for check.
did_all_actions()
{
	local name names

	mapfile -t names < <(sed -n 's/^do_\([a-z_]*\)()$/\1/p' "$ROOT/tests/chaos/actions.sh")
	[ ${#names[@]} -gt 0 ] || return
	for name in "${names[@]}"; do
		[ -z "$(libvirt_problem)" ] || [[ $name != *domain* && $name != *libvirtd* ]] || continue
		grep -Eq "^chaos: (.*, )?$name [1-9]" "$OUT" || return
	done
}

# One turn of each available kind.
test_real()
{
	expect "the real thing, for a moment" 0 'out:^ok   ' '!out:FAIL' 'out:none failed$' -- \
		env MINUTES=0.05 LIMIT="$LIMIT" "$SOAK" "$BUILD"
	! command -v qemu-system-x86_64 >/dev/null || check "chaos did each of its actions" did_all_actions
}

test_good
test_torn_reads
test_live_reads
test_failures
test_signals INT 130
test_signals TERM 143
test_input
test_real
finish

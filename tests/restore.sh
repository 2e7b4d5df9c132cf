#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests that go on in a new machine: in one process, with what a file leaves out overwritten; and by save and restore from the
# command line, from files that are hostile as well. Usage: restore.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$ROOT/tests/background_lib.sh"

STATE=$BUILD/state
SEED=${PAGEVISOR_SEED:-1}

# Parts of a saved machine: vmm/memory/machine_state.h, vmm/machine/kvm/state_parts.h.
RUN=2 MACHINE=16 IRQCHIP=17 PIT=18 SERIAL=20 CPUID=22 REGS=25 SREGS2=27 XSAVE=28 LAPIC=30 MSRS=33

# What is saved in the middle of each workload goes on and ends well, whatever is in its free frames.
test_machine()
{
	local workload cpus junk seed=$SEED

	for workload in churn swing lists segments unique; do
		for cpus in 1 2 3 4; do
			junk=
			[ $((seed % 2)) -eq 0 ] || junk=--junk
			seed=$((seed + 1))
			expect "$workload, $cpus vCPUs${junk:+, junk} goes on" 0 'out:bytes, saved in' -- \
				"$STATE" --workload "$workload" --cpus "$cpus" --seed "$seed" ${junk:+"$junk"}
		done
	done
}

# save NAME OPTION...: saves a VM of that name in the middle of its work, to $WORK/NAME.pvc.
save()
{
	local name=$1

	shift
	start_vm "$name" "$@"
	expect "$name is saved" 0 -- "$PAGEVISOR" save "$name" "$WORK/$name.pvc"
	await "$name"
}

test_from_file()
{
	save first --cpus 2 --time 2 --seed 7
	expect "it goes on under its name" 0 'err:first.pvc, saved as first, goes on as first' 'out:ended well' \
		'out:findings  none' '!err:guest. ready' -- "$PAGEVISOR" restore "$WORK/first.pvc"
	expect "and again, under another" 0 'err:goes on as other' 'out:ended well' -- \
		"$PAGEVISOR" restore --name other "$WORK/first.pvc"
	expect "with an answer in JSON" 0 'out:"result":"the guest ended well"' 'out:"vm":"first"' 'out:"seed":"0x7"' \
		'out:"at_seconds":0(,|.0+)?$' -- "$PAGEVISOR" restore --json "$WORK/first.pvc"
}

# Three of one file at the same time have names of their own, and wait until they are let go.
test_twins()
{
	local twin names

	for twin in 1 2 3; do
		start "twin-$twin" "$PAGEVISOR" restore --paused "$WORK/first.pvc"
	done
	for twin in 1 2 3; do
		await_line "twin-$twin" 'paused until' || fail "twin $twin" "it does not wait"
	done
	mapfile -t names < <("$PAGEVISOR" ps --json | sed -n 's/.*"vm":"\(first[^"]*\)".*/\1/p')
	check "three of one file have names of their own" [ "$(printf '%s\n' "${names[@]}" | sort -u | wc -l)" -eq 3 ]
	expect "they are held" 0 'out:^first .* paused' -- "$PAGEVISOR" ps
	expect "an inspector looks at one" 0 'out:^steps' -- "$PAGEVISOR" stat first
	for twin in "${names[@]}"; do
		expect "${twin/%-*/-PID} is let go" 0 "out:^the VM $twin goes on\$" -- "$PAGEVISOR" resume "$twin"
	done
	for twin in 1 2 3; do
		await "twin-$twin"
		judge "twin $twin ends well" 0 'ended well' 'findings  none'
	done
	start_vm free --time 0
	expect "who is not held is not resumed" 1 'err:the VM free is not held' -- "$PAGEVISOR" resume free
	end_vm free
	expect "resume wants a name" 2 'err:name the VM to resume' -- "$PAGEVISOR" resume
}

numbers_of()
{
	sed -n 's/^guest| \([0-9a-f]\{8\}\)$/\1/p' "$1"
}

# A guest that prints numbered lines is saved again and again: none is missing, none comes twice, and none is cut.
test_console()
{
	local turn=0 name=lines-0

	start "$name" "$PAGEVISOR" run --kernel "$GUESTS/lines.elf" --memory 16M --cpus 1 --name lines --console-rate 0
	: >"$WORK/numbers"
	while :; do
		sleep "0.$((RANDOM % 4 + 2))"
		"$PAGEVISOR" save --force lines "$WORK/lines.pvc" >"$ERR" 2>&1 || break
		await "$name"
		numbers_of "$OUT" >>"$WORK/numbers"
		turn=$((turn + 1))
		name=lines-$turn
		start "$name" "$PAGEVISOR" restore "$WORK/lines.pvc"
		await_line "$name" 'goes on as' || break
	done
	await "$name"
	judge "the guest that prints ends well" 0 'ended well'
	numbers_of "$OUT" >>"$WORK/numbers"
	check "it was saved at least three times" [ "$turn" -ge 3 ]
	seq 1 20000 | awk '{ printf "%08x\n", $1 }' >"$WORK/expected"
	check "its console goes on without a gap" cmp "$WORK/numbers" "$WORK/expected"
}

# changed NAME STATUS PATTERN CHANGE...: restores a copy of the first file with that change.
changed()
{
	local name=$1 want=$2 pattern=$3

	shift 3
	"$ROOT/tests/change_saved.py" "$WORK/first.pvc" "$WORK/changed.pvc" "$@" || fail "$name" "the file was not changed"
	expect "$name" "$want" "$pattern" -- "$PAGEVISOR" restore --quiet "$WORK/changed.pvc"
}

test_refused()
{
	local what='err:^pagevisor: [^ ]*changed.pvc: '

	changed "a file that was changed in nothing" 0 'out:ended well' set $MACHINE 0 0 01
	changed "another version" 1 "${what}the state of its machine has version 9, and" set $MACHINE 0 0 09
	check "in one line" says_one_line
	changed "another number of vCPUs" 1 "${what}the state of its machine is that of another" set $MACHINE 0 4 03
	changed "another TSC" 1 "${what}the guest was saved with a TSC of 268435456 kHz" set $MACHINE 0 16 0000001000000000
	changed "a feature that this host lacks" 1 "${what}.*CPUID 0x1.0:ecx bit 5, which" cpuid 1 0 ecx 5
	changed "no machine" 1 "${what}it has no state of a machine on KVM" drop $MACHINE 0
	changed "no run" 1 "${what}it does not say how its VM was run" drop $RUN 0
	changed "another version of the run" 1 "${what}what it says of its run has version 9" set $RUN 0 0 09
	changed "a run with too many vCPUs" 1 "${what}what it says of its run cannot be" set $RUN 0 8 ff
	changed "a part that is missing" 1 "${what}.*KVM_SET_XSAVE is missing" drop $XSAVE 1
	changed "a part that is short" 1 "${what}.*has 4088 bytes instead of 4096" cut $XSAVE 0
	changed "an MSR that there is not" 1 "${what}.*MSR 0xffffffff, which" set $MSRS 1 0 ffffffff
	changed "a line that is too long" 1 "${what}the state of its devices" set $SERIAL 0 0 00010000
	changed "a terminal's escape in its line" 1 "${what}the state of its devices" set $SERIAL 0 0 01000000000000001b
	changed "no interrupt controller" 1 "${what}the part for interrupt controller 2" drop $IRQCHIP 2
	changed "an APIC full of ones" 0 'out:ended well' fill $LAPIC 0 ff
	changed "a PIT full of ones" 0 'out:ended well' fill $PIT 0 ff
	changed "registers full of ones" 3 'out:panicked|fault|shutdown' fill $REGS 0 ff
	changed "special registers full of ones" 1 "${what}KVM_SET_SREGS2: " fill $SREGS2 1 ff
	changed "a CPUID full of ones" 1 "${what}the guest was saved on a processor of another vendor" fill $CPUID 0 ff
}

test_no_file()
{
	start_vm plain --time 0
	"$PAGEVISOR" capture "$WORK/plain.pvc" plain >/dev/null 2>&1
	end_vm plain
	expect "a mere capture" 1 'err:plain.pvc: it is a capture, which has no machine' -- \
		"$PAGEVISOR" restore "$WORK/plain.pvc"
	expect "no such file" 1 'err:nowhere.pvc: No such file' -- "$PAGEVISOR" restore "$WORK/nowhere.pvc"
	expect "no name" 2 'err:name the file of a VM' -- "$PAGEVISOR" restore
	expect "two names" 2 'err:one file is enough' -- "$PAGEVISOR" restore a b
	head -c 5000 "$WORK/first.pvc" >"$WORK/short.pvc"
	expect "half a file" 1 'err:short.pvc' -- "$PAGEVISOR" restore "$WORK/short.pvc"
	check "half a file: one line" says_one_line
	start_vm holder --time 0
	expect "a name that is taken" 1 "err:a VM named 'holder' runs already" -- \
		"$PAGEVISOR" restore --name holder "$WORK/first.pvc"
	end_vm holder
}

# What the host held goes back, and can be taken again.
test_reclaimed()
{
	start_vm lean --cpus 2 --time 0 --workload churn
	expect "the host takes what is free" 0 -- "$PAGEVISOR" mem reclaim lean --all
	expect "lean is saved" 0 -- "$PAGEVISOR" save lean "$WORK/lean.pvc"
	await lean
	start lean "$PAGEVISOR" restore "$WORK/lean.pvc"
	within has_stage lean running || fail "lean goes on" "it does not"
	expect "nothing is held any more" 0 'out:^host +has 0 KiB' -- "$PAGEVISOR" mem show lean
	expect "no frame says so either" 0 '!out:[0-9] host' -- "$PAGEVISOR" stat lean
	expect "the host takes it again" 0 -- "$PAGEVISOR" mem reclaim lean --all
	end_vm lean
}

need_kvm "restored guests"
test_machine
test_from_file
test_twins
test_console
test_refused
test_no_file
test_reclaimed
finish

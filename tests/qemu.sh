#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The same guest under QEMU, without KVM: there ring 0 is native and exceptions are delivered, as on hosts with VT-x or
# SVM. Usage: qemu.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

QEMU=qemu-system-x86_64

# Statuses of include/pagevisor/ports.h, as isa-debug-exit reports them.
QEMU_OK=33
QEMU_FAILED=35
QEMU_PANIC=37

# boots NAME STATUS MACHINE MEMORY CPUS OPTIONS PATTERN...
boots()
{
	local name=$1 wanted=$2 machine=$3 memory=$4 cpus=$5 options=$6

	shift 6
	expect "$name" "$wanted" "$@" -- "$QEMU" -accel tcg -machine "$machine" -m "$memory" \
		-smp "$cpus" -kernel "$GUEST" -append "$options" -nodefaults -display none \
		-serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4
}

ready()
{
	echo "out:^ready: ring 0, $1 cpus, [0-9]+ slots for $2 MiB, all checked"
}

test_machines()
{
	local machine cpus

	for machine in microvm pc q35; do
		for cpus in 1 2; do
			boots "$machine, $cpus CPUs" $QEMU_OK "$machine" 64M "$cpus" \
				"ops=20000 seed=3" "$(ready "$cpus" '6[0-9]')"
		done
	done
	boots "q35, 4 CPUs" $QEMU_OK q35 128M 4 "ops=20000" "$(ready 4 '12[0-9]')"
	boots "q35, 6G: 2 GiB of it low, the rest from 4 GiB" $QEMU_OK q35 6G 1 "ops=1000" "$(ready 1 6144)"
	boots "no options: a time limit" $QEMU_OK microvm 64M 1 "time_ms=200" "$(ready 1 '6[0-9]')"
}

test_workloads()
{
	local workload

	for workload in segments lists unique torn share handoff race trees shortage swing drain types deferred mix; do
		boots "$workload, 2 CPUs" $QEMU_OK microvm 32M 2 "workload=$workload ops=20000" \
			"$(ready 2 32)"
	done
}

test_faults()
{
	boots "panic" $QEMU_PANIC q35 64M 2 "workload=fault fault=panic" \
		'out:panic on cpu 1: asked to panic'
	boots "page fault" $QEMU_PANIC q35 64M 2 "workload=fault fault=page_fault" \
		'out:exception 14 \(page fault\), error code 0x2 on cpu 1' \
		'out:^cr2 0x00006eadbeef0000'
	boots "invalid opcode" $QEMU_PANIC microvm 64M 1 "workload=fault fault=opcode" \
		'out:exception 6 \(invalid opcode\).* on cpu 0'
	boots "failed check" $QEMU_FAILED microvm 64M 1 "workload=fault fault=check" \
		'out:check failed on cpu 0'
}

if ! command -v "$QEMU" >/dev/null; then
	skip "QEMU" "no $QEMU here"
	finish
fi
test_machines
test_workloads
test_faults
finish

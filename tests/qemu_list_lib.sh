# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154
#
# QEMUs in the list of VMs: ps, their names, other versions, and the only one. For qemu_source.sh, whose $QEMU runs as $qemu.

# Other QEMUs may run here as well, and are listed, too.
test_list()
{
	local -x PAGEVISOR_LIST=qemu
	local name="by hand $$"

	expect "ps" 0 "out:^qemu:$qemu \\($name\\) +$qemu +64 MiB +1  running +[0-9.]+ % +[0-9.]+ s$" -- "$PAGEVISOR" ps
	expect "ps --json" 0 "out:\"vm\":\"qemu:$qemu\"" "out:\"title\":\"$name\"" -- "$PAGEVISOR" ps --json
	expect "ps --names" 0 "out:^qemu:$qemu	$" "out:^$name	$" -- "$PAGEVISOR" ps --names
	expect "by its own name" 0 "out:^vm +qemu:$qemu, process $qemu$" -- "$PAGEVISOR" stat "$name"
	expect "by a misspelled name" 1 "err:no VM named '${name/hand/hnad}'; did you mean 'by hand [0-9]+'" -- \
		"$PAGEVISOR" stat "${name/hand/hnad}"
	expect "stop leaves it alone" 2 "err:^pagevisor: qemu:$qemu was not started by pagevisor: stop it with system_powerdown" -- \
		"$PAGEVISOR" stop "$name"
	PAGEVISOR_LIST=vm expect "ps of our own VMs" 0 "!out:qemu:$qemu" -- "$PAGEVISOR" ps
	expect "ps of what nobody knows" 2 'err:PAGEVISOR_LIST is not a list of' -- env PAGEVISOR_LIST=xen "$PAGEVISOR" ps
	test_only_one
}

# A PID namespace that has one QEMU.
test_only_one()
{
	if ! unshare --pid --fork --mount-proc true 2>/dev/null; then
		skip "the only VM" "no PID namespace can be made here"
		return
	fi
	# shellcheck disable=SC2016 # expanded in there
	expect "the only VM, a QEMU, needs no name" 0 'out:^vm +qemu:[0-9]+, process' 'out:^guest +64 MiB' -- \
		unshare --pid --fork --mount-proc --kill-child bash -c '
			console=$1 pagevisor=$2
			shift 2
			"$@" >/dev/null 2>&1 &
			until grep -q "^ready:" "$console" 2>/dev/null; do sleep 0.05; done
			"$pagevisor" stat' bash "$WORK/only" "$PAGEVISOR" \
		"$QEMU" -accel tcg -machine microvm,memory-backend=mem -m 64M -kernel "$GUEST" -nodefaults -display none \
		-object memory-backend-memfd,id=mem,size=64M,share=on -serial "file:$WORK/only" -append time_ms=3600000
}

# The guest's ABI is another, as after an update of the command. It is one of many that ps asks.
test_other_version()
{
	stop_qemu
	"$QEMU" -nodefaults -display none -no-reboot -accel tcg -machine q35,memory-backend=mem -m 16M \
		-object "$(memory_options memfd 16M)" -kernel "$GUESTS/info_old_abi.elf" >"$WORK/qemu.log" 2>&1 &
	qemu=$!
	PAGEVISOR_LIST=qemu expect_soon "ps names the guest that speaks another version" 0 \
		"err:^pagevisor: qemu:$qemu: the guest speaks ABI version [0-9]+, this pagevisor speaks [0-9]+: " -- "$PAGEVISOR" ps
	expect "a command that was given the name does without" 1 "err:^pagevisor: the guest speaks ABI version [0-9]+," -- \
		"$PAGEVISOR" stat "qemu:$qemu"
	stop_qemu
}

# A pid that ps shows beside a QEMU's name.
test_wrong_prefix()
{
	start_qemu q35 64M 1 memfd "workload=churn time_ms=3600000" || return
	refuses "the pid of a QEMU" 1 "process $qemu is a QEMU, and pid: is for VMs that run has started; its name is qemu:$qemu\$" \
		"pid:$qemu"
	expect "and to stop" 1 "err:process $qemu is a QEMU, .* its name is qemu:$qemu\$" -- "$PAGEVISOR" stop "pid:$qemu"
	stop_qemu
}

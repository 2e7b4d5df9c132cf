# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash disable=SC2154 # chaos.sh sets the variables
#
# What a host does to guests under inspectors: one function for each action, do_NAME. Each returns when the action is over, or
# has begun for a process that chaos.sh ends. Returns 1 when there was nothing to do to: that is not counted.

# ask_qemu COMMAND: through a socket that no inspector uses.
ask_qemu()
{
	"$PROBE" qmp "$WORK/qemu.hand" "$1" >"$WORK/answer" 2>&1
}

do_reset_qemu()
{
	ask_qemu system_reset
}

do_stop_qemu()
{
	ask_qemu stop && sleep_ms 200 && ask_qemu cont
}

do_restart_qemu()
{
	stop qemu 2>/dev/null
	rm -f "$WORK/qemu.qmp" "$WORK/qemu.hand"
	start_qemu
}

# A process that keeps QEMU's only QMP connection for a moment: a look has to wait for it.
do_occupy_qmp()
{
	timeout 0.5 "$PROBE" qmp "$WORK/qemu.qmp" stay >/dev/null 2>&1
	true
}

do_restart_vm()
{
	stop vm 2>/dev/null
	start_vm_again
}

# Not through its own VMM: as its host may do to any process.
do_freeze_vm()
{
	kill -STOP "${pids[vm]}" && sleep_ms 200
	kill -CONT "${pids[vm]}"
}

do_flood_socket()
{
	[ -S "$(socket_of vm)" ] || return 1
	"$PROBE" garbage "$(socket_of vm)" 300 >/dev/null 2>&1
	true
}

# As many connections as a VM takes, and more; they say nothing.
do_crowd_socket()
{
	[ -S "$(socket_of vm)" ] || return 1
	timeout 0.5 "$PROBE" silent "$(socket_of vm)" 90 >/dev/null 2>&1
	true
}

do_fill_flight()
{
	timeout 0.5 "$PROBE" in_flight 400 >/dev/null 2>&1
	true
}

# few_descriptors PID: it may open no more than it has, for a moment.
few_descriptors()
{
	local open

	open=$(find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l)
	prlimit --pid "$1" --nofile="$open:" 2>/dev/null || return 1
	sleep_ms 300
	prlimit --pid "$1" --nofile=1024: 2>/dev/null
	true
}

do_use_up_vm_descriptors()
{
	few_descriptors "${pids[vm]}"
}

# An inspector that cannot open what it needs says so, and ends with status 1.
do_use_up_inspector_descriptors()
{
	few_descriptors "${pids[$(choose "${!looks[@]}")]}"
}

do_kill_inspector()
{
	local pid

	pid=${pids[$(choose "${!looks[@]}")]}
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	true
}

do_reset_domain()
{
	virsh --quiet reset "$DOMAIN" >"$WORK/answer" 2>&1
}

do_suspend_domain()
{
	virsh --quiet suspend "$DOMAIN" >"$WORK/answer" 2>&1 && sleep_ms 200 &&
		virsh --quiet resume "$DOMAIN" >"$WORK/answer" 2>&1
}

# A libvirtd that was killed may have forgotten the domain, whose QEMU then runs on.
do_restart_domain()
{
	local pid

	pid=$(domain_pid "$DOMAIN" 2>/dev/null)
	virsh --quiet destroy "$DOMAIN" >"$WORK/answer" 2>&1 || [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	within domain_is_gone "$DOMAIN"
	domain_start "$DOMAIN" --memory 64M --cpus 1
}

# Half of the time it has no chance to say goodbye. Its domains run on.
do_restart_libvirtd()
{
	kill -"$(choose TERM KILL)" "$libvirtd_pid"
	wait "$libvirtd_pid" 2>/dev/null
	start_libvirtd || {
		tail -n 3 "$LIBVIRT/libvirtd.log"
		return 1
	}
}

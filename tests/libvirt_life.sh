#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What becomes of a domain and of its daemon while commands follow it, and what domains are called. With the test's own
# libvirtd, and another one to migrate to: see libvirt_lib.sh. Usage: libvirt_life.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

UUID=1b4e28ba-2fa1-41d2-883f-0016d3cca427
LONG_UUID=2c5f39cb-3fb2-42e3-993f-1127e4ddb538

# follow VM [OPTION...]: follows a VM, into $WORK/follow and $WORK/follow-err.
follow()
{
	local vm=$1

	shift
	"$PAGEVISOR" stat --follow --interval 0.05 "$@" "$vm" >"$WORK/follow" 2>"$WORK/follow-err" &
	follower=$!
	wait_until "the first lines are there" has_lines 3
}

has_lines()
{
	[ "$(wc -l <"$WORK/follow")" -ge "$1" ]
}

goes_on()
{
	wait_until "more lines are there" has_lines $(($(wc -l <"$WORK/follow") + 4))
}

follow_says()
{
	grep -Eq "$1" "$WORK/follow-err"
}

last_list_is_empty()
{
	tail -n 1 "$WORK/list" | grep -q '^NAME'
}

# follow_ends NAME STATUS PATTERN...: judges the command and all that it said.
follow_ends()
{
	local name=$1 wanted=$2

	shift 2
	status=0
	wait "$follower" || status=$?
	cp "$WORK/follow" "$OUT"
	cp "$WORK/follow-err" "$ERR"
	last_command=("stat --follow")
	judge "$name" "$wanted" "$@"
}

runs()
{
	"$PAGEVISOR" stat "libvirt:$1" 2>/dev/null | grep -q ', running$'
}

# define NAME [OPTION of domxml...]: a persistent domain.
define()
{
	domain_xml "$@" >"$WORK/domain.xml" && virsh --quiet define "$WORK/domain.xml" >/dev/null 2>&1
}

stop_daemon()
{
	kill -KILL "$libvirtd_pid"
	wait "$libvirtd_pid" 2>/dev/null
}

# create NAME UUID LIBVIRT_NAME: a domain whose name domxml would refuse.
create()
{
	domain_xml "$1" --memory 16M --cpus 1 | sed "s|<name>$1<|<uuid>$2</uuid><name>$3<|" >"$WORK/domain.xml"
	virsh --quiet create "$WORK/domain.xml"
}

# By name, with a '#', a space or UTF-8 in it; by UUID and ID, as virsh takes them.
test_names()
{
	local name='a#b ä' long id

	long=$(printf 'long%0100d' 1)
	check "names: created" create named "$UUID" "$name" || return
	check "names: a long one is created" create long "$LONG_UUID" "$long" || return
	wait_until "it runs" runs "$name"
	id=$(virsh --quiet domid "$name")
	for vm in "$name" "$LIBVIRT_DEFAULT_URI#$name" "$UUID" "$id" "uuid/$UUID"; do
		expect "stat libvirt:$vm" 0 "out:^vm +$name, process" -- "$PAGEVISOR" stat "libvirt:$vm"
	done
	expect "its name in JSON" 0 "out:\"vm\": ?\"$name\"" -- "$PAGEVISOR" stat --json "libvirt:$UUID"
	wait_until "the other one runs" runs "$long"
	expect "a long name is cut, and seen to be" 0 'out:^vm +long0*[.]{3}, process' -- "$PAGEVISOR" stat "libvirt:$long"
	# Columns, not bytes; and what ps prints can be used as a name.
	expect "ps" 0 "out:^libvirt:$name$(printf '%13d' "$(domain_pid "$name")") +16 MiB" "out:^libvirt:$LONG_UUID  " -- \
		"$PAGEVISOR" ps
	expect "ps --json has the same names" 0 "out:\"vm\": ?\"libvirt:$LONG_UUID\"" -- "$PAGEVISOR" ps --json
	expect "an ID that is none" 1 'err:no domain' -- "$PAGEVISOR" stat libvirt:4711
	expect "a UUID that is none" 1 'err:no domain' -- "$PAGEVISOR" stat "libvirt:${UUID//1/2}"
	virsh --quiet destroy "$name" >/dev/null
	virsh --quiet destroy "$long" >/dev/null
}

# The daemon goes and comes back. Looks go on meanwhile, and afterwards the daemon is asked for a pause again.
test_daemon()
{
	local list

	ON_REBOOT=restart check "daemon: created" domain_start one --memory 16M --cpus 1 || return
	wait_until "one runs" runs one
	follow libvirt:one
	"$PAGEVISOR" ps --watch >"$WORK/list" 2>"$WORK/list-err" &
	list=$!
	wait_until "it is listed" grep -q '^libvirt:one' "$WORK/list"
	stop_daemon
	check "a lost daemon is reported" wait_until "the loss is reported" \
		follow_says 'the VM one is out of reach: the connection to libvirtd is lost$'
	check "without a daemon, looks go on" goes_on
	check "ps --watch reports the loss" wait_until "that is reported" \
		grep -q 'the connection is lost to libvirtd' "$WORK/list-err"
	start_libvirtd
	check "a daemon that is back is reported" wait_until "that is reported" \
		follow_says 'the VM one is back: connected again$'
	check "ps --watch reports that it is back" wait_until "that is reported" \
		grep -q 'connected again to libvirtd' "$WORK/list-err"
	check "ps --watch keeps the domain in its list" grep -q '^libvirt:one' <(tail -n 1 "$WORK/list")
	check "with the daemon back, looks go on" goes_on
	virsh --quiet reset one >/dev/null
	check "a reset is reported" wait_until "that is reported" follow_says 'the guest of one has restarted'
	check "ps --watch reports a reset" wait_until "that is reported" \
		grep -q '^pagevisor: the guest of libvirt:one has restarted$' "$WORK/list-err"
	wait_until "one runs" runs one
	expect_pause "with the daemon back, a pause works" 0 'out:^findings +none' -- "$PAGEVISOR" check libvirt:one
	virsh --quiet suspend one
	check "paused by an operator, looks go on" goes_on
	virsh --quiet resume one
	virsh --quiet destroy one >/dev/null
	follow_ends "its end comes through the new connection" 0 'err:the VM one has ended$'
	check "each is said once" line_count "$WORK/follow-err" 4
	check "ps --watch: it is gone" wait_until "the list is printed without it" last_list_is_empty
	check "ps --watch: each is said once" line_count "$WORK/list-err" 3
	kill "$list"
	wait "$list" 2>/dev/null
}

# A daemon that runs and answers nothing: commands give up, say so, and show what else there is.
test_silent_daemon()
{
	kill -STOP "$libvirtd_pid"
	expect "a silent daemon" 1 'err:libvirt does not answer$' -- env PAGEVISOR_TIMEOUT=0.3 "$PAGEVISOR" stat libvirt:one
	check "a silent daemon: one line" says_one_line
	expect "a silent daemon: the list says so" 0 'out:^NAME' 'err:libvirt does not answer$' -- env PAGEVISOR_TIMEOUT=0.3 "$PAGEVISOR" ps
	kill -CONT "$libvirtd_pid"
}

# Memory that only the daemon can read, for who has no right to read the process: its follower gives up when the daemon is gone.
# Root takes the right from itself; others may have it, or not.
begin_copied()
{
	if [ "$(id -u)" -ne 0 ]; then
		skip "copied memory without a daemon" "needs root"
		return
	fi
	check "copied: created" domain_start two --machine pc --memory 64M --cpus 1 --backing private || return
	wait_until "two runs" runs two
	PAGEVISOR_TIMEOUT=1 setpriv --inh-caps=-sys_ptrace --bounding-set=-sys_ptrace -- \
		"$PAGEVISOR" stat --follow --interval 0.05 libvirt:two >"$WORK/copied" 2>"$WORK/copied-err" &
	copied=$!
	wait_until "it is followed" grep -q running "$WORK/copied"
}

end_copied()
{
	[ -n "$copied" ] || return 0
	wait "$copied"
	check "copied memory without a daemon: status 1" [ $? = 1 ]
	check "copied memory without a daemon: it says why" grep -q 'VM two is out of reach' "$WORK/copied-err"
}

# The end of the QEMU process is noticed without a daemon.
test_end_without_daemon()
{
	local pid copied=

	check "no daemon: created" domain_start one --memory 16M --cpus 1 || return
	wait_until "one runs" runs one
	pid=$(domain_pid one)
	follow libvirt:one
	test_silent_daemon
	begin_copied
	stop_daemon
	end_copied
	wait_until "the loss is reported" follow_says 'is out of reach'
	kill -KILL "$pid"
	follow_ends "without a daemon, the end of a domain is noticed" 0 'err:the VM one has ended$'
	start_libvirtd
	virsh --quiet destroy two >/dev/null 2>&1
}

# A domain that goes back to a snapshot, for which libvirt replaces its process.
test_snapshot()
{
	local disk="<driver name='qemu' type='qcow2'/><source file='$LIBVIRT/disk.qcow2'/><target dev='hda' bus='ide'/>"

	check "snapshot: a disk is made" qemu-img create -q -f qcow2 "$LIBVIRT/disk.qcow2" 64M
	chmod 666 "$LIBVIRT/disk.qcow2"
	domain_xml one --machine pc --memory 64M --cpus 1 |
		sed "s|</devices>|<disk type='file' device='disk'>$disk</disk></devices>|" >"$WORK/domain.xml"
	check "snapshot: defined" virsh --quiet define "$WORK/domain.xml" && virsh --quiet start one || return
	wait_until "one runs" runs one
	check "it is taken" virsh --quiet snapshot-create-as one early
	follow libvirt:one
	check "it is gone back to" virsh --quiet snapshot-revert one early
	follow_ends "a snapshot that replaces the process ends following" 0 \
		'err:the VM one was replaced by one of its snapshots$'
	check "the new process runs" wait_until "one runs" runs one
	virsh --quiet destroy one >/dev/null
	virsh --quiet undefine --snapshots-metadata one >/dev/null
}

# Another daemon, which counts as another host: OTHER is to it what $LIBVIRT is to the first.
OTHER=$WORK/other
OTHER_URI="qemu+unix:///session?socket=$OTHER/run/libvirt/libvirt-sock"
other_pid=

start_other()
{
	local LIBVIRT=$OTHER libvirtd_pid
	local -x LIBVIRT_DEFAULT_URI=$OTHER_URI

	make_libvirt_files
	echo "host_uuid = \"$UUID\"" >>"$LIBVIRT/libvirtd.conf"
	start_libvirtd
	other_pid=$libvirtd_pid
}

stop_other()
{
	local LIBVIRT=$OTHER libvirtd_pid=$other_pid

	stop_libvirtd
	other_pid=
}
trap 'stop_other; stop_libvirtd; clean_up' EXIT

test_migration()
{
	check "migration: created" domain_start one --machine pc --memory 64M --cpus 1 || return
	check "another daemon starts" start_other || return
	wait_until "one runs" runs one
	follow libvirt:one
	# Not --live: without KVM, QEMU loses what the guest writes meanwhile.
	check "it migrates" virsh --quiet migrate --migrateuri tcp://127.0.0.1 one "$OTHER_URI"
	follow_ends "a domain that migrates away ends following" 0 'err:the VM one was migrated away$'
	expect_soon "it runs where it went" 0 'out:^guest .*, running$' -- "$PAGEVISOR" stat "libvirt:$OTHER_URI#one"
	stop_other
}

# A domain that is saved, and restored as another process; one that is started from what managedsave kept; one whose
# definition goes while it runs.
test_saves()
{
	local state=$LIBVIRT/one.save

	check "saves: defined" define zero --memory 16M --cpus 1 && check "it is renamed" virsh --quiet domrename zero one &&
		virsh --quiet start one || return
	check "renamed before: it is found by its new name" wait_until "one runs" runs one
	follow libvirt:one
	check "it is saved" virsh --quiet save one "$state"
	follow_ends "saved: following ends" 0 'err:the VM one was saved to a file$'
	check "it is restored" virsh --quiet restore "$state"
	follow libvirt:one
	check "it is saved by libvirt" virsh --quiet managedsave one
	follow_ends "managedsave: following ends" 0 'err:the VM one was saved to a file$'
	check "it is started from that" virsh --quiet start one
	follow libvirt:one
	check "it is undefined" virsh --quiet undefine one
	check "undefined while it runs: looks go on" goes_on
	# Our guest does not listen to the power button; QEMU ends as if it did. It may be gone before it answers.
	check "it is asked to shut down" virsh --quiet shutdown one
	check "a guest that does not listen goes on" goes_on
	virsh --quiet qemu-monitor-command one --hmp quit >/dev/null 2>&1
	follow_ends "its end is noticed all the same" 0 'err:the VM one has ended$'
}

trap : PIPE
prepare_sanitized libvirt_life
need_libvirtd "libvirt_life"
test_names
test_daemon
test_end_without_daemon
test_saves
test_snapshot
test_migration
finish

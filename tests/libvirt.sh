#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests under libvirt, with a libvirtd of the test's own: see libvirt_lib.sh. Usage: libvirt.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

LIMIT=${LIMIT:-60}

# boots NAME READY OPTION...: from definition to the guest's own end, which libvirt takes for a crash.
boots()
{
	local name=$1 ready=$2

	shift 2
	check "$name: created" domain_start "$name" --ops 20000 "$@" || return
	check "$name: ready" wait_until "$name is ready" domain_says "$name" "$ready" &&
		check "$name: ends" wait_until "$name has ended" domain_is_gone "$name"
}

ready()
{
	echo "^ready: ring 0, $1 cpus, [0-9]+ slots for $2 MiB, all checked"
}

test_machines()
{
	local machine cpus

	for machine in pc q35 microvm; do
		for cpus in 1 2; do
			boots "$machine-$cpus" "$(ready "$cpus" '6[0-9]')" --machine "$machine" \
				--cpus "$cpus" --memory 64M
		done
	done
	boots "pc-4" "$(ready 4 '12[0-9]')" --machine pc --cpus 4 --memory 128M --backing file
	boots "private" "$(ready 1 '6[0-9]')" --memory 64M --cpus 1 --backing private
}

# The guest's command line as QEMU got it, to the byte.
has_argument()
{
	tr '\0' '\n' <"/proc/$(domain_pid "$1")/cmdline" | grep -qxF -e "$2"
}

test_text()
{
	local text="a=<b>&amp;\"c\" d='e' f=ä%s"

	check "text: created" domain_start text --memory 16M --cpus 1 --append "$text" || return
	check "text: comes through" has_argument text \
		"ring=0 workload=churn seed=1 ops=0 time_ms=0 $text"
	virsh --quiet destroy text >/dev/null
}

# Whether the last table that libvirt-watch printed is what virsh lists.
list_is_true()
{
	echo >&9 2>/dev/null || return
	virsh --quiet list | awk '{ print $2, $3 }' | sort >"$WORK/virsh-list"
	awk '/^--/ { table = ""; next } { table = table $0 "\n" } END { printf "%s", table }' "$OUT" |
		sort | cmp -s - "$WORK/virsh-list"
}

# Domains start, stop, are paused and crash while readers look at the list without a pause.
disturb_domains()
{
	local round

	for round in 1 2 3; do
		domain_start one --memory 16M --cpus 1
		domain_start two --memory 16M --cpus 1 --machine pc
		virsh --quiet suspend one
		virsh --quiet suspend two
		virsh --quiet resume one
		virsh --quiet destroy one
		kill -KILL "$(domain_pid two)"
		wait_until "two has crashed" domain_is_gone two
		domain_start three --memory 16M --cpus 1
		[ "$round" -eq 3 ] || virsh --quiet destroy three
	done
	domain_start four --memory 16M --cpus 1
	virsh --quiet suspend four
}

# Domains go on without their daemon, and are in the list again when it is back.
restart_libvirtd()
{
	kill -TERM "$libvirtd_pid"
	wait "$libvirtd_pid"
	start_libvirtd
}

# watched NAME COMMAND...: what the readers have seen is judged when it has ended.
watched()
{
	local name=$1 reader

	shift
	status=0
	mkfifo "$WORK/watch"
	"$BUILD/libvirt-watch" 2 <"$WORK/watch" >"$OUT" 2>"$ERR" &
	reader=$!
	exec 9>"$WORK/watch"
	check "$name: the list is true at first" wait_until "the list is true" list_is_true
	"$@" >"$WORK/watched.log" 2>&1
	# The list follows events: what was done last has to get there.
	check "$name: the list is true in the end" wait_until "the list is true" list_is_true
	exec 9>&-
	wait "$reader" || status=$?
	rm "$WORK/watch"
	last_command=("$@")
	judge "$name: what its readers saw" 0 '!err:: 0 looks' 'err:all well'
}

test_list()
{
	watched "list" disturb_domains
	watched "list, the daemon is restarted" restart_libvirtd
	virsh --quiet destroy three
	virsh --quiet destroy four
}

# A reader that has died is a test that fails, not the end of them all.
trap : PIPE
need_libvirtd "libvirt"
test_machines
test_text
test_list
finish

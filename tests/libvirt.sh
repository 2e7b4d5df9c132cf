#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests under libvirt, with the test's own libvirtd: see libvirt_lib.sh. Usage: libvirt.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

# boots NAME READY OPTION...: from definition to the guest's own end, which libvirt counts as a crash.
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

# The guest's command line as it reached QEMU, to the byte.
has_argument()
{
	tr '\0' '\n' <"/proc/$(domain_pid "$1")/cmdline" | grep -qxF -e "$2"
}

test_text()
{
	local text="a=<b>&amp;\"c\" d='e' f=ä%s"

	# A guest that lists no options, so that its text is anything.
	install -m 644 "$GUESTS/info_mailbox_wild.elf" "$LIBVIRT/plain.elf"
	check "text: created" domain_start text --kernel "$LIBVIRT/plain.elf" --memory 16M --cpus 1 --append "$text" || return
	check "text: comes through" has_argument text \
		"ring=0 workload=churn seed=1 ops=0 time_ms=0 $text"
	virsh --quiet destroy text >/dev/null
}

# Whether the last table that libvirt-watch printed agrees with virsh list.
list_is_true()
{
	echo >&9 2>/dev/null || return
	virsh --quiet list | awk '{ print $2, $3 }' | sort >"$WORK/virsh-list"
	awk '/^--/ { table = ""; next } { table = table $0 "\n" } END { printf "%s", table }' "$OUT" |
		sort | cmp -s - "$WORK/virsh-list"
}

# Domains start, stop, are paused and crash while readers read the list continuously.
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

# Domains survive their daemon, and are in the list again when it is back.
restart_libvirtd()
{
	end_libvirtd
	start_libvirtd
}

# watched NAME COMMAND...: runs the command under watch; afterwards judges what the readers saw.
watched()
{
	local name=$1 reader

	shift
	status=0
	mkfifo "$WORK/watch"
	: >"$OUT"
	"${with_libtirpc[@]}" "$BUILD/libvirt-watch" 2 <"$WORK/watch" >"$OUT" 2>"$ERR" &
	reader=$!
	exec 9>"$WORK/watch"
	check "$name: the list is true at first" wait_until "the list is true" list_is_true
	"$@" >"$WORK/watched.log" 2>&1
	# The list follows events, and the last one has to arrive.
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

domain_state_is()
{
	[ "$(virsh --quiet domstate "$1")" = "$2" ]
}

# looks NAME MEMORY PATTERN OPTION...: inspects a domain, through its own URI and as another host's.
looks()
{
	local name=$1 pattern=$2 far="libvirt:$LIBVIRT_REMOTE_URI#$1"

	shift 2
	check "$name: created" domain_start "$name" "$@" &&
		wait_until "$name runs" runs "$name" || return
	expect "stat of $name" 0 "out:^vm +$name, process [0-9]+" 'out:^frames ' "$pattern" -- \
		"$PAGEVISOR" stat "libvirt:$name"
	expect "stat of $name from afar" 0 "out:^vm +$name$" 'out:^frames ' 'err:copied through libvirt' -- \
		"$PAGEVISOR" stat "$far"
	expect "find in $name" 0 'out:^[1-9][0-9]*$' -- "$PAGEVISOR" find --count 'type == meta_page' "libvirt:$name"
	virsh --quiet suspend "$name" >/dev/null
	expect "capture of $name, paused" 0 -- "$PAGEVISOR" capture --force "$WORK/near.pvc" "libvirt:$name"
	expect "capture of $name, paused, from afar" 0 -- "$PAGEVISOR" capture --force "$WORK/far.pvc" "$far"
	expect "both are the same" 0 'out:; 0 changed$' -- \
		"$PAGEVISOR" diff "$WORK/near.pvc" "$WORK/far.pvc"
	check "$name: it is still paused" domain_state_is "$name" paused
	virsh --quiet resume "$name" >/dev/null
	expect_pause "capture of $name, running" 0 'out:^paused' -- \
		"$PAGEVISOR" capture --force "$WORK/near.pvc" "libvirt:$name"
	check "$name: it runs again" domain_state_is "$name" running
	expect_pause "check of $name" 0 'out:^findings +none' -- "$PAGEVISOR" check "libvirt:$name"
	check "$name: it runs again after that" domain_state_is "$name" running
	virsh --quiet destroy "$name" >/dev/null
	rm -f "$WORK"/*.pvc
}

# According to the guest itself, its workload has begun.
runs()
{
	"$PAGEVISOR" stat "libvirt:$1" 2>/dev/null | grep -q ', running$'
}

# Blocks of the memfd that is a domain's RAM.
ram_blocks()
{
	local fd

	for fd in /proc/"$(domain_pid "$1")"/fd/*; do
		case $(readlink "$fd") in *memory-backend-memfd*) stat -L -c %b "$fd" ;; esac
	done
}

# looks_at_sparse NAME MIB: a domain that has booted, with much more memory than it has touched. Nobody has inspected it
# before, so a hole filled by inspection would show.
looks_at_sparse()
{
	local name=$1 before

	virsh --quiet suspend "$name" >/dev/null
	before=$(ram_blocks "$name")
	check "$name: it has holes" [ "$before" -gt 0 -a "$before" -lt $(($2 * 2048 / 4)) ]
	expect "stat of $name" 0 '!err:.' "out:^guest +$2 MiB, " 'out:^frames ' 'out:^findings +none' -- \
		"$PAGEVISOR" stat "libvirt:$name"
	expect "map of $name" 0 '!err:.' 'out:frames by type' -- "$PAGEVISOR" map "libvirt:$name"
	expect "find in $name" 0 '!err:.' 'out:^[1-9][0-9]*$' -- \
		"$PAGEVISOR" find --count 'type == meta_page' "libvirt:$name"
	check "$name: no hole was filled" [ "$(ram_blocks "$name")" = "$before" ]
	virsh --quiet resume "$name" >/dev/null
	# While a domain is paused, check cannot tell an operation in progress from a leak.
	wait_until "$name runs" runs "$name"
	expect_pause "check of $name" 0 '!err:.' 'out:^findings +none' -- "$PAGEVISOR" check "libvirt:$name"
}

test_sources()
{
	local private="copied through libvirt"

	[ "$(id -u)" -ne 0 ] || private="read by process_vm_readv"
	looks memfd '!err:.' --machine pc --memory 64M --cpus 2
	looks file '!err:.' --machine q35 --memory 64M --cpus 4 --backing file
	looks private "err:$private" --machine pc --memory 64M --cpus 1 --backing private
	looks micro '!err:.' --machine microvm --memory 64M --cpus 1
	# A part of it lies above 4 GiB.
	check "split: created" domain_start split --machine q35 --memory 3584M --cpus 1 &&
		wait_until "split is ready" domain_says split '^ready:' || return
	looks_at_sparse split 3584
	virsh --quiet destroy split >/dev/null
}

refuses()
{
	local name=$1 wanted=$2 pattern=$3 vm=$4

	expect "$name" "$wanted" "err:$pattern" -- "$PAGEVISOR" stat "$vm" &&
		check "$name: in one line" says_one_line
}

test_refusals()
{
	refuses "no such domain" 1 'no domain with matching name' libvirt:nobody
	refuses "no name" 2 'not a domain: expected' libvirt:
	refuses "no domain in the URI" 2 'not a domain: expected' 'libvirt:qemu:///session#'
	refuses "a name that begins with #" 1 "no domain with matching name '#x'" 'libvirt:#x'
	refuses "no daemon" 1 'cannot connect to libvirt at .*nowhere' \
		"libvirt:qemu+unix:///session?socket=$WORK/nowhere#x"
	refuses "none of ours" 3 "is of no known kind" 'libvirt:test:///default#test'
}

# begin_capture NAME: captures all memory of large, through the remote URI; its process is $pid.
begin_capture()
{
	"$PAGEVISOR" capture --force --all-memory "$WORK/$1.pvc" "libvirt:$LIBVIRT_REMOTE_URI#large" >"$OUT" 2>"$ERR" &
	pid=$!
}

# The answer comes from QEMU itself, after everything that the daemon asked before: a daemon killed while it waits for
# an answer finds that answer when it comes back, and does not understand it.
qemu_has_stopped()
{
	virsh --quiet qemu-monitor-command large '{"execute":"query-status"}' | grep -q '"running": *false'
}

# stands_still NAME: whether the capture is stopped while it pauses large. Begins a new capture if the last one has
# already ended.
stands_still()
{
	kill -0 "$pid" || begin_capture "$1"
	domain_state_is large paused || return
	kill -STOP "$pid"
	qemu_has_stopped && return
	kill -CONT "$pid"
	return 1
}

# A domain that is destroyed while it is read, and an inspector or a daemon that is killed while a domain is paused.
test_ends()
{
	local pid

	check "large: created" domain_start large --machine pc --memory 6G --cpus 1 &&
		wait_until "large is ready" domain_says large '^ready:' || return
	looks_at_sparse large 6144
	check "large: no pause while libvirt migrates it" within is_refused_in_a_job
	judge "large: no pause then" 1
	check "large: no pause then, in one line" says_one_line
	check "large: it runs" domain_state_is large running
	begin_capture killed
	wait_until "large is paused" stands_still killed
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	check "killed inspector: the domain goes on" wait_until "large runs" domain_state_is large running
	begin_capture lost
	wait_until "large is paused" stands_still lost
	kill -KILL "$libvirtd_pid"
	wait "$libvirtd_pid" 2>/dev/null
	kill -CONT "$pid"
	start_libvirtd
	wait "$pid" 2>/dev/null
	check "killed daemon: the domain goes on" wait_until "large runs" domain_state_is large running
	begin_capture ended
	wait_until "large is paused" stands_still ended
	virsh --quiet destroy large >/dev/null
	kill -CONT "$pid"
	status=0
	wait "$pid" || status=$?
	last_command=("capture of a domain that is destroyed")
	judge "destroyed in mid-scan" 1 'err:^pagevisor: '
	check "no capture is left" test ! -e "$WORK/ended.pvc"
}

# Somebody resumes the domain held in our pause, and suspends it again: then the suspension is theirs. False when the
# pause was over before.
is_taken_over()
{
	local pid

	virsh --quiet resume held
	: >"$OUT"
	"${with_libtirpc[@]}" "$BUILD/attach-probe" pause_for libvirt:held 1000 >"$OUT" 2>"$ERR" &
	pid=$!
	wait_until "held is paused" grep -q paused "$OUT"
	virsh --quiet resume held
	virsh --quiet suspend held
	status=0
	wait "$pid" || status=$?
	matches 'out:someone else resumed the domain during the pause and stopped it again'
}

# Whether a capture is refused while the domain large migrates to a file. False when it was there before.
is_refused_in_a_job()
{
	local dump

	virsh --quiet dump --live large "$LIBVIRT/core" >/dev/null 2>&1 &
	dump=$!
	within has_job_or_none large "$dump"
	run_command "$PAGEVISOR" capture --force "$WORK/job.pvc" libvirt:large
	virsh --quiet domjobabort large
	wait "$dump"
	rm -f "$LIBVIRT/core" "$WORK/job.pvc"
	matches 'err:libvirt is migrating, saving or dumping the domain'
}

has_job_or_none()
{
	virsh domjobinfo "$1" | grep -q '^Operation:' || ! kill -0 "$2"
}

# What other users of libvirt do with a domain in our pause, and before it.
test_others()
{
	check "held: created" domain_start held --machine pc --memory 64M --cpus 1 &&
		wait_until "held runs" runs held || return
	check "held: somebody takes it over in our pause" within is_taken_over
	judge "held: our pause fails" 1
	check "held: it stays paused" domain_state_is held paused
	virsh --quiet destroy held >/dev/null
}

watch_shows()
{
	awk '/^NAME/ { table = ""; next } { table = table $0 "\n" } END { printf "%s", table }' \
		"$WORK/ps-watch" | grep -Eq "$1"
}

watch_is_without()
{
	! watch_shows "$1"
}

# Two domains at once while the list is watched.
test_ps()
{
	local pid

	expect "ps without libvirt" 0 '!err:.' '!out:libvirt' -- env -u LIBVIRT_DEFAULT_URI "$PAGEVISOR" ps
	"$PAGEVISOR" ps --watch >"$WORK/ps-watch" 2>&1 &
	pid=$!
	domain_start one --memory 16M --cpus 1
	domain_start two --memory 16M --cpus 1 --machine pc
	check "ps --watch: one" wait_until "one is listed" watch_shows '^libvirt:one +[0-9]+ +16 MiB +1 +running'
	check "ps --watch: two" wait_until "two is listed" watch_shows '^libvirt:two .* running'
	expect "ps" 0 '!err:.' 'out:^libvirt:one .* running' 'out:^libvirt:two .* running' -- "$PAGEVISOR" ps
	expect "ps --json" 0 'out:"vm":"libvirt:one"' -- "$PAGEVISOR" ps --json
	PAGEVISOR_LIST=libvirt,qemu expect "their QEMUs are not listed again" 0 'out:^libvirt:one ' \
		"!out:^qemu:($(domain_pid one)|$(domain_pid two)) " -- "$PAGEVISOR" ps
	expect "a domain by its name alone" 0 'out:^vm +one, process' -- "$PAGEVISOR" stat one
	expect "a domain by a misspelled name" 1 "err:no VM named 'tow'; did you mean 'two'\\?$" -- "$PAGEVISOR" stat tow
	expect "no name where there are two" 2 'err:2 VMs are running; name one: libvirt:one, libvirt:two$' -- "$PAGEVISOR" stat
	expect "stop leaves domains alone" 2 'err:^pagevisor: libvirt:one is a domain of libvirt: stop it with virsh' -- \
		"$PAGEVISOR" stop one
	kill -KILL "$(domain_pid two)"
	check "ps --watch: two crashed" wait_until "two is gone" watch_is_without '^libvirt:two'
	expect "no name where there is one" 0 'out:^vm +one, process' -- "$PAGEVISOR" stat
	virsh --quiet destroy one >/dev/null
	check "ps --watch: one is gone" wait_until "one is gone" watch_is_without '^libvirt:one'
	kill "$pid"
	wait "$pid" 2>/dev/null
}

# Lists that are watched before there is a daemon, known by its URI or found by its socket, as the daemon's own user.
# The daemon's domains appear once it runs, and nothing is printed while the list waits for it.
test_ps_before_the_daemon()
{
	local by_uri by_socket

	end_libvirtd
	rm -f "$LIBVIRT_SOCKET" "$WORK/ps-watch"
	"$PAGEVISOR" ps --watch >"$WORK/ps-watch" 2>&1 &
	by_uri=$!
	install -m 755 "$PAGEVISOR" "$LIBVIRT/pagevisor"
	"${libvirt_user[@]}" env -u LIBVIRT_DEFAULT_URI XDG_RUNTIME_DIR="$LIBVIRT/run" \
		"$LIBVIRT/pagevisor" ps --watch >"$WORK/ps-watch-socket" 2>&1 &
	by_socket=$!
	wait_until "the lists are there" test -s "$WORK/ps-watch" -a -s "$WORK/ps-watch-socket"
	# Gives the list time for a failed attempt.
	sleep 2
	check "no daemon yet: one line" line_count "$WORK/ps-watch" 1
	check "no socket yet: one line" line_count "$WORK/ps-watch-socket" 1
	start_libvirtd
	domain_start late --memory 16M --cpus 1
	check "a daemon that came later" wait_until "late is listed" watch_shows '^libvirt:late .* running'
	check "a socket that came later" wait_until "late is listed" \
		grep -Eq '^libvirt:qemu:///session#late .* running' "$WORK/ps-watch-socket"
	virsh --quiet destroy late >/dev/null
	check "late is gone" wait_until "late is gone" watch_is_without '^libvirt:late'
	kill "$by_uri" "$by_socket"
	wait "$by_uri" "$by_socket" 2>/dev/null
}

# A reader that dies must fail a test, not end the script.
trap : PIPE
prepare_sanitized libvirt
need_libvirtd "libvirt"
test_machines
test_text
test_sources
test_refusals
test_others
test_ends
test_ps
test_ps_before_the_daemon
test_list
finish

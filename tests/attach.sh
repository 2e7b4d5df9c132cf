#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Inspecting a VM from another process: ps and stat, several inspectors at once, inspectors that are killed or
# misbehave, VMs that end meanwhile, other users, and dead sockets. Usage: attach.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"
# shellcheck source=attach_user_lib.sh
. "$(dirname "$0")/attach_user_lib.sh"

PROBE=$BUILD/attach-probe

# Lines of JSON: the first sample has read all slots, the others have not.
reads_less()
{
	[ "$(sed -n '1s/.*"look_reads":{[^}]*"slots_read":\([0-9]*\),.*/\1/p' "$OUT")" -eq 16384 ] &&
		[ "$(sed -n '3s/.*"look_reads":{[^}]*"slots_read":\([0-9]*\),.*/\1/p' "$OUT")" -lt 16384 ]
}

test_listing()
{
	expect "ps without VMs" 0 'out:^NAME ' -- "$PAGEVISOR" ps
	check "ps without VMs: the title alone" line_count "$OUT" 1
	expect "ps without VMs, --json" 0 'out:"vms":\[' -- "$PAGEVISOR" ps --json
	expect "stat without VMs" 1 'err:^pagevisor: no VM is running; pagevisor run' -- "$PAGEVISOR" stat
	check "stat without VMs: one line" says_one_line
	start_vm one --time 0
	expect "ps" 0 "out:^one +${pids[one]} +64 MiB +2  running +[0-9.]+ % +[0-9.]+ s$" -- "$PAGEVISOR" ps
	expect "ps --json" 0 'out:"vm":"one"' "out:\"pid\":${pids[one]}," \
		'out:"memory_bytes":67108864' 'out:"cpus":2' 'out:"stage":"running"' 'out:"ram_frames":16(384|336),$' \
		'out:"in_use_frames":[1-9]' -- \
		"$PAGEVISOR" ps --json
	expect "ps --count" 0 'out:^one .* 256$' -- "$PAGEVISOR" ps --count 'type == meta_page'
	expect "ps --count of a type that no guest has" 2 'err:^pagevisor: the expression is wrong for [a-z]+ at column 9' -- \
		"$PAGEVISOR" ps --count 'type == nonsense'
	expect "stat --follow" 0 'out:^ +UP  STAGE ' 'out: running +[0-9]+ +[0-9.]+ % .* 16.4 k +0$' -- \
		"$PAGEVISOR" stat --follow --lines 2 --interval 0.1
	check "stat --follow: a line each" line_count "$OUT" 3
	# QEMU provides no dirty log.
	if runs_in_tcg; then
		expect "stat --follow --incremental, without a dirty log" 0 'err:^pagevisor: each look reads everything' -- \
			"$PAGEVISOR" stat --follow --incremental --lines 3 --interval 0.1 --json
	else
		expect "stat --follow --incremental" 0 '!err:reads everything' -- \
			"$PAGEVISOR" stat --follow --incremental --lines 3 --interval 0.1 --json
		check "stat --follow --incremental reads less after the first look" reads_less
	fi
	expect "stat --incremental alone" 2 'err:--incremental needs --follow' -- "$PAGEVISOR" stat --incremental
	expect "stat of the only VM" 0 'out:^vm        one, process' 'out:^findings  none' \
		'out:^          meta_page +256$' 'out:^scans     1, ' -- "$PAGEVISOR" stat
	expect "stat by name, --json" 0 'out:"stage":"running"' 'out:"finding_count":0' \
		'out:"meta_page":256' 'out:"retried":' -- "$PAGEVISOR" stat one --json
	expect "stat by process" 0 'out:^vm        one' -- "$PAGEVISOR" stat "pid:${pids[one]}"
	expect "stat of no such name" 1 "err:^pagevisor: no VM named 'two'; pagevisor ps lists" -- \
		"$PAGEVISOR" stat two
	expect "stat of a misspelled name" 1 "err:^pagevisor: no VM named 'oen'; did you mean 'one'\\?$" -- \
		"$PAGEVISOR" stat oen
	expect "stat by name, with its prefix" 0 'out:^vm        one' -- "$PAGEVISOR" stat vm:one
	expect "a prefix says where not to look" 1 'err:no domain|libvirt' -- "$PAGEVISOR" stat libvirt:one
	expect "stat of no such process" 1 'err:^pagevisor: process 1 is not a VM' -- \
		"$PAGEVISOR" stat pid:1
	expect "stat of an invalid name" 2 'err:^pagevisor: not a VM: expected NAME' -- "$PAGEVISOR" stat vm:
	expect "stat of a name that hides something" 1 'err:no VM named .a\?\[2Jb.' -- \
		"$PAGEVISOR" stat "$(printf 'a\033[2Jb')"
	check "stat of a name that hides something: plain text" is_plain_text "$ERR"
	expect "stat of two names" 2 'err:one VM is enough' -- "$PAGEVISOR" stat one two
	start_vm other --time 0
	expect "stat of one of two" 2 'err:^pagevisor: 2 VMs are running; name one: one, other$' -- \
		"$PAGEVISOR" stat
	check "stat of one of two: one line" says_one_line
	expect "stop wants a name" 2 'err:name the VM to end' -- "$PAGEVISOR" stop
	expect "stop of a wrong name" 1 "err:no VM named 'othr'; did you mean 'other'" -- "$PAGEVISOR" stop othr
	expect "stop" 0 'out:^the VM other has ended$' '!err:.' -- "$PAGEVISOR" stop other
	await other
	judge "the VM ends in good order" 0 'ended well' 'findings  none'
	expect "a full disk" 1 'err:^pagevisor: cannot write the output' -- \
		sh -c 'exec "$@" >/dev/full' sh "$PAGEVISOR" stat one
	expect "a reader that has seen enough" 0 'out:^ADDRESS' '!err:.' -- \
		bash -c 'set -o pipefail; "$@" | head -n 1' bash "$PAGEVISOR" find --each 'state == unused' one
	end_vm one
	check "a VM that ended leaves no socket" [ -z "$(ls -A "$SOCKETS")" ]
}

test_same_name()
{
	start_vm twin --time 0
	expect "a second VM of one name" 1 \
		"err:^pagevisor: a VM named 'twin' runs already, as process ${pids[twin]}: choose another --name, or end it" -- \
		"$PAGEVISOR" run --name twin --memory 16M --time 0
	check "a second VM of one name: refused in one line, before it boots" says_one_line
	check "it leaves no socket" [ "$(ls "$SOCKETS")" = "twin.${pids[twin]}.sock" ]
	# A socket of that name without a VM is no VM.
	start dead "$PAGEVISOR" run --name left --memory 16M --time 0
	within test -S "$SOCKETS/left.${pids[dead]}.sock"
	stop dead
	expect "the name of a dead VM" 0 'out:ended well' -- "$PAGEVISOR" run --name left --memory 16M --ops 1000
	end_vm twin
}

test_default_name()
{
	start nameless "$PAGEVISOR" run --memory 16M --time 0
	within test -S "$SOCKETS/vm-${pids[nameless]}.${pids[nameless]}.sock"
	expect "the name of a VM without one" 0 'out:^vm        vm-' -- \
		"$PAGEVISOR" stat "vm-${pids[nameless]}"
	end_vm nameless
}

# Other kernels run and are listed, and have no metadata to show.
test_other_kernel()
{
	start foreign "$PAGEVISOR" run --name foreign --memory 16M --kernel "$GUESTS/hang.elf"
	within test -S "$(socket_of foreign)"
	expect "ps of another kernel" 0 'out:^foreign .* 16 MiB ' -- "$PAGEVISOR" ps
	run_command "$PAGEVISOR" stat foreign
	check "stat of another kernel fails" [ "$status" -eq 3 ]
	check "stat of another kernel: one line" says_one_line
	stop foreign
}

test_modes()
{
	start_vm private --time 0
	check "the socket's mode is 0600" [ "$(stat -c %a "$(socket_of private)")" = 600 ]
	check "the directory's mode is 0700" [ "$(stat -c %a "$SOCKETS")" = 700 ]
	expect "the RAM handed out cannot be written" 0 'out:^not writable$' -- \
		"$PROBE" write private "${pids[private]}"
	end_vm private
}

# as_nobody COMMAND...: runs it as the user nobody.
as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

test_other_users()
{
	local why="only root may become another user" place=$WORK/nobody

	if [ "$(id -u)" -ne 0 ] || ! as_nobody true 2>/dev/null; then
		skip "another user" "$why"
		return
	fi
	chmod 755 "$WORK"
	install -D "$PAGEVISOR" "$place/pagevisor"
	install -D "$PROBE" "$place/probe"
	start_vm private --time 0
	expect "another user may not enter" 1 'err:Permission denied' -- \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$place/pagevisor" stat private
	check "another user may not enter: one line" says_one_line
	# Even when the directories are open to all, the VM checks who connects.
	chmod 755 "$XDG_RUNTIME_DIR" "$SOCKETS"
	chmod 666 "$(socket_of private)"
	expect "the VM refuses another user" 0 'out:^refused$' -- \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$place/probe" refused \
		"$(socket_of private)" 13
	expect "a directory that is another user's" 1 'err:belongs to another user' -- \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$place/pagevisor" stat private
	expect "a directory that others may enter" 1 'err:others may enter .*; its mode should be 0700' -- \
		"$PAGEVISOR" stat private
	chmod 700 "$SOCKETS" "$XDG_RUNTIME_DIR"
	# Another user's socket in the user's own directory.
	install -d -m 700 -o 65534 "$WORK/theirs" "$WORK/theirs/pagevisor"
	start fake "$PROBE" fake "$WORK/theirs/pagevisor/fake.1.sock" none
	await_line fake listening
	expect "a socket of another user is skipped" 0 '!out:fake' -- \
		env XDG_RUNTIME_DIR="$WORK/theirs" setpriv --reuid 65534 --regid 65534 \
		--clear-groups "$place/pagevisor" ps
	stop fake
	chmod 700 "$WORK"
	end_vm private
}

test_dead_sockets()
{
	start_vm dead --time 0
	local socket

	socket=$(socket_of dead)
	stop dead
	check "SIGKILL leaves the socket" [ -S "$socket" ]
	expect "ps passes over a dead VM" 0 '!out:dead' -- "$PAGEVISOR" ps
	check "ps removes its socket" [ ! -e "$socket" ]
	start_vm dead --time 0
	stop dead
	expect "stat of a dead VM" 1 'err:^pagevisor: no VM named .dead.; pagevisor ps' -- "$PAGEVISOR" stat dead
	: >"$SOCKETS/file.1.sock"
	ln -s /etc/passwd "$SOCKETS/link.1.sock"
	: >"$SOCKETS/nonsense"
	expect "other files are passed over" 0 '!out:file|link|nonsense' -- "$PAGEVISOR" ps
	check "other files are left alone" [ "$(find "$SOCKETS" -type f -o -type l | wc -l)" -eq 3 ]
	rm "$SOCKETS"/*
}

test_no_directory()
{
	expect "a VM without a runtime directory runs" 0 'out:ended well' \
		'err:^other commands cannot inspect this VM: .*/none/pagevisor: No such file' -- \
		env XDG_RUNTIME_DIR="$WORK/none" "$PAGEVISOR" run --memory 16M --ops 1000
	check "and says so once" [ "$(grep -c 'cannot inspect' "$ERR")" -eq 1 ]
	: >"$WORK/occupied"
	expect "a runtime directory that is a file" 0 'err:cannot inspect this VM: .*occupied' -- \
		env XDG_RUNTIME_DIR="$WORK/occupied" "$PAGEVISOR" run --memory 16M --ops 1000
	expect "no runtime directory to look into" 1 'err:no VM is running' -- \
		env XDG_RUNTIME_DIR="$WORK/none" "$PAGEVISOR" stat
}

# As in a chroot.
test_no_proc()
{
	local command without_proc=(unshare --mount sh -c 'umount -l /proc && exec "$@"' sh)

	install -d -m 700 "$SOCKETS"
	if ! "${without_proc[@]}" true 2>/dev/null; then
		skip "without /proc" "no mount namespaces here"
		return
	fi
	for command in ps stat 'stat qemu:1' 'run --memory 16M --ops 1' 'stress mix --memory 16M --ops 1'; do
		# shellcheck disable=SC2086 # words
		expect "$command without /proc" 1 'err:^pagevisor: mount /proc: .* through it$' -- "${without_proc[@]}" "$PAGEVISOR" $command
		check "$command without /proc: one line" says_one_line
	done
}

# Memory of a VM, in blocks of 512 bytes.
ram_blocks()
{
	local fd

	for fd in "/proc/$1/fd"/*; do
		case $(readlink "$fd") in
		*memfd:pagevisor-ram*)
			stat -L -c %b "$fd"
			return
			;;
		esac
	done
}

# The guest no longer does anything, so any change is the inspector's doing.
test_blocks()
{
	local before

	start_vm still --memory 1G --workload fault --append fault=hang --time 0 --scan-rate 1
	# The VMM has read the slots, too.
	await_line still ' running '
	before=$(ram_blocks "${pids[still]}")
	check "the RAM has blocks" [ "$before" -gt 0 ]
	expect "stat of a guest that hangs" 0 'out:^findings  none' -- "$PAGEVISOR" stat still
	expect "stat of it as JSON" 0 -- "$PAGEVISOR" stat still --json
	run_command "$PAGEVISOR" ps
	check "looking takes no memory" [ "$(ram_blocks "${pids[still]}")" -eq "$before" ]
	expect "stop of a guest that does not listen, for a moment" 1 'err:has been asked to end, and still runs after 0.1 s' -- \
		"$PAGEVISOR" stop --timeout 0.1 still
	expect "a second stop does not wait for it" 0 'out:^the VM still has ended$' -- "$PAGEVISOR" stop still
	await still
	judge "it ends as by SIGTERM, with its report" 143 'out:^result +stopped by signal 15'
}

test_inspectors()
{
	local i good=0

	start_vm busy --time 0
	check "a core dump of a VM leaves its RAM out" dumps_no_ram "${pids[busy]}"
	for i in 1 2 3 4 5 6; do
		start "look$i" "$PROBE" hold busy
	done
	for i in 1 2 3 4 5 6; do
		await_line "look$i" attached && good=$((good + 1))
	done
	check "six inspectors at once" [ "$good" -eq 6 ]
	check "a core dump of an inspector leaves the RAM out" dumps_no_ram "${pids[look1]}"
	stop look1
	stop look2
	stop look3
	expect "others look on when some are killed" 0 'out:^findings  none' -- "$PAGEVISOR" stat busy
	end_vm busy
	for i in 4 5 6; do
		await "look$i"
		judge "inspector $i sees the VM end" 0 'out:^the VM has ended$'
	done
	start_vm killed --time 0
	start look "$PROBE" hold killed
	await_line look attached
	stop killed
	await look
	judge "an inspector sees its VM killed" 0 'out:^the VM has ended$'
	"$PAGEVISOR" ps >/dev/null
}

# with_core_in FOLDER COMMAND...: becomes a command that dumps core there; for start.
with_core_in()
{
	cd "$1" || exit
	ulimit -c unlimited
	shift
	exec "$@"
}

# A real core dump, where the system writes it to the working directory.
test_core_dump()
{
	local folder=$WORK/core pattern

	pattern=$(cat /proc/sys/kernel/core_pattern)
	if [[ $pattern != core* || $pattern == */* ]] || ! (ulimit -c unlimited) 2>/dev/null || is_sanitized; then
		skip "a real core dump" "the system writes none here, or the build is sanitized"
		return
	fi
	mkdir "$folder"
	# In the sandbox it may not make a file where the kernel has Landlock, not even its own core.
	start dumped with_core_in "$folder" "$PAGEVISOR" run --no-sandbox --name dumped --memory 256M --time 0
	within has_stage dumped running
	kill -ABRT "${pids[dumped]}"
	await dumped 2>/dev/null # the shell says that it aborted
	judge "a VM that aborts" 134
	check "it dumps core" [ -s "$(echo "$folder"/core*)" ]
	check "the core has less than the guest's RAM" [ -z "$(find "$folder" -size +128M)" ]
	"$PAGEVISOR" ps >/dev/null
	rm -r "$folder"
}

# The number of steps that a guest has done.
steps_of()
{
	"$PAGEVISOR" stat "$1" --json | sed -n 's/.*"steps":\([0-9]*\).*/\1/p'
}

has_more_steps()
{
	[ "$(steps_of "$1")" -gt "$2" ]
}

# has_progress NAME: whether the guest still works; on a busy machine this may take a while.
has_progress()
{
	local first

	first=$(steps_of "$1")
	within has_more_steps "$1" "${first:?}"
}

stands_still()
{
	local first

	first=$(steps_of "$1")
	sleep 0.3
	[ "$(steps_of "$1")" = "${first:?}" ]
}

test_bad_inspectors()
{
	start_vm tough --time 0
	expect "an inspector that sends garbage" 0 'out:^done$' -- \
		"$PROBE" garbage "$(socket_of tough)" 20000
	check "the guest works on after it" has_progress tough
	expect "an inspector that never reads" 0 'out:^disconnected$' -- \
		"$PROBE" deaf "$(socket_of tough)"
	check "the guest works on after it, too" has_progress tough
	# One process would give way to another: server_places.h.
	start many "$PROBE" inspectors "$(socket_of tough)" 32
	within line_count "$WORK/many" 32
	expect "too many inspectors" 1 'err:^pagevisor: the VM tough already has its maximum number' -- \
		env PAGEVISOR_TIMEOUT=0.2 "$PAGEVISOR" stat tough
	check "too many inspectors: one line" says_one_line
	start patient "$PAGEVISOR" stat tough
	stop many
	await patient
	judge "one that waits gets the first place" 0 'out:^findings  none'
	end_vm tough
}

# boot_id VM: the number of its guest's boot; nothing if it has none.
boot_id()
{
	timeout "$LIMIT" "$PROBE" boot_id "$1" | grep -E '^[0-9a-f]{16}$'
}

# all_differ NUMBER...: for check.
all_differ()
{
	[ -z "$(printf '%s\n' "$@" | sort | uniq -d)" ]
}

# test_boot_ids ENGINE...: ENGINE is the options of run that choose it. Starts two guests with exactly the same input.
test_boot_ids()
{
	local first second

	start_vm same --time 0 "$@"
	first=$(boot_id same)
	check "a boot has a number${*:+ ($*)}" [ -n "$first" ]
	check "the workload goes on${*:+ ($*)}" has_progress same
	check "the number stays${*:+ ($*)}" [ "$(boot_id same)" = "$first" ]
	expect "a capture${*:+ ($*)}" 0 -- "$PAGEVISOR" capture --force "$WORK/same.pvc" same
	check "a capture has the same number${*:+ ($*)}" [ "$(boot_id "$WORK/same.pvc")" = "$first" ]
	rm "$WORK/same.pvc"
	end_vm same
	start_vm same --time 0 "$@"
	second=$(boot_id same)
	end_vm same
	check "another boot has another number${*:+ ($*)}" all_differ 0000000000000000 "$first" "$second"
}

test_pause()
{
	# Little RAM: the probe copies all of it in each pause, and the machine may be busy.
	start_vm calm --cpus 4 --memory 16M --time 0
	expect "a paused VM stands still" 0 'out:^stood still' -- "$PROBE" pause calm 20
	start first "$PROBE" pause calm 20
	start second "$PROBE" pause calm 20
	await first
	judge "two inspectors pause it at once, the first" 0 'out:^stood still'
	await second
	judge "two inspectors pause it at once, the second" 0 'out:^stood still'
	check "the guest works on after that" has_progress calm
	start holder "$PROBE" pause_for calm 60000
	await_line holder '^paused'
	check "a paused guest makes no progress" stands_still calm
	stop holder
	check "SIGKILL of an inspector ends its pause" has_progress calm
	expect_soon "a pause that is too long" 1 'out:^the pause took too long: the VM calm was resumed' -- \
		"$PROBE" pause_for calm 2500
	check "the guest works on after it" has_progress calm
	test_holder calm
	end_vm calm
	# Processors that were never started are paused, too.
	start foreign "$PAGEVISOR" run --name foreign --memory 16M --cpus 3 --kernel "$GUESTS/hang.elf"
	within test -S "$(socket_of foreign)"
	expect "another kernel can be paused" 0 'out:^stood still' -- "$PROBE" pause foreign 5
	stop foreign
}

# Whoever holds a pause is named, for as long as it holds it; a pause ends by itself after two seconds.
test_holder()
{
	start holder "$PROBE" pause_for "$1" 60000
	await_line holder '^paused'
	expect "ps says who has paused a VM" 0 "out:^$1 .* paused " \
		"out:^ +paused by ${pids[holder]} for [0-9.]+ s$" -- "$PAGEVISOR" ps
	check "ps fits 80 columns then" [ "$(wc -L <"$OUT")" -le 80 ]
	stop holder
	expect "ps without a pause" 0 "out:^$1 .* running " -- "$PAGEVISOR" ps
	check "ps without a pause: no word of one" [ "$(grep -c paused "$OUT")" -eq 0 ]
	start holder "$PROBE" pause_for "$1" 60000
	await_line holder '^paused'
	expect "ps --json says who has paused a VM" 0 'out:"stage":"running"' 'out:"paused":[{]' \
		"out:\"pid\":${pids[holder]},$" 'out:"paused_seconds":[0-9.]+$' -- "$PAGEVISOR" ps --json
	stop holder
}

# A VM that is asked to end, and then stopped, while an inspector pauses it.
stop_paused_vm()
{
	start_vm hung --workload fault --append fault=hang --time 0
	start holder "$PROBE" pause_for hung 60000
	await_line holder '^paused'
	kill -INT "${pids[hung]}"
	await_line hung 'asking the guest'
	kill -TERM "${pids[hung]}"
	await hung
	judge "a paused VM can be stopped" 143 'stopped by signal 15'
	stop holder
}

# A VM that is asked to end while an inspector pauses it; then the inspector releases the pause.
end_paused_vm()
{
	start_vm polite --time 0
	start holder "$PROBE" pause_for polite 500
	await_line holder '^paused'
	end_vm polite
	await holder
}

test_end_during_pause()
{
	local try

	stop_paused_vm
	# Without the server that ends each pause after two seconds.
	expect "a stop does not wait for the end of a pause" 0 'out:^paused' 'out:^stopped' -- \
		"$PROBE" stop_paused "$GUESTS/hang.elf"
	# A pause ends by itself after two seconds. On a busy machine these steps may take that long, but not every
	# time.
	for try in 1 2 3 4 5; do
		end_paused_vm
		grep -q 'the pause took too long' "$OUT" || break
	done
	judge "an inspector whose VM ended when it was paused" 0 'out:^resumed'
	start_vm shot --time 0
	start holder "$PROBE" pause_for shot 500
	await_line holder '^paused'
	stop shot
	await holder
	judge "an inspector whose VM was killed when it was paused" 1 'out:^the VM has ended$'
	"$PAGEVISOR" ps >/dev/null
}

test_dirty_log()
{
	start_vm dirty --time 0
	if runs_in_tcg; then
		expect "QEMU has no dirty log" 1 'out:^the VM dirty cannot do that$' -- "$PROBE" dirty dirty 5
		end_vm dirty
		return
	fi
	expect "the dirty log has every page that changed" 0 'out:^every page' -- \
		"$PROBE" dirty dirty 5
	start first "$PROBE" dirty dirty 10
	start second "$PROBE" dirty dirty 10
	start third "$PROBE" dirty dirty 1000
	sleep 0.3
	stop third
	await first
	judge "two readers and one that is killed, the first" 0 'out:^every page'
	await second
	judge "two readers and one that is killed, the second" 0 'out:^every page'
	check "the guest works on after that" has_progress dirty
	end_vm dirty
}

need_vm "attaching"
need_guests
test_listing
test_same_name
test_default_name
test_other_kernel
test_modes
test_other_users
test_default_directory
test_dead_sockets
test_no_directory
test_no_proc
test_blocks
test_inspectors
test_core_dump
test_bad_inspectors
test_boot_ids
if runs_in_tcg || ! command -v qemu-system-x86_64 >/dev/null; then
	skip "boots of a processor without random numbers" "no QEMU beside KVM"
else
	test_boot_ids --accel qemu-tcg
fi
test_pause
test_end_during_pause
test_dirty_log
finish

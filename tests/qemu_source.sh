#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Inspecting QEMUs started by others, by pid and by QMP socket: machines, sizes of RAM and its backends, pausing, QEMUs
# that die, refusals. Without KVM. Usage: qemu_source.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=qemu_list_lib.sh
. "$(dirname "$0")/qemu_list_lib.sh"

QEMU="qemu-system-x86_64"

# Rounds of the torn-read test with the command; each reads up to 64 changing slots.
TORN_ROUNDS=${TORN_ROUNDS:-30}

qemu=        # pid of the running one
qmp=$WORK/qmp
hmp=$WORK/hmp
console=$WORK/console
backing=$WORK/ram
huge_mount=$WORK/huge

# Huge pages of 2 MiB for a guest of 64 MiB, and a few more, to notice a reader that takes some.
HUGE_PAGES=40
POOL=/proc/sys/vm/nr_hugepages
pool_before= # the pool's size before this script changed it

stop_qemu()
{
	[ -n "$qemu" ] || return 0
	kill -KILL "$qemu" 2>/dev/null
	wait "$qemu" 2>/dev/null
	qemu=
	rm -f "$backing"
}

# Restores the number of huge pages.
give_back_pool()
{
	! mountpoint -q "$huge_mount" || umount "$huge_mount"
	[ -z "$pool_before" ] || echo "$pool_before" >"$POOL"
	pool_before=
}

trap 'stop_qemu; give_back_pool; clean_up' EXIT

# What -machine needs besides its name, for each kind of RAM.
memory_options()
{
	case $1 in
	memfd) echo "memory-backend-memfd,id=mem,size=$2,share=on" ;;
	file) echo "memory-backend-file,id=mem,size=$2,mem-path=$backing,share=on" ;;
	private_file) echo "memory-backend-file,id=mem,size=$2,mem-path=$backing" ;;
	private) echo "memory-backend-ram,id=mem,size=$2" ;;
	huge_memfd) echo "memory-backend-memfd,id=mem,size=$2,share=on,hugetlb=on,hugetlbsize=2M" ;;
	huge_file) echo "memory-backend-file,id=mem,size=$2,mem-path=$huge_mount,share=on" ;;
	esac
}

# Whether the guest is ready, or its QEMU has ended.
is_ready_or_gone()
{
	grep -q '^ready:' "$console" || ! kill -0 "$qemu"
}

# launch_qemu NAME OPTION...: starts a guest, and waits until its console says "ready".
launch_qemu()
{
	local name=$1

	shift
	stop_qemu
	rm -f "$qmp" "$console"
	"$QEMU" -name "guest=by hand $$,debug-threads=on" -kernel "$GUEST" -nodefaults -display none -serial "file:$console" -no-reboot \
		-qmp "unix:$qmp,server=on,wait=off" -monitor "unix:$hmp,server=on,wait=off" "$@" >"$WORK/qemu.log" 2>&1 &
	qemu=$!
	within is_ready_or_gone
	! grep -q '^ready:' "$console" 2>/dev/null || return 0
	last_command=("$QEMU" "$@")
	cp "$WORK/qemu.log" "$ERR"
	fail "start $name" "it did not get ready"
	return 1
}

# start_qemu MACHINE MEMORY CPUS KIND OPTIONS
start_qemu()
{
	local machine=$1 memory=$2 cpus=$3 kind=$4 options=$5

	launch_qemu "$machine $memory $kind" -accel tcg -machine "$machine,memory-backend=mem" \
		-object "$(memory_options "$kind" "$memory")" -m "$memory" -smp "$cpus" -append "$options"
}

# The number of a key in the last output in JSON, at any depth.
number()
{
	sed -nE "s/.*\"$1\":([0-9]+).*/\\1/p" "$OUT" | head -n 1
}

blocks()
{
	stat -L -c %b "/proc/$qemu/fd/$1" 2>/dev/null
}

is_stopped()
{
	! cat "/proc/$qemu"/task/*/status | grep '^State:' | grep -qv stopped
}

# settled_blocks DESCRIPTOR: the blocks of RAM that nobody changes. A thread that gets SIGSTOP goes on until it is
# interrupted, and a file system may take blocks as late as when it writes.
settled_blocks()
{
	within is_stopped
	sync "/proc/$qemu/fd/$1"
	blocks "$1"
}

# QEMU's descriptor of the RAM file.
ram_descriptor()
{
	local fd

	for fd in /proc/"$qemu"/fd/*; do
		case $(readlink "$fd") in
		*memory-backend* | "$backing"* | "$huge_mount"*) basename "$fd" ;;
		esac
	done | head -n 1
}

SLOW='err:private to QEMU and read by process_vm_readv'

# All commands that need no pause, on one source; each output must match the additional patterns.
look()
{
	local name=$1 source=$2

	shift 2
	expect "$name: stat" 0 'out:^guest  .*running' 'out:^frames ' '!out:findings +[1-9]' "$@" -- \
		"$PAGEVISOR" stat "$source"
	expect "$name: types" 0 'out:^anon ' 'out:number|owner|cpu' "$@" -- "$PAGEVISOR" types "$source"
	expect "$name: find" 0 'out:^0x[0-9a-f]+ +shared +anon' "$@" -- \
		"$PAGEVISOR" find --each --limit 3 'type == anon' "$source"
	expect "$name: show" 0 'out:^state     shared' 'out:^type      kernel' "$@" -- \
		"$PAGEVISOR" show "$kernel_frame" "$source"
	expect "$name: map" 0 'out:frames by type' "$@" -- "$PAGEVISOR" map "$source"
	expect "$name: top" 0 'out:anon' -- "$PAGEVISOR" top --batch 2 --interval 0.1 "$source"
}

kernel_frame=

# The levels of detail that need a paused guest.
look_paused()
{
	local name=$1

	expect_pause "$name: capture" 0 'out:^captured' 'out:^paused .*whole copy' -- \
		"$PAGEVISOR" capture --force "$WORK/a.pvc" "qemu:$qmp"
	expect_pause "$name: diff" 0 'out:^frames .* changed' -- "$PAGEVISOR" diff "$WORK/a.pvc" "qemu:$qmp"
	expect_pause "$name: check" 0 'out:^findings  +none' -- \
		"$PAGEVISOR" check "qemu:$qmp"
	expect "$name: it runs again" 0 'out:^guest  .*running' -- "$PAGEVISOR" stat "qemu:$qmp"
	steps_go_on "$name"
}

has_more_steps()
{
	local now

	run_command "$PAGEVISOR" stat --json "qemu:$qemu"
	now=$(number steps)
	[ "${now:-0}" -gt "${1:?}" ]
}

# Two samples by pid see an increasing number of steps: the guest runs.
steps_go_on()
{
	run_command "$PAGEVISOR" stat --json "qemu:$qemu"
	check "$1: steps go on" within has_more_steps "$(number steps)"
}

test_source()
{
	local machine=$1 memory=$2 cpus=$3 kind=$4 name slow=() fd before

	name="$machine, $memory, $cpus CPUs, $kind"
	start_qemu "$machine" "$memory" "$cpus" "$kind" "workload=churn time_ms=3600000" || return
	case $kind in
	private*) slow=("$SLOW") ;;
	huge*) slow=('err:RAM of huge pages is read through its file') ;;
	*) slow=('!err:process_vm_readv') ;;
	esac
	# Nothing has inspected the guest before, so a hole filled by inspection would show.
	fd=$(ram_descriptor)
	if [ -n "$fd" ]; then
		kill -STOP "$qemu"
		before=$(settled_blocks "$fd")
		expect "$name: of a QEMU that stands still" 0 'out:^frames ' -- "$PAGEVISOR" stat "qemu:$qemu"
		"$PAGEVISOR" map "qemu:$qemu" >/dev/null 2>&1
		check "$name: no hole was filled" [ "$(settled_blocks "$fd")" -le "$before" ]
		kill -CONT "$qemu"
	fi
	run_command "$PAGEVISOR" find --limit 1 'type == kernel' "qemu:$qemu"
	kernel_frame=$(awk '/^0x/ { print $1 }' "$OUT")
	look "$name, by pid" "qemu:$qemu" "${slow[@]}"
	look "$name, by socket" "qemu:$qmp" "${slow[@]}"
	look_paused "$name"
}

begins_with()
{
	head -n 1 "$OUT" | grep -q "^$1"
}

# A machine of 80 nodes with a backend of 2 MiB each; the array, of 2.5 MiB, lies across some. Nobody uses 40 further
# backends, nor knows names of 80 characters.
test_many_backends()
{
	local i nodes=() all

	for ((i = 0; i < 80; i++)); do
		nodes+=(-object "memory-backend-memfd,id=node$(printf %076d "$i"),size=2M,share=on"
			-numa "node,memdev=node$(printf %076d "$i"),nodeid=$i")
	done
	for ((i = 0; i < 40; i++)); do
		nodes+=(-object "memory-backend-ram,id=spare$i,size=1M")
	done
	launch_qemu "many backends" -accel tcg -machine q35 -m 160M -append "workload=churn time_ms=3600000" "${nodes[@]}" ||
		return
	all=$((160 * 256))
	expect "many backends: stat" 0 'out:^guest  *160 MiB' '!out:^partial' -- "$PAGEVISOR" stat "qemu:$qmp"
	expect "many backends: stat in JSON" 0 'out:"complete": *true' "out:\"memory_bytes\": *$((all * 4096))," -- \
		"$PAGEVISOR" stat --json "qemu:$qmp"
	expect "many backends: find" 0 'out:^640$' -- "$PAGEVISOR" find --count 'type == meta_page' "qemu:$qmp"
	expect "many backends: map" 0 'out:frames by type' '!out:^partial' -- "$PAGEVISOR" map "qemu:$qmp"
	expect_pause "many backends: capture" 0 'out:^captured .*, the metadata alone$' -- \
		"$PAGEVISOR" capture --force "$WORK/a.pvc" "qemu:$qmp"
	expect_pause "many backends: diff" 0 'out:^frames .* changed' -- "$PAGEVISOR" diff "$WORK/a.pvc" "qemu:$qmp"
	check "many backends: diff says what A is" begins_with 'metadata  A: of all 40'
	expect_pause "many backends: check" 0 'out:^findings  +none' '!out:^partial' -- "$PAGEVISOR" check "qemu:$qmp"
	expect "many backends: a capture of the metadata" 0 \
		'out:^metadata  of all 40[0-9]+ frames of RAM; their contents were not captured$' '!out:^partial' \
		'out:^ +meta_page +640$' '!out:never written' -- "$PAGEVISOR" stat "$WORK/a.pvc"
	check "many backends: a capture of the metadata says so first" begins_with 'metadata  '
	expect "many backends: and in JSON" 0 'out:"complete": *true' 'out:"metadata_only": *true' 'out:"ram_frames": *40[0-9]+,' -- \
		"$PAGEVISOR" stat --json "$WORK/a.pvc"
	expect_pause "many backends: capture of all memory" 0 'out:^captured .* all that holds data$' -- \
		"$PAGEVISOR" capture --force --all-memory "$WORK/all.pvc" "qemu:$qmp"
	expect "many backends: check of it" 0 'out:^findings  none' '!out:^partial' -- "$PAGEVISOR" check "$WORK/all.pvc"
	check "many backends: check of it says first what it leaves out" begins_with 'skipped   leaked frames: '
	expect "many backends: by pid" 1 'err:has more RAM than is in one piece there: name the QMP socket' -- \
		"$PAGEVISOR" stat "qemu:$qemu"
}

# A QEMU is recognised under any name, when its file is gone, and behind the loader; and no other program by its name.
test_names()
{
	local program modules=/usr/lib/x86_64-linux-gnu/qemu

	program=$(readlink -f "$(command -v "$QEMU")")
	[ ! -d "$modules" ] || export QEMU_MODULE_DIR=$modules
	cp "$program" "$WORK/.my vmm-wrapped"
	QEMU=$WORK/.my\ vmm-wrapped launch_qemu "another name" -accel tcg -machine microvm -m 32M -L /usr/share/qemu || return
	expect "another name" 0 'out:^frames ' -- "$PAGEVISOR" stat "qemu:$qemu"
	rm "$WORK/.my vmm-wrapped"
	expect "its file is gone" 0 'out:^frames ' -- "$PAGEVISOR" stat "qemu:$qmp"
	cp "$(command -v sleep)" "$WORK/qemu-system-x86_64"
	"$WORK/qemu-system-x86_64" 1000 &
	running_pid=$!
	within test "$(readlink "/proc/$running_pid/exe")" = "$WORK/qemu-system-x86_64"
	expect "a sleep of QEMU's name" 1 "err:process $running_pid is not QEMU: it runs qemu-system-x86_64$" -- \
		"$PAGEVISOR" stat "qemu:$running_pid"
	check "a sleep of QEMU's name: one line" says_one_line
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	unset QEMU_MODULE_DIR
}

test_machines()
{
	test_source microvm 64M 1 memfd
	test_source microvm 64M 2 private
	test_source pc 64M 2 file
	test_source q35 3584M 4 private
	test_source microvm 3584M 1 file
	test_source pc 6G 1 memfd
	test_source q35 6G 2 memfd
	test_source microvm 6G 1 private
	test_source pc 64M 1 private_file
}

# Why huge pages cannot be used; nothing when they can.
huge_problem()
{
	local wanted

	if [ ! -w "$POOL" ] || ! grep -q '^Hugepagesize: *2048 kB' /proc/meminfo; then
		echo "no pool of huge pages of 2 MiB that may be changed"
		return
	fi
	pool_before=$(cat "$POOL")
	wanted=$((pool_before + HUGE_PAGES))
	if ! echo "$wanted" 2>/dev/null >"$POOL" || [ "$(cat "$POOL")" -lt "$wanted" ]; then
		echo "no $HUGE_PAGES huge pages to be had"
	fi
}

# RAM of huge pages: holes must never be read through a mapping, because that would take a huge page.
test_huge()
{
	local problem_file=$WORK/huge-problem pool_at_start

	pool_at_start=$(cat "$POOL" 2>/dev/null)
	huge_problem >"$problem_file"
	if [ -s "$problem_file" ]; then
		skip "RAM of huge pages" "$(cat "$problem_file")"
		give_back_pool
		return
	fi
	test_source microvm 64M 1 huge_memfd
	mkdir "$huge_mount"
	if mount -t hugetlbfs -o pagesize=2M none "$huge_mount" 2>/dev/null; then
		test_source pc 64M 2 huge_file
	else
		skip "RAM in a file of huge pages" "no hugetlbfs may be mounted"
	fi
	stop_qemu
	give_back_pool
	check "the pool of huge pages is what it was" [ "$(cat "$POOL")" -eq "$pool_at_start" ]
}

ask_qmp()
{
	"$PROBE" qmp "$qmp" "$1"
}

is_running()
{
	ask_qmp query-status | grep -q '"running":true'
}

test_pauses()
{
	start_qemu microvm 64M 1 memfd "workload=churn time_ms=3600000" || return
	test_list
	expect "by pid: no pause" 1 'err:only be paused through QMP' -- "$PAGEVISOR" capture --force "$WORK/a.pvc" "qemu:$qemu"
	check "by pid: one line" says_one_line
	check "by pid: no file" [ ! -e "$WORK/a.pvc" ]
	expect "by pid: no check" 1 'err:only be paused through QMP' -- "$PAGEVISOR" check "qemu:$qemu"
	check "by pid: it runs" is_running

	ask_qmp stop >/dev/null
	expect "paused before: capture" 0 'out:^captured' -- "$PAGEVISOR" capture --force "$WORK/a.pvc" "qemu:$qmp"
	check "paused before: still paused" not_running
	expect "paused before: diff finds none" 0 'out:^frames .*; 0 changed' -- \
		"$PAGEVISOR" diff "$WORK/a.pvc" "qemu:$qmp"
	expect "paused before: a capture's stat" 0 'out:^frames ' -- "$PAGEVISOR" stat "$WORK/a.pvc"
	ask_qmp cont >/dev/null

	# An inspector is killed while the guest is paused: the guest resumes.
	"$PROBE" pause_for "qemu:$qmp" 60000 >"$WORK/hold" 2>&1 &
	running_pid=$!
	within test -s "$WORK/hold"
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	check "killed while it paused the guest: it goes on" within is_running
	steps_go_on "killed while it paused the guest"
}

not_running()
{
	! is_running
}

# QEMU is killed while it is inspected.
test_deaths()
{
	local kind ended=0

	for kind in memfd private; do
		start_qemu q35 1G 1 "$kind" "workload=churn time_ms=3600000" || return
		: >"$OUT"
		"$PAGEVISOR" top --batch 100000 --interval 0.05 "qemu:$qemu" >"$OUT" 2>"$ERR" &
		running_pid=$!
		within grep -q anon "$OUT"
		kill -KILL "$qemu"
		wait "$qemu" 2>/dev/null
		last_command=("$PAGEVISOR" top "qemu:$qemu")
		wait "$running_pid"
		status=$?
		running_pid=
		ended=$qemu
		qemu=
		judge "$kind: killed in mid-scan" "$status" '!err:array|SIGBUS'
		check "$kind: top ends by itself" [ "$status" -le 1 ]
		expect "$kind: gone" 1 "err:there is no process $ended" -- "$PAGEVISOR" stat "qemu:$ended"
		check "$kind: gone, one line" says_one_line
		expect "$kind: socket of a dead QEMU" 1 'err:Connection refused' -- "$PAGEVISOR" stat "qemu:$qmp"
	done
}

# refuses NAME STATUS PATTERN SOURCE: one line must say what is wrong.
refuses()
{
	expect "$1" "$2" "err:$3" -- "$PAGEVISOR" stat "$4" && check "$1: one line" says_one_line
}

test_refusals()
{
	local busy

	refuses "no such process" 1 'there is no process 2147483646' qemu:2147483646
	refuses "no QEMU" 1 'is not QEMU: it runs' "qemu:$$"
	# shellcheck disable=SC2016 # expanded in there
	expect "no descriptor left" 1 "err:cannot open process $$: Too many open files" -- \
		bash -c 'ulimit -n 6; exec "$@"' bash "$PAGEVISOR" stat "qemu:$$"
	refuses "no name" 2 'qemu:PID of a QEMU or qemu:/PATH' qemu:
	refuses "no pid" 2 'qemu:PID of a QEMU or qemu:/PATH' qemu:0
	refuses "a pid too large" 2 'qemu:PID of a QEMU or qemu:/PATH' qemu:99999999999999999999
	refuses "no socket" 1 'No such file' qemu:/nowhere
	refuses "no socket, a file" 1 'Connection refused' "qemu:$ERR"
	start_qemu microvm 64M 1 memfd "workload=churn time_ms=3600000" || return
	refuses "a socket of something else" 1 'no QMP greeting' "qemu:$hmp"
	"$PROBE" qmp "$qmp" stay >"$WORK/busy" &
	busy=$!
	within test -s "$WORK/busy"
	PAGEVISOR_TIMEOUT=1 refuses "a busy socket" 1 'no greeting: it serves another client' "qemu:$qmp"
	expect "a busy socket: by pid it can be looked at" 0 'out:^frames ' -- "$PAGEVISOR" stat "qemu:$qemu"
	kill "$busy"
	wait "$busy" 2>/dev/null
	if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
		chmod 711 "$WORK"
		cp "$PAGEVISOR" "$WORK/pagevisor"
		chmod 755 "$WORK/pagevisor"
		expect "another user's QEMU" 1 'err:no permission to inspect' -- setpriv --reuid 65534 --regid 65534 \
			--clear-groups env XDG_RUNTIME_DIR=/nowhere "$WORK/pagevisor" stat "qemu:$qemu"
		chmod 777 "$qmp"
		expect "another user's socket" 1 'err:belongs to another user' -- setpriv --reuid 65534 --regid 65534 \
			--clear-groups env XDG_RUNTIME_DIR=/nowhere "$WORK/pagevisor" stat "qemu:$qmp"
	else
		skip "another user's QEMU" "only root can become another user"
	fi
	stop_qemu

	# Before its first instruction, the guest is of no known kind.
	"$QEMU" -S -accel tcg -machine microvm -m 64M -nodefaults -display none \
		-qmp "unix:$qmp,server=on,wait=off" 2>/dev/null &
	qemu=$!
	within ask_qmp query-status
	refuses "no guest, by pid" 3 'is of no known kind' "qemu:$qemu"
	refuses "no guest, by socket" 3 'is of no known kind' "qemu:$qmp"
	expect "no guest: capture" 3 'err:is of no known kind' -- "$PAGEVISOR" capture --force "$WORK/none.pvc" "qemu:$qmp"
	stop_qemu
}

# is_whole NUMBER GENERATION A B C D E TAG: the rules of torn/sets.h for a slot whose type has that number.
is_whole()
{
	local number=$1 generation=$2 a=$3 b=$4 c=$5 d=$6 e=$7 tag=$8

	((tag ^= e << 17 | e >> 47 & 0x1ffff))
	((a == (b ^ c) && e == ~a && d == a * (2 * number + 1) && (tag == 0 || tag == (1 << 63 | generation))))
}

# The workload's slots in the last output of find in JSON, one on each line: type, generation, fields.
torn_slots()
{
	sed -nE 's/.*"type":"torn_([a-z]+)".*"generation":([0-9]+).*"a":"(0x[0-9a-f]+)","b":"(0x[0-9a-f]+)","c":"(0x[0-9a-f]+)","d":"(0x[0-9a-f]+)","e":"(0x[0-9a-f]+)","tag":"?([0-9a-fx]+).*/\1 \2 \3 \4 \5 \6 \7 \8/p' "$OUT"
}

# Slots that change as fast as they can, in memory that is copied: each accepted copy must be from one moment. First
# with readers that leave something out and must be caught, then with the command.
test_torn()
{
	local round type words torn=0 whole=0 retried=0 deadline=$((SECONDS + LIMIT))
	local -A numbers=([shared]=1 [dropped]=2 [unique]=3)

	start_qemu microvm 64M 1 private "workload=torn time_ms=3600000 frames=64" || return
	expect "torn: right readers and wrong ones" 0 'out:^qemu:.* copied' 'out:^record_walk ' 'out:^wrong: two copies' \
		'!out:FAIL' -- "$BUILD/torn" --broken 20 --limit $((LIMIT - 5)) --vm "qemu:$qemu"
	sed 's/^/     /' "$OUT"
	for ((round = 0; round < TORN_ROUNDS || (retried == 0 && SECONDS < deadline); round++)); do
		run_command "$PAGEVISOR" find --jsonl --fields \
			'type == torn_shared || type == torn_dropped || type == torn_unique' "qemu:$qemu"
		retried=$((retried + $(number retried)))
		while read -r type words; do
			# shellcheck disable=SC2086 # several words
			if is_whole "${numbers[$type]}" $words; then
				whole=$((whole + 1))
			else
				torn=$((torn + 1))
			fi
		done < <(torn_slots)
	done
	check "torn: what find says of a slot belongs together" [ "$torn" -eq 0 ]
	check "torn: there were such slots" [ "$whole" -gt 0 ]
	check "torn: some changed while they were copied" [ "$retried" -gt 0 ]
	echo "     $whole whole, $torn torn, $retried copied again"
}

# The work and the frames of a report in JSON, at the end of a run with the same seed and steps on one processor.
all_counts()
{
	sed -n '/"counters":/,/}/p; /^  "tally":/,/^  }/p' "$OUT" | grep -v never_written | tr -d ','
}

# The part that is the same on a pc, whose firmware keeps the last frames to itself. There max_paddr is lower, so a
# workload chooses other addresses below it: get_at finds other frames, lists moves other pages, and unique meets others of
# its own. Holes and reserved frames (which count as shared), free frames, and the moment when memory runs out (drain,
# shortage, mix) differ, too.
counts_on_any_map()
{
	all_counts | grep -Ev '"(gets|puts|(total|ram|in_use)_frames|unused|shared|references|hole|reserved|acpi_nvs)"'
}

has_finished()
{
	run_command "$PAGEVISOR" stat --json "qemu:$qemu"
	grep -q '"finished"' "$OUT"
}

# agree COUNTS MACHINE WORKLOAD: compares a finished guest in QEMU, its capture, and a run of our command.
agree()
{
	local counts=$1 machine=$2 workload=$3 accel accels=(qemu-tcg)

	start_qemu "$machine" 64M 1 memfd "workload=$workload ops=20000 seed=7" || return
	within has_finished
	all_counts >"$WORK/theirs"
	check "$machine, $workload: it worked" grep -q '"allocations":[1-9]' "$WORK/theirs"
	expect_pause "$machine, $workload: capture of a finished guest" 0 'out:^captured' -- \
		"$PAGEVISOR" capture --force "$WORK/end.pvc" "qemu:$qmp"
	run_command "$PAGEVISOR" stat --json "$WORK/end.pvc"
	all_counts >"$WORK/captured"
	check "$machine, $workload: the capture says the same" cmp "$WORK/theirs" "$WORK/captured"
	"$counts" >"$WORK/theirs"
	stop_qemu
	# Our own VMM's memory map differs from a pc's, too.
	[ "$counts" = all_counts ] || [ -n "$(kvm_problem)" ] || accels+=(kvm)
	for accel in "${accels[@]}"; do
		run_command "$PAGEVISOR" run --accel "$accel" --json --memory 64M --cpus 1 --time 0 --ops 20000 \
			--seed 7 --workload "$workload"
		"$counts" >"$WORK/ours"
		diff "$WORK/ours" "$WORK/theirs" >"$OUT"
		check "$machine, $workload: QEMU and a run with $accel agree" [ ! -s "$OUT" ]
	done
}

# The same seed and steps, in QEMU and in a run of our command. With the same memory map nothing at all may differ.
test_agreement()
{
	local workload

	for workload in lists churn unique mix; do
		agree all_counts microvm "$workload"
	done
	for workload in churn trees types; do
		agree counts_on_any_map pc "$workload"
	done
}

if ! command -v "$QEMU" >/dev/null; then
	skip "QEMU as a source" "no $QEMU here"
	finish
fi
PROBE=$BUILD/attach-probe
test_refusals
test_other_version
test_wrong_prefix
test_pauses
test_deaths
test_machines
test_many_backends
test_names
test_huge
test_torn
test_agreement
finish

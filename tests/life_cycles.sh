#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What commands do when the guest under them restarts, when an earlier state of it is loaded, when its VM ends: the rows of
# docs/life-cycles.md, with QEMUs. Without KVM. Usage: life_cycles.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

qmp=$WORK/qmp

# Commands that follow the guest, by the names of their processes.
TEXT_FOLLOWERS=(stat stat_private top watch)
JSON_FOLLOWERS=(stat_json top_json watch_json)

# start_qemu NAME APPEND OPTION...: a guest in QEMU, with a disk that takes saved states.
start_qemu()
{
	local name=$1 append=$2

	shift 2
	qemu-img create -q -f qcow2 "$WORK/$name.qcow2" 64M
	mkfifo "$WORK/$name.monitor.in" "$WORK/$name.monitor.out"
	start "$name" qemu-system-x86_64 -accel tcg -m 64M -nodefaults -display none -kernel "$GUEST" \
		-append "$append" -drive "if=none,file=$WORK/$name.qcow2,format=qcow2" \
		-chardev "pipe,id=monitor,path=$WORK/$name.monitor" -mon chardev=monitor "$@"
}

# hand NAME LINE: a command of the human monitor, which QEMU carries out one after the other.
hand()
{
	echo "$2" >"$WORK/$1.monitor.in"
}

# The number of lines of a follower that match.
lines_of()
{
	grep -Ec -e "$2" "$WORK/$1"
}

# has_lines NAME PATTERN N: at least N lines of it match.
has_lines()
{
	[ "$(lines_of "$1" "$2")" -ge "$3" ]
}

# Lines that each look makes.
declare -A LOOKS=([stat]=' running ' [stat_private]=' running ' [top]='^vm ' [watch]='^(0x[0-9a-f]+)? +[0-9.]+ '
	[stat_json]='"at_seconds"' [top_json]='"at_seconds"' [watch_json]='"record":"(change|frame)"')

# goes_on NAME: makes more lines than it has.
goes_on()
{
	within has_lines "$1" "${LOOKS[$1]}" $(($(lines_of "$1" "${LOOKS[$1]}") + 2))
}

all_go_on()
{
	local name

	for name in "${TEXT_FOLLOWERS[@]}" "${JSON_FOLLOWERS[@]}"; do
		check "$1: $name goes on" goes_on "$name"
	done
}

RESTARTED='^pagevisor: the guest of .* has restarted: what it counts begins anew$'
WENT_BACK='^pagevisor: the guest of .* is back in an earlier state: what it counts begins anew$'

# say_event EVENT PATTERN KEY N: all followers report the event, for the Nth time.
say_event()
{
	local name

	for name in "${TEXT_FOLLOWERS[@]}"; do
		check "$1: $name says so" within has_lines "$name" "$2" "$4"
	done
	for name in "${JSON_FOLLOWERS[@]}"; do
		check "$1: $name has the event" within has_lines "$name" "\"life\":\"$3\"" "$4"
	done
}

# At most 8 frames that have been given out again and again, from all over the memory: after a boot some of them are busy
# again, though one of them may be kept.
busy_frames()
{
	run_command "$PAGEVISOR" find --each 'type == anon && gen > 50' "qemu:$1"
	grep -o '^0x[0-9a-f]*' "$OUT" | shuf -n 8 --random-source=/dev/zero
}

has_busy_frames()
{
	[ "$(busy_frames "$1" | wc -l)" -eq 8 ]
}

start_followers()
{
	local by_pid="qemu:${pids[$1]}" private="qemu:${pids[$2]}" frames

	within has_busy_frames "${pids[$1]}"
	mapfile -t frames < <(busy_frames "${pids[$1]}")
	start stat "$PAGEVISOR" stat --follow --interval 0.2 "$by_pid"
	start stat_private "$PAGEVISOR" stat --follow --interval 0.2 "$private"
	start stat_json "$PAGEVISOR" stat --follow --json --interval 0.2 "$by_pid"
	start top "$PAGEVISOR" top --batch 100000 --interval 0.2 "$by_pid"
	start top_json "$PAGEVISOR" top --batch 100000 --json --interval 0.2 "$by_pid"
	start watch "$PAGEVISOR" watch --interval 0.1 "${frames[@]}" "$by_pid"
	start watch_json "$PAGEVISOR" watch --json --interval 0.1 "${frames[@]}" "$by_pid"
	all_go_on "at first"
}

# both MONITOR_COMMAND
both()
{
	hand mapped "$1"
	hand copied "$1"
}

# No rate is out of this world, nothing is missed that cannot be, and each event is reported once.
judge_followers()
{
	local name

	for name in "${TEXT_FOLLOWERS[@]}"; do
		check "$name: each restart is reported once" [ "$(lines_of "$name" "$RESTARTED")" -eq 2 ]
		check "$name: the earlier state is reported once" [ "$(lines_of "$name" "$WENT_BACK")" -eq 1 ]
	done
	for name in "${JSON_FOLLOWERS[@]}"; do
		check "$name: each restart is in one record" [ "$(lines_of "$name" '"life":"restarted"')" -eq 2 ]
		check "$name: the earlier state is in one record" \
			[ "$(lines_of "$name" '"life":"went_back"')" -eq 1 ]
	done
	check "stat: no rate is nonsense" [ "$(lines_of stat '[0-9] [GTPE] ')" -eq 0 ]
	check "stat: the first rates after an event are none" [ "$(lines_of stat ' - +- ')" -ge 4 ]
	check "top: no rate is nonsense" [ "$(lines_of top '^rates .*[0-9] [GTPE]/s')" -eq 0 ]
	check "watch: nothing is missed that cannot be" \
		[ "$(grep -Eo '[0-9]{8,} missed' "$WORK/watch" | wc -l)" -eq 0 ]
	check "watch, JSON: nothing is missed that cannot be" \
		[ "$(grep -Eo '"missed":[0-9]{8,}' "$WORK/watch_json" | wc -l)" -eq 0 ]
}

test_resets()
{
	both system_reset
	say_event "reset" "$RESTARTED" restarted 1
	all_go_on "reset"

	both stop
	for name in stat stat_private top stat_json top_json; do
		check "paused: $name goes on" goes_on "$name"
	done
	check "paused: rates are 0" within last_rates_are_0

	# A boot that takes long is reported when it has begun. The followers wait for it.
	both system_reset
	for name in "${TEXT_FOLLOWERS[@]}"; do
		check "a long boot: $name says so before it is over" within has_lines "$name" "$RESTARTED" 2
	done
	start boot_stat "$PAGEVISOR" stat "qemu:${pids[mapped]}"
	start boot_find "$PAGEVISOR" find 'ref > 0' "qemu:${pids[copied]}"
	for name in boot_stat boot_find; do
		ends_with "$name" "a long boot: $name waits a second for it" 3 '^pagevisor: '
	done
	both cont
	say_event "a long boot" "$RESTARTED" restarted 2
	all_go_on "a long boot"
}

last_rates_are_0()
{
	tail -n 1 "$WORK/stat" | grep -Eq ' running .* 0 +0 '
}

test_loads()
{
	both "savevm early"
	all_go_on "a state is saved"
	both "loadvm early"
	say_event "loadvm" "$WENT_BACK" went_back 1
	all_go_on "loadvm"
}

# A search that is under way when the guest restarts: its reader holds it up.
test_search()
{
	local reader=$WORK/reader line

	mkfifo "$reader"
	"$PAGEVISOR" find --each 'pfn >= 0' "qemu:${pids[mapped]}" >"$reader" 2>"$ERR" &
	running_pid=$!
	exec 7<"$reader"
	read -r line <&7
	hand mapped system_reset
	within runs_again mapped
	cat <&7 >/dev/null
	exec 7<&-
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	last_command=("$PAGEVISOR" find --each 'pfn >= 0')
	: >"$OUT"
	judge "a search that meets a reset" 3 'err:has restarted meanwhile: what was read does not belong together'
	check "a search that meets a reset: one line" says_one_line
	check "a search that meets a reset: it had begun" [ -n "$line" ]
}

runs_again()
{
	"$PAGEVISOR" stat "qemu:${pids[$1]}" | grep -q ' running, '
}

# Looks one after the other, until there is a file "enough": each is of one boot, or refuses with one line. Writes each look,
# with a complaint if it is neither.
look_on()
{
	local command complaint

	while [ ! -e "$WORK/enough" ]; do
		for command in types map "show 0x200000" trace; do
			# shellcheck disable=SC2086
			run_command "$PAGEVISOR" $command "qemu:${pids[mapped]}"
			complaint=
			[ "$status" -eq 0 ] || { [ "$status" -eq 3 ] && says_one_line; } ||
				complaint=" status $status: $(cat "$ERR")"
			echo "$command$complaint"
		done
	done >"$WORK/looks"
}

test_looks()
{
	local looks restarts

	look_on &
	looks=$!
	for _ in 1 2; do
		restarts=$(lines_of stat "$RESTARTED")
		hand mapped system_reset
		within has_lines stat "$RESTARTED" $((restarts + 1))
		within runs_again mapped
	done
	touch "$WORK/enough"
	wait "$looks"
	last_command=()
	check "looks while the guest is reset: one boot, or one line and status 3" \
		[ "$(grep -c ' status ' "$WORK/looks")" -eq 0 ] || cat "$WORK/looks"
	check "looks while the guest is reset: they were made" grep -q trace "$WORK/looks"
}

# ends_with NAME STATUS PATTERN...: the follower has ended by itself.
ends_with()
{
	local name=$1

	shift
	await "$name"
	judge "$@"
}

# The physical address of one of the guest's symbols.
at()
{
	echo $((0x$(nm "$GUEST" | sed -n "s/ [a-zA-Z] $1\$//p") - 0xffffffff80000000))
}

# poke NAME ADDRESS BYTES: writes into the guest's RAM, which is a file in memory.
poke()
{
	local file

	for file in "/proc/${pids[$1]}/fd"/*; do
		case $(readlink "$file") in
		/memfd:*) printf '%b' "$3" | dd of="$file" bs=1 seek="$2" conv=notrunc status=none ;;
		esac
	done
}

# Followers of the guest that panics. They give up soon what is no guest any more.
follow_panicked()
{
	local vm="qemu:${pids[panics]}"

	start lied_stat env PAGEVISOR_TIMEOUT=3 "$PAGEVISOR" stat --follow --interval 0.2 "$vm"
	start lied_top env PAGEVISOR_TIMEOUT=3 "$PAGEVISOR" top --batch 100000 --interval 0.2 "$vm"
	start lied_watch env PAGEVISOR_TIMEOUT=3 "$PAGEVISOR" watch --interval 0.01 0x0 "$vm"
	await_line lied_stat ' panic '
	await_line lied_top '^vm .*panic'
	within has_lines lied_watch "${LOOKS[watch]}" 1
}

# The number of processors lies at byte 24 of the guest's report.
test_lies()
{
	local name

	follow_panicked
	poke panics $(($(at guest_info) + 24)) '\xe8\x03\0\0'
	for name in stat top watch; do
		ends_with "lied_$name" "a report that is no longer true: $name" 3 'cpu_count is 0x3e8$'
	done
	poke panics $(($(at guest_info) + 24)) '\x01\0\0\0'
}

test_ends()
{
	local name

	# Its RAM and its QEMU stay.
	start migrated "$PAGEVISOR" stat --follow --interval 0.2 "qemu:$qmp"
	await_line migrated ' running '
	hand mapped 'migrate "exec:cat >/dev/null"'
	ends_with migrated "the guest migrates away: stat" 0 '^pagevisor: the VM .* was migrated away$'
	check "the guest migrates away: by pid, stat goes on" goes_on stat
	stop mapped
	for name in stat top; do
		ends_with "$name" "QEMU is killed: $name" 0 "^pagevisor: the VM qemu:[0-9]+ has ended$"
	done
	ends_with watch "QEMU is killed: watch" 0 '^the VM qemu:[0-9]+ has ended$'
	ends_with stat_json "QEMU is killed: stat, JSON" 0 'has ended'
	ends_with top_json "QEMU is killed: top, JSON" 0 'has ended'
	ends_with watch_json "QEMU is killed: watch, JSON" 0 '"reason":"ended"'
	stop copied
	ends_with stat_private "QEMU is killed, private RAM: stat" 0 'the VM qemu:[0-9]+ has ended'

	# Another QEMU under the same socket is another VM.
	start_qemu panics "workload=fault fault=panic" -machine q35,memory-backend=mem \
		-object memory-backend-memfd,id=mem,size=64M,share=on -qmp "unix:$qmp,server=on,wait=off"
	expect_soon "QEMU is back under its socket" 0 'out:^guest .* panic' -- "$PAGEVISOR" stat "qemu:$qmp"
	test_lies
	start stat "$PAGEVISOR" stat --follow --interval 0.2 "qemu:$qmp"
	start top "$PAGEVISOR" top --batch 100000 --interval 0.2 "qemu:${pids[panics]}"
	check "a guest that has panicked is followed" await_line stat ' panic '
	await_line top '^vm .*panic'
	stop panics
	for name in stat top; do
		ends_with "$name" "its VM has ended: $name" 3 'has ended: its guest has panicked$'
	done
}

start_qemu mapped "workload=churn time_ms=3600000 trace=1024" -machine q35,memory-backend=mem \
	-object memory-backend-memfd,id=mem,size=64M,share=on -qmp "unix:$qmp,server=on,wait=off"
start_qemu copied "workload=churn time_ms=3600000" -machine microvm
within runs_again mapped
within runs_again copied
start_followers mapped copied
test_resets
test_loads
judge_followers
test_search
test_looks
test_ends
finish

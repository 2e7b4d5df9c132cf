#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor stress: scenarios that find nothing in a working guest, planted faults that are found, chaos, a host without
# memory, and every way to end. Where there is no /dev/kvm the guests run in QEMU. Usage: stress.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SMALL=(--memory 32M --quiet)

# What the host may report about a frame with a planted fault. Which finding comes first depends on timing.
declare -A RULES=(
	[leak]='leaked_frame|reference_count'
	[double_put]='put of a frame that is not shared|get of a frame that is not shared|illegal_references|another|no type'
	[put_without_get]='put of a frame|get of a frame|another|no type|exception|torn|not whole|!=|accessed as another type|illegal_references'
	[use_after_free]='another|not whole|torn|!=|exception|listed|link|count|tag|not unused|is not in'
	[scribble]='wild_vtable|no type|another type|wild vtable|no node'
	[publish_early]='wild_vtable|another|not whole|!='
	[reset_late]='the allocator found a frame that is not unused|listed_in_use|busy'
	[wrong_type]='type_count|another type|nobody gave it|no node|accessed as|metadata is not that'
	[list_corruption]='elsewhere|list|link|free_|not unused|lost_frame|!=|another|exception'
	[overflow]='too many references'
	[busy]='stuck_busy|busy_at_end|not unused|leaked_frame'
	[no_grace_period]='while a reader used it|not whole|another|no type|not in use as it was published|of a frame that is not'
)

# member NAME: the numbers of all members with that name in the JSON in $OUT, one on each line.
member()
{
	sed -nE 's/^ *"'"$1"'": *([0-9]+),?$/\1/p' "$OUT"
}

# each_member NAME MIN [MAX]: there must be some, and all must lie in between.
each_member()
{
	local value count=0

	while read -r value; do
		[ "$value" -ge "$2" ] && [ "$value" -le "${3:-$value}" ] || return 1
		count=$((count + 1))
	done < <(member "$1")
	[ "$count" -gt 0 ]
}

nothing_runs()
{
	! "$PAGEVISOR" ps --json | grep -q '"vm"'
}

something_runs()
{
	"$PAGEVISOR" ps --json | grep -q '"running"'
}

# refused NAME PATTERN OPTION...
refused()
{
	local name=$1 pattern=$2

	shift 2
	expect "refused: $name" 2 "err:$pattern" '!out:.' -- "$PAGEVISOR" stress "$@"
}

test_options()
{
	refused "no such scenario" "^pagevisor: chrun: no such workload; did you mean 'churn'\\?$" chrun
	refused "no such fault" "^pagevisor: --plant leek: no such fault; did you mean 'leak'\\?$" --plant leek
	refused "17 vCPUs" '--cpus 17: expected a number from 1 to 16' --cpus 17
	refused "too many inspectors" '--inspectors 17: expected a number from 0 to 16' --inspectors 17
	refused "a rate of zero" '--rate 0: expected a number from 1 to 1000' --rate 0
	refused "a seed in words" '--seed one: expected a decimal number' --seed one
	refused "half a frame of RAM" '--memory 32769K: expected a size' --memory 32769K
	refused "an accelerator" '--accel xen: expected kvm, qemu, qemu-tcg or auto' --accel xen
	refused "a ring" '--ring 1: expected 0 or 3' --ring 1
	refused "an invalid time" '--time soon: expected a time' --time soon
	expect "the list has scenarios and faults" 0 'out:^  churn ' 'out:^  reclaim ' 'out:^  use_after_free ' \
		'out:make test-host-faults$' -- \
		"$PAGEVISOR" stress --list
	expect "a kernel that is not there" 2 "err:^pagevisor: .*$WORK/none" '!out:.' -- \
		"$PAGEVISOR" stress --kernel "$WORK/none" "${SMALL[@]}"
	refused "no such scenario of a mix" "^pagevisor: --append mix=chrun: no scenario for a mix 'chrun'; did you mean 'churn'" \
		--append mix=chrun
	refused "an option of another scenario" 'order=cpu: an option of the workload mix, not of churn' churn --append order=cpu
	refused "the scenarios of a kernel that lists none" 'all: this kernel does not list its scenarios' all \
		--kernel "$GUESTS/restarts.elf"
}

# The guest has all scenarios in the list, and none of them finds anything.
test_clean()
{
	local cpus seconds

	for cpus in 1 2; do
		expect "all scenarios, $cpus CPUs: nothing is found" 0 'out:^ *"rounds_with_findings": *0,' \
			'out:"workload": *"drain"' 'out:"workload": *"mix"' 'out:"workload": *"reclaim"' -- \
			"$PAGEVISOR" stress all --ops 4000 --cpus "$cpus" --seed "$cpus" --json "${SMALL[@]}"
		check "each made all its steps" each_member steps $((cpus * 4000)) $((cpus * 4000))
	done
	for order in turn cpu; do
		expect "a mix of three, order=$order" 0 'out:nothing found' -- "$PAGEVISOR" stress mix --ops 4000 \
			--append "mix=churn,lists,trees order=$order" "${SMALL[@]}"
	done
	# A busy machine may need longer for the same number of samples.
	for seconds in 5 20 100; do
		run_command "$PAGEVISOR" stress --time "$seconds" --inspectors 2 --rate 20 --check-every 0.5 --json "${SMALL[@]}"
		! each_member looks 10 || ! each_member check_count 1 || break
	done
	judge "inspectors and checks look on" 0 'out:^ *"rounds_with_findings": *0,'
	check "inspectors took enough samples" each_member looks 10
	check "checks were made" each_member check_count 1
	check "nothing is left running" nothing_runs
}

# Some faults may crash the kernel before anything names a frame.
names_frame_of()
{
	case $1 in
	put_without_get | use_after_free | wrong_type | list_corruption) ;;
	*) sed -n '/"discoveries":/,/\]/p' "$OUT" | grep -q '"address":"0x' ;;
	esac
}

# A fault may need more steps than a round has before it shows: then another seed is tried.
test_plant()
{
	local plant=$1 seed rule="out:\"rule\": *\"[^\"]*(${RULES[$1]})"

	# The guest may end before the first check from outside. Then the totals of a scenario, or those at the end, may
	# be the first to differ: they name no frame. Or a check finds the fault before the guest has reported that it
	# is planted.
	for seed in 1 2 3 4 5 6; do
		run_command "$PAGEVISOR" stress mix --plant "$plant" --ops 60000 --seed "0x$seed" --check-every 0.2 \
			--json "${SMALL[@]}"
		is_as_wanted 4 'out:"planted": *[{]' "$rule" && names_frame_of "$plant" && break
	done
	judge "$plant is planted and found" 4 'out:"planted": *[{]' "$rule" \
		'out:"reproduce": *"'"$PAGEVISOR"' stress mix --seed [0-9]+ .*--plant '"$plant" || return
	check "$plant: a frame is named" names_frame_of "$plant"
	check "$plant: steps are counted" each_member steps_until_found 0
}

# Without JSON: each round names what was planted in it, and a terminal is enough for all.
test_text()
{
	expect "in text a round names its fault" 4 'out:^mix\+scribble seed 1: .* FOUND$' 'out:^  reproduce: ' \
		'out:^fault +found +steps  first by +broken rule$' 'out:^scribble +1/1 ' -- \
		"$PAGEVISOR" stress mix --plant scribble --ops 60000 --seed 1 "${SMALL[@]}"
	expect "a fault that was never planted says so" 0 'out:^mix\+leak +seed 1: .*, never planted$' \
		'out:^leak +0/0 +never planted: ' -- \
		"$PAGEVISOR" stress mix --plant leak --ops 100 --append plant_at=100000 "${SMALL[@]}"
	expect "a finding is printed once where both streams go" 4 'out:wild_vtable|type' '!out:^found ' -- \
		bash -c "'$PAGEVISOR' stress mix --plant scribble --ops 60000 --memory 32M 2>&1"
	expect "and live where only one does" 4 'err:^found mix\+scribble: ' -- \
		"$PAGEVISOR" stress mix --plant scribble --ops 60000 --memory 32M
	# The status is that of the last command of a pipe.
	expect "on a terminal" 0 'out: \\$' 'out:^ +--' -- \
		bash -c "$(on_terminal 80 24 "'$PAGEVISOR' stress mix --plant scribble --ops 60000 --seeds 5 ${SMALL[*]}")"
	check "on a terminal: it fits" fits 80
	check "on a terminal: other findings are named" grep -Eq '^  and [0-9]+ more: [a-z]' "$OUT"
}

test_chaos()
{
	expect "chaos: nothing is lost, nothing hangs" 0 'out:nothing found' 'out:^chaos .*stopped' 'out:descriptors_used_up [1-9]' -- \
		"$PAGEVISOR" stress mix --chaos --time 6 --inspectors 2 --seed 11 "${SMALL[@]}"
	check "nothing is left running" nothing_runs
}

test_reclaim()
{
	expect "reclaim: nothing is lost, nothing hangs" 0 'out:nothing found' \
		'out:^reclaim   [0-9.]+ [kM] frames claimed, [0-9.]+ [kM] released; [1-9][0-9]* asks, [0-9]+ refusals$' -- \
		"$PAGEVISOR" stress swing shortage --reclaim --time 3 --seed 12 "${SMALL[@]}"
	expect "reclaim in a mix, and chaos" 0 'out:nothing found' 'out:^reclaim ' 'out:^chaos ' -- \
		"$PAGEVISOR" stress mix --reclaim --chaos --time 4 --seed 13 "${SMALL[@]}"
	expect "reclaim, JSON" 0 'out:"claimed_frames":[1-9]' -- \
		"$PAGEVISOR" stress lists --reclaim --time 1 --json "${SMALL[@]}"
	expect "a target that swings" 0 'out:^reclaim +seed 14: .*nothing found' \
		'out:^reclaim   [1-9][0-9.]*( k| M)? frames claimed, [1-9][0-9.]*( k| M)? released; ' -- \
		"$PAGEVISOR" stress reclaim --time 4 --seed 14 "${SMALL[@]}"
	expect "a target that swings, JSON, with another mix" 0 'out:"workload":"reclaim"' 'out:"claimed_frames":[1-9]' -- \
		"$PAGEVISOR" stress reclaim --append "mix=churn,lists order=cpu" --time 2 --json "${SMALL[@]}"
	expect "a finding is reproduced with its scenario" 4 'out:reproduce: .* stress reclaim --seed 1 .*--plant scribble$' -- \
		"$PAGEVISOR" stress reclaim --plant scribble --ops 60000 "${SMALL[@]}"
	expect "a finding is reproduced with it" 4 'out:reproduce: .* --reclaim$' -- \
		"$PAGEVISOR" stress mix --reclaim --plant scribble --ops 60000 "${SMALL[@]}"
	check "nothing of it is left running" nothing_runs
}

# holds_files COUNT DIRECTORY: and nothing else, hidden or not; only their owner may read them.
holds_files()
{
	[ "$(find "$2" -mindepth 1 | wc -l)" -eq "$1" ] && [ "$(find "$2" -type f -perm 600 | wc -l)" -eq "$1" ]
}

# allocations ARGUMENT...: what the guest of a restored VM has allocated in its life.
allocations()
{
	"$PAGEVISOR" restore --json --quiet "$@" 2>/dev/null | grep -o '"allocations": *[0-9]*'
}

# test_from FILE: of a VM with a finding, and two vCPUs.
test_from()
{
	local file=$WORK/found.pvc alone=$WORK/alone.pvc plain first

	cp "$1" "$file"
	refused "--from with a scenario" 'mix: no scenario with --from' --from "$file" mix
	refused "--from with memory" '--memory has no effect with --from' --from "$file" --memory 32M
	refused "--from with a fault" '--plant has no effect with --from' --from "$file" --plant leak
	refused "--from without a seed" '--seed 0: expected a number of at least 1' --from "$file" --seed 0
	expect "--from a file that is not there" 1 'err:none.pvc: No such file' '!out:.' -- \
		"$PAGEVISOR" stress --from "$WORK/none.pvc"
	expect "a state goes on with two seeds, and is found again" 4 \
		"out:reproduce: .* stress --from $file --seed 8 --check-every 1\$" 'out:^mix +seed 9: .*FOUND$' -- \
		"$PAGEVISOR" stress --from "$file" --seed 8 --seeds 2 --check-every 1 --quiet

	# With one vCPU, what is random repeats.
	"$PAGEVISOR" run --name alone --cpus 1 --memory 32M --workload mix --time 0 --ops 10000000 --quiet >/dev/null 2>&1 &
	running_pid=$!
	within "$PAGEVISOR" save alone "$alone" >/dev/null 2>&1
	wait "$running_pid"
	running_pid=
	plain=$(allocations "$alone")
	first=$(allocations --seed 1 "$alone")
	check "without a seed a guest goes on as it was" [ "$plain" = "$(allocations "$alone")" ]
	check "with a seed it goes on in another way" [ "$plain" != "$first" ]
	check "and with the same one in the same way" [ "$first" = "$(allocations --seed 1 "$alone")" ]
	check "and with another one in another way" [ "$first" != "$(allocations --seed 2 "$alone")" ]
}

# The states before a finding are files that go on; without a finding nothing is left.
test_saves()
{
	local kept=$WORK/kept full=$WORK/full file

	mkdir "$kept" "$full"
	refused "checkpoints without a place" '--checkpoint needs --save-on-failure' --checkpoint 1
	refused "VMs of QEMU to save" '--save-on-failure with --accel qemu-tcg: only VMs that run on KVM' \
		--save-on-failure "$kept" --accel qemu-tcg
	if [ -n "$(kvm_problem)" ]; then
		skip "VMs saved with a finding" "$(kvm_problem)"
		return
	fi
	expect "a directory that is not there" 1 "err:^pagevisor: --save-on-failure $WORK/none: No such file" '!out:.' -- \
		"$PAGEVISOR" stress churn --ops 10 --save-on-failure "$WORK/none" "${SMALL[@]}"
	expect "no finding, nothing kept" 0 'out:"restore":\[\]' -- "$PAGEVISOR" stress churn --time 2 --checkpoint 0.2 \
		--save-on-failure "$kept" --json "${SMALL[@]}"
	check "no finding: the directory is empty" holds_files 0 "$kept"
	# The fault stays what it is, so a check that comes late finds it as well.
	expect "a finding, with the states before it" 4 'out:level 3: frame .*: stuck_busy' \
		"out:^  go on: $PAGEVISOR restore $kept/mix\\+busy-seed-1-[0-9]+-[0-9.]+s.pvc\$" \
		"out:^  go on: $PAGEVISOR restore $kept/mix\\+busy-seed-1-[0-9]+-[0-9.]+s-found.pvc\$" -- \
		"$PAGEVISOR" stress mix --plant busy --time 0 --check-every 3 --checkpoint 0.2 --save-on-failure "$kept" \
		--append plant_at=1000 "${SMALL[@]}"
	check "a finding: the newest two and the last are kept" holds_files 3 "$kept"
	for file in "$kept"/*-found.pvc; do
		expect "the file has the slot that was found" 0 'out:^frames .* [1-9][0-9]* busy' -- "$PAGEVISOR" check "$file"
	done
	test_from "$kept"/*-found.pvc
	interrupted INT churn --time 0 --limit "$LIMIT" --checkpoint 0.1 --save-on-failure "$full"
	check "an interrupt leaves no file" holds_files 0 "$full"
	if mount -t tmpfs -o size=1m none "$full" 2>/dev/null; then
		expect "a full disk is reported, and no finding" 0 'err:^pagevisor: not saved: .*No space left' 'out:nothing found' -- \
			"$PAGEVISOR" stress churn --time 4 --checkpoint 0.2 --save-on-failure "$full" "${SMALL[@]}"
		check "a full disk: in one line" one_line_of_stderr
		check "a full disk: nothing is left" holds_files 0 "$full"
		umount "$full"
	else
		skip "a full disk" "nothing can be mounted here"
	fi
}

# interrupted SIGNAL ARGUMENT...: stress, which gets a signal when its guest runs.
interrupted()
{
	local signal=$1

	shift
	"$PAGEVISOR" stress "$@" "${SMALL[@]}" >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	within something_runs
	kill -"$signal" "$running_pid"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
}

test_ends()
{
	expect "a guest that hangs is found, and stopped" 4 'out:time limit: the guest had not ended' -- \
		"$PAGEVISOR" stress fault --kernel "$GUEST" --append "fault=hang" --time 0 --limit 2 --check-every 0 \
		"${SMALL[@]}"
	expect "a guest whose own check fails" 4 'out:guest check: check failed on cpu 1' \
		'out:reproduce: '"$PAGEVISOR"' stress fault .*--append' -- \
		"$PAGEVISOR" stress fault --kernel "$GUEST" --append "fault=check" --ops 10 "${SMALL[@]}"
	expect "a guest that traps" 4 'out:guest trap: exception 14' -- \
		"$PAGEVISOR" stress fault --kernel "$GUEST" --append "fault=page_fault" --ops 10 "${SMALL[@]}"

	# Once in the report and, as --quiet leaves it out, nowhere else, however often the guest does it.
	expect "a guest that restarts is found" 4 'out:level 2: the guest has restarted$' -- "$PAGEVISOR" stress churn \
		--kernel "$GUESTS/restarts.elf" --inspectors 2 --time 0 --limit "$LIMIT" --check-every 0 "${SMALL[@]}"
	check "a guest that restarts: it is said once" one_line_has 'has restarted'

	interrupted INT churn --time 0 --limit "$LIMIT"
	judge "an interrupt ends it in good order" 0 'out:^verdict   interrupted; 0 of 1 round' 'out:nothing found'
	check "nothing is left running" nothing_runs
	# Nobody who reads the status alone may take a part for the whole.
	interrupted INT churn --time 1000
	judge "interrupted before its time" 130 'out:^verdict   interrupted; 0 of 1 round' 'out:nothing found, cut short'
	interrupted TERM churn --time 0 --limit "$LIMIT" --seeds 2 --json
	judge "interrupted before the last round" 143 'out:"is_interrupted":true' 'out:"status":143'

	"$PAGEVISOR" stress churn --time 0 --limit "$LIMIT" "${SMALL[@]}" >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	within something_runs
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	check "its VM goes with it when it is killed" within nothing_runs
}

# Its first line is there while it goes on.
test_lines()
{
	local round='^\{"schema":1,"record":"round","workload":"share","seed":"0x[0-9a-f]+",.*"reproduce":"'"$PAGEVISOR"' stress share '

	expect "a line for each round" 0 "out:$round" 'out:^\{"schema":1,"end":\{"command":"stress",.*"count":2,"status":0\}\}$' -- \
		"$PAGEVISOR" stress share --ops 200 --seeds 2 --jsonl "${SMALL[@]}"
	check "and no other" [ "$(wc -l <"$OUT")" -eq 3 ]
	expect "no round, in lines" 2 'out:^\{"schema":1,"end":\{"error":\{"status":2,"message":"nope: no such workload' -- \
		"$PAGEVISOR" stress nope --jsonl
	: >"$OUT"
	"$PAGEVISOR" stress share --ops 200 --seeds 1000 --jsonl "${SMALL[@]}" >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	check "a round is a line when it has ended" within grep -qE "$round" "$OUT"
	kill -INT "$running_pid"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	judge "an interrupt ends the lines" 130 "out:\"is_interrupted\":true,.*\"count\":$(grep -c '"record":"round"' "$OUT"),\"status\":130\}\}$"
	keep_answer "$OUT" "stress --jsonl, interrupted"
}

# one_line_has PATTERN: of the output.
one_line_has()
{
	[ "$(cat "$OUT" "$ERR" | grep -c "$1")" -eq 1 ]
}

one_line_of_stderr()
{
	[ "$(wc -l <"$ERR")" -eq 1 ]
}

# Less address space than the guest's RAM alone needs, on KVM or in QEMU.
test_no_memory_at_start()
{
	if is_sanitized; then
		skip "no memory at the start" "a sanitizer takes more than any limit"
		return
	fi
	expect "no memory at the start: said, and ended" 1 'err:^pagevisor: .*Cannot allocate memory$' -- \
		bash -c 'ulimit -v 40000; exec "$@"' sh "$PAGEVISOR" run --memory 64M --time 1
	check "no memory at the start: in one line" one_line_of_stderr
}

# Makes a group of cgroup version 1 or 2 limited to that many bytes of memory, and sets $group; fails where none can be
# made.
make_memory_group()
{
	local root=/sys/fs/cgroup/memory file=memory.limit_in_bytes

	if [ ! -e "$root/$file" ]; then
		root=/sys/fs/cgroup file=memory.max
	fi
	group=$root/pagevisor-test.$$
	mkdir "$group" 2>/dev/null || return
	if ! echo "$1" 2>/dev/null >"$group/$file"; then
		rmdir "$group"
		return 1
	fi
	# Swap counts as memory, too.
	echo 0 2>/dev/null >"$group/memory.swappiness" || echo 0 2>/dev/null >"$group/memory.swap.max" || true
}

# The guest fills its RAM, but its group may use only a fifth of it: the kernel kills QEMU, or the VMM where the guest
# runs on KVM.
test_no_memory_later()
{
	local name="no memory while the guest runs: ended" group

	if ! make_memory_group 50M; then
		skip "$name" "no memory cgroup can be made here"
		return
	fi
	# shellcheck disable=SC2016 # the inner shell's own number
	run_command bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" \
		"$PAGEVISOR" run --memory 256M --workload shortage --time 0
	case $status in
	137) pass "$name" ;;
	*) judge "$name" 3 'err:^pagevisor: QEMU was killed by signal 9' ;;
	esac
	# A killed process leaves its group a moment later.
	check "no memory while the guest runs: nothing is left" within rmdir "$group"
}

test_options
if [ -n "$(kvm_problem)" ] && ! command -v qemu-system-x86_64 >/dev/null; then
	skip "stress" "$(kvm_problem), and no QEMU"
	finish
fi
need_guests
test_clean
for plant in leak double_put put_without_get use_after_free scribble publish_early reset_late wrong_type \
	list_corruption overflow busy no_grace_period; do
	test_plant "$plant"
done
test_no_memory_at_start
test_no_memory_later
test_text
test_chaos
test_reclaim
test_saves
test_ends
test_lines
finish

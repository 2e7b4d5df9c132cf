#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# `pagevisor mem`: memory is taken from guests at work and given back, targets are held, and whatever is not got is said.
# Nothing is broken by it: check finds nothing, and the guests' own checks and the report at the end do not either.
# Usage: mem.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "mem"

# start NAME OPTION...: runs a VM in the background until it is stopped; its pid is $running_pid.
start()
{
	local name=$1

	shift
	"$PAGEVISOR" run --name "$name" --memory 64M --time 0 --quiet "$@" >"$WORK/$name.report" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$name" running || fail "a VM to manage" "$name does not run"
}

# end NAME: stops it. It must have ended well, and its report must have no finding.
end()
{
	expect "$1: stop" 0 -- "$PAGEVISOR" stop "$1"
	status=0
	wait "$running_pid" || status=$?
	running_pid=
	cp "$WORK/$1.report" "$OUT"
	judge "$1: the run ends well and without findings" 0 'out:^findings  none$'
}

# number KEY: the number of a key in the last answer in JSON.
number()
{
	sed -nE "s/^ *\"$1\":([0-9]+),?$/\\1/p" "$OUT" | head -n 1
}

# steps NAME: what the guest's workload has done so far.
steps()
{
	"$PAGEVISOR" stat --json "$1" | sed -nE 's/^ *"steps":([0-9]+),?$/\1/p' | head -n 1
}

# goes_on NAME STEPS: for within.
goes_on()
{
	[ "$(steps "$1")" -gt "$2" ]
}

# resident NAME: bytes of its RAM's file.
resident()
{
	run_command "$PAGEVISOR" mem show --json "$1"
	number resident_bytes
}

has_less()
{
	[ "$(resident "$1")" -lt "$2" ]
}

test_take_and_give()
{
	local after held

	start demo
	expect "show" 0 'out:^memory    64 MiB, ' 'out:^guest     manages 6[0-9.]+ MiB: ' \
		'out:^host      has 0 KiB: 0 KiB soft, 0 KiB hard$' 'out:^target    none$' 'out:^asked     nothing so far$' -- \
		"$PAGEVISOR" mem show demo
	expect "show of the only VM" 0 'out:^memory    64 MiB, ' -- env PAGEVISOR_LIST=vm "$PAGEVISOR" mem show
	expect "all that is free is taken" 0 'out:^reclaimed [3-6][0-9.]* MiB$' -- "$PAGEVISOR" mem reclaim demo --all
	run_command "$PAGEVISOR" mem show --json demo
	held=$(number soft_frames)
	check "most of the memory" [ "$held" -gt 10000 ]
	expect "stat knows the host's frames" 0 'out: [0-9]+ host$' -- "$PAGEVISOR" stat demo
	expect "the map shows them" 0 'out:#' -- "$PAGEVISOR" map --by state demo
	expect "check finds nothing" 0 'out:^findings  none$' -- "$PAGEVISOR" check demo
	check "the guest goes on" within goes_on demo "$(steps demo)"
	expect "a part is given back" 0 'out:^released 4 MiB$' -- "$PAGEVISOR" mem release demo 4M
	expect "the rest is given back, with memory" 0 "out:\"got_bytes\":$(((held - 1024) * 4096))," \
		'out:"outcome":"got_all",' -- "$PAGEVISOR" mem release demo --all --populate --json
	check "which the file then has" [ "$(number resident_bytes)" -gt $((held * 2048)) ]
	run_command "$PAGEVISOR" mem reclaim demo --all
	after=$(resident demo)
	held=$(number soft_frames)
	check "taken again, it is gone: $after bytes are left of 64 MiB without $held frames" \
		[ "$after" -le $(((16384 - held) * 4096)) ]
	expect "all is given back" 0 -- "$PAGEVISOR" mem release demo --all
	expect "no frame is the host's" 0 '!out: host$' -- "$PAGEVISOR" stat demo
	check "nothing was taken back behind our backs" [ "$(resident demo >/dev/null; number taken_back_frames)" = 0 ]
}

# a_frame_of VM EXPRESSION: the address of a frame matching it.
a_frame_of()
{
	"$PAGEVISOR" find --json --limit 1 "$2" "$1" | sed -nE 's/^ *"address":"(0x[0-9a-f]+)",?$/\1/p' | head -n 1
}

# What each command makes of frames that the host has.
test_views()
{
	local before=$WORK/before.pvc held frame=24M hosts listed

	expect "a capture of a guest that has all frames" 0 '!out:^host ' -- "$PAGEVISOR" capture "$before" demo
	expect "in JSON it has none of the host's" 0 'out:"host_frames":0,' -- "$PAGEVISOR" capture --json --force "$before" demo
	expect "what was never the host's has no history" 0 '!out:^history' '!out:^host' -- "$PAGEVISOR" show pfn:0 demo
	"$PAGEVISOR" mem reclaim demo --all --older 0 --hard >/dev/null
	expect "show of a hard frame" 0 'out:^state     host, generation [0-9]+$' \
		'out:^host      took it [0-9.]+ (m|u|n)?s ago, for mem reclaim, hard: no bytes are behind it$' \
		'out:^          comes back by mem release or a higher target, not when the guest asks$' \
		'out: host   claimed .* hard, for mem reclaim, [0-9]+ frames?, ' -- "$PAGEVISOR" show $frame demo
	"$PAGEVISOR" mem release demo --all >/dev/null
	expect "show of a frame that came back" 0 'out:^state     (unused|shared|unique|busy)' '!out:^host ' \
		'out: host   claimed ' 'out: host   released .* hard, for mem release, ' -- "$PAGEVISOR" show $frame demo
	expect "a target, soft" 0 -- "$PAGEVISOR" mem set demo min --wait --older 0
	expect "show of a soft frame in JSON" 0 'out:"held":true,' 'out:"has_bytes":false,' 'out:"hard":false,' \
		'out:"returns_when_asked":true,' 'out:"cause":"set",' 'out:"held_seconds":' 'out:"operation":"host_claim",' \
		'out:"operation":"host_release",' -- "$PAGEVISOR" show --json $frame demo
	held=$("$PAGEVISOR" find --count 'state == host' demo)
	expect "find has them" 0 'out:^0x[0-9a-f]+ +[0-9]+ host +- +0$' -- "$PAGEVISOR" find 'state == host' demo
	check "most of memory" [ "$held" -gt 10000 ]
	expect "the map by state has them in its legend" 0 'out:# host: [0-9]+' -- "$PAGEVISOR" map --by state demo
	expect "so has that by references" 0 'out:# host: [0-9]+' -- "$PAGEVISOR" map --by refs demo
	expect "top does not count them as free" 0 'out:^free      about [0-9]+ frames, by the allocator.s counts less [0-9]+ that the host has$' -- \
		"$PAGEVISOR" top --batch 1 demo
	run_command "$PAGEVISOR" top --batch 1 --jsonl demo
	listed=$(sed -nE 's/.*"free":\{"free_frames":([0-9]+),.*/\1/p' "$OUT" | head -n 1)
	hosts=$(sed -nE 's/.*"depot_frames":[0-9]+,"host_frames":([0-9]+).*/\1/p' "$OUT" | head -n 1)
	check "what is free and what the host has are less than all: $listed, $hosts" [ $((listed + hosts)) -lt 16384 ]
	expect "check says how many are in the lists" 0 'out:frames in free lists, [0-9]+ of them the host.s,' -- "$PAGEVISOR" check demo
	expect "a frame became the host's" 0 'out:unused.*host' -- "$PAGEVISOR" diff --list 100000 "$before" demo
	expect "a capture says how many there are" 0 'out:^host      has [0-9]+ frames: the file has no bytes of them$' -- \
		"$PAGEVISOR" capture --all-memory --force "$WORK/held.pvc" demo
	frame=$(a_frame_of "$WORK/held.pvc" 'state == host')
	expect "show of one in a capture" 0 'out:^host      has it: no bytes are behind it$' '!out: host   claimed' -- \
		"$PAGEVISOR" show "$frame" "$WORK/held.pvc"
	expect "the same in JSON" 0 'out:"host":' 'out:"has_bytes":false' '!out:"held":' -- \
		"$PAGEVISOR" show --json "$frame" "$WORK/held.pvc"
	"$PAGEVISOR" watch --time 60 --count 1 "$frame" demo >"$WORK/watch" 2>"$WORK/watch.err" </dev/null &
	held=$!
	check "watch has begun with it" within grep -q ' host ' "$WORK/watch"
	"$PAGEVISOR" mem release demo --all >/dev/null
	status=0
	wait "$held" || status=$?
	cp "$WORK/watch" "$OUT"
	cp "$WORK/watch.err" "$ERR"
	judge "watch sees it come back" 0 'out: host ' 'out: (unused|busy|shared|unique) '
}

# Events of a guest that traces and of the host, in one list: each claim of the host lies between lives of the frame.
has_both()
{
	local frame

	"$PAGEVISOR" mem reclaim traced --all --older 0 >/dev/null
	"$PAGEVISOR" mem release traced --all >/dev/null
	frame=$("$PAGEVISOR" trace --limit 1 traced | sed -nE 's/.* (0x[0-9a-f]+) .*/\1/p')
	run_command "$PAGEVISOR" show "$frame" traced
	matches 'out: host   claimed ' && matches 'out: cpu [01] '
}

test_trace()
{
	start traced --workload mix --trace
	check "the history of a frame has the guest's events and the host's" within has_both
	# What is from one generation to the next rises, whoever did it.
	check "in the order of the generations" eval \
		"sed -nE 's/.* gen ([0-9]+).*/\\1/p' '$OUT' | sort -n -c"
	judge "with a word about the clocks" 0 'out:^          host events are placed by generation; '
	end traced
}

test_partial()
{
	expect "less than was asked for" 5 'out:^reclaimed [0-9.]+ MiB of 1 GiB: the rest is in use, or was used in the last 0.5 s$' -- \
		"$PAGEVISOR" mem reclaim demo 1G --older 500ms
	expect "the same in JSON" 5 'out:"outcome":"not_free",' 'out:"why":"the rest is in use",' 'out:"status":5$' -- \
		"$PAGEVISOR" mem reclaim demo 1G --older 0 --json
	expect "more than the host has" 5 'out:^released [0-9.]+ MiB of 1 GiB: the host held no more$' -- \
		"$PAGEVISOR" mem release demo 1G
}

test_target()
{
	expect "a target" 0 'out:^demo is to have 32 MiB: it has 32 MiB$' -- "$PAGEVISOR" mem set demo 32M --wait --older 100ms
	expect "show has it" 0 'out:^target    32 MiB, takes what was free for 0.1 s$' 'out:^host      has 32 MiB:' -- \
		"$PAGEVISOR" mem show demo
	check "and it is held" has_less demo $((33 << 20))
	expect "a target that cannot be reached" 5 'out:^demo is to have 1 MiB: it has [0-9.]+ MiB: the rest is in use' -- \
		"$PAGEVISOR" mem set demo 1M --wait --hard
	expect "the least" 0 'out:^demo is to have as little as it can: it has [0-9.]+ MiB$' -- \
		"$PAGEVISOR" mem set demo min --wait
	expect "a higher one, without waiting" 0 'out:^demo is to have 48 MiB from now on$' -- "$PAGEVISOR" mem set demo 48M
	expect_soon "gives memory back" 0 'out:^host      has 16 MiB:' -- "$PAGEVISOR" mem show demo
	expect "check finds nothing with a target" 0 'out:^findings  none$' -- "$PAGEVISOR" check demo
	expect "release ends it" 0 'out:^released 16 MiB$' -- "$PAGEVISOR" mem release demo --all
	expect "so that there is none" 0 'out:^target    none$' 'out:^host      has 0 KiB' -- "$PAGEVISOR" mem show demo
}

test_headroom()
{
	expect "all but a headroom" 0 'out:^reclaimed [0-9.]+ MiB$' -- "$PAGEVISOR" mem reclaim demo --all --older 0 --headroom 8M
	run_command "$PAGEVISOR" mem show --json demo
	check "is left: $(number unused_frames) frames" [ "$(number unused_frames)" -ge 1500 ]
	expect "a size that would need it" 5 'out:^reclaimed .* of 1 GiB: the rest is in use, or is headroom$' -- \
		"$PAGEVISOR" mem reclaim demo 1G --older 0 --headroom 8M
	expect "a target that leaves some" 0 'out:^demo is to have as little as it can: it has [0-9.]+ MiB$' -- \
		"$PAGEVISOR" mem set demo min --wait --headroom 4M
	expect "show has it" 0 'out:^target    as little as can be, takes what was free for 1 s, leaves 4 MiB of it$' -- \
		"$PAGEVISOR" mem show demo
	expect "and in JSON" 0 'out:"headroom_bytes":4194304$' -- "$PAGEVISOR" mem show demo --json
	expect "check finds nothing with a headroom" 0 'out:^findings  none$' -- "$PAGEVISOR" check demo
	"$PAGEVISOR" mem release demo --all >/dev/null
}

# Whether the command in the background has begun: the VM is busy with its order.
is_busy()
{
	run_command "$PAGEVISOR" mem show demo
	matches 'out:^asked     to reclaim .* so far$'
}

test_interrupts()
{
	local pid

	"$PAGEVISOR" mem reclaim demo --all --older 0 --rate 64K >"$WORK/slow" 2>"$WORK/slow.err" </dev/null &
	pid=$!
	check "a slow order is at work" within is_busy
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	cp "$WORK/slow" "$OUT"
	cp "$WORK/slow.err" "$ERR"
	judge "Ctrl-C ends it, and what was done is said" 130 'out:^reclaimed [0-9.]+ [KM]iB of [0-9.]+ MiB: interrupted$'
	"$PAGEVISOR" mem reclaim demo --all --older 0 --rate 64K >/dev/null 2>&1 </dev/null &
	pid=$!
	check "another one" within is_busy
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	expect "whose command is killed: nobody waits for it" 0 'out:^released ' -- "$PAGEVISOR" mem release demo --all
	expect "check finds nothing after that" 0 'out:^findings  none$' -- "$PAGEVISOR" check demo
}

test_capture()
{
	"$PAGEVISOR" mem set demo min --older 0 >/dev/null
	expect_pause "a capture while memory is taken" 0 -- "$PAGEVISOR" capture --all-memory --force "$WORK/held.pvc" demo
	expect "check finds nothing in it" 0 'out:^findings  none$' -- "$PAGEVISOR" check "$WORK/held.pvc"
	"$PAGEVISOR" mem release demo --all >/dev/null
}

# churn NAME: takes all and gives all back, again and again.
churn()
{
	local i

	for ((i = 0; i < ${ROUNDS:-6}; i++)); do
		"$PAGEVISOR" mem reclaim "$1" --all --older 0 && "$PAGEVISOR" mem release "$1" --all || return
	done >"$OUT" 2>"$ERR"
}

test_workloads()
{
	local workload name cpus

	for workload in segments lists unique mix; do
		name=$workload
		cpus=2
		# TCG's atomic operations are atomic with one CPU, too.
		[ "$workload" != mix ] || cpus=1
		start "$name" --workload "$workload" --cpus "$cpus"
		last_command=(mem reclaim and release "$name")
		check "$name: memory comes and goes" churn "$name"
		expect "$name: check finds nothing" 0 'out:^findings  none$' -- "$PAGEVISOR" check "$name"
		"$PAGEVISOR" mem set "$name" 40M >/dev/null
		check "$name: the guest goes on" within goes_on "$name" "$(steps "$name")"
		end "$name"
	done
}

# refusals NAME: allocations that the guest's workload did without.
refusals()
{
	"$PAGEVISOR" stat --json "$1" | sed -nE 's/^ *"refusals":([0-9]+),?$/\1/p' | head -n 1
}

# Whether the host, holding all that is free, makes allocations fail.
has_refused()
{
	"$PAGEVISOR" mem reclaim swing --all --older 0 --hard >/dev/null
	[ "$(refusals swing)" -gt 0 ]
}

# has_asked N: all that is free is taken, and the guest has asked more than N times.
has_asked()
{
	run_command "$PAGEVISOR" mem reclaim swing --all --older 0
	run_command "$PAGEVISOR" mem show --json swing
	[ "$(number asks)" -gt "$1" ]
}

# A guest whose need swings between much and little: what is taken at the low end is asked for on the way up.
test_asks()
{
	local asked follower

	start swing --workload swing --append "high=80 hold=512"
	check "a guest asks for what was taken" within has_asked 20
	asked=$(number asked_frames)
	check "and gets it: $asked frames" [ "$asked" -gt 512 ]
	check "no allocation fails" [ "$(refusals swing)" -eq 0 ]
	expect "asks are in show" 0 'out:the guest asked [0-9]+ times, got [0-9.]+ MiB, and had 0 allocations refused$' -- \
		"$PAGEVISOR" mem show swing
	expect "show, again and again" 0 'out:^ +SECONDS +RESIDENT ' 'out:^ +[0-9.]+ +[0-9.]+ [KM]iB .* none +[0-9]+ +0$' -- \
		"$PAGEVISOR" mem show swing --follow --interval 0.05 --lines 3
	expect "the same in JSON" 0 'out:"record":"memory","vm":"swing"' 'out:"end":.*"count":3,' -- \
		"$PAGEVISOR" mem show swing --follow --interval 0.05 --lines 3 --jsonl
	expect "a target below what it needs" 0 -- "$PAGEVISOR" mem set swing 16M --older 0
	asked=$(number asks)
	check "is given up for it" within has_asked $((${asked:-0} + 40))
	check "no allocation fails with a target" [ "$(refusals swing)" -eq 0 ]
	expect "check finds nothing among asks" 0 'out:^findings  none$' -- "$PAGEVISOR" check swing
	check "hard frames do not come back" within has_refused
	expect "all of them are given back" 0 -- "$PAGEVISOR" mem release swing --all
	run_command "$PAGEVISOR" mem show --json swing
	check "the refusals are in show: $(number refusals)" [ "$(number refusals)" -eq "$(refusals swing)" ]
	check "a guest that was refused goes on" within goes_on swing "$(steps swing)"
	"$PAGEVISOR" mem show swing --follow --interval 0.05 >"$WORK/follow" 2>"$WORK/follow.err" </dev/null &
	follower=$!
	check "a follower has begun" within grep -q none "$WORK/follow"
	end swing
	status=0
	wait "$follower" || status=$?
	cp "$WORK/follow" "$OUT"
	cp "$WORK/follow.err" "$ERR"
	judge "and ends with the VM" 0 'err:^pagevisor: the VM swing has ended$'
}

test_from_the_start()
{
	start small --target 24M --headroom 1M
	expect_soon "run --target" 0 'out:^target    24 MiB, .*, leaves 1 MiB of it$' 'out:^host      has 40 MiB: 40 MiB soft' -- "$PAGEVISOR" mem show small
	end small
}

test_bad_input()
{
	expect "no action" 2 'err:expected show, reclaim, release or set first$' -- "$PAGEVISOR" mem
	expect "an unknown one" 2 'err:expected show, reclaim, release or set first$' -- "$PAGEVISOR" mem shrink demo
	expect "no VM" 2 'err:name the VM; pagevisor ps lists them$' -- "$PAGEVISOR" mem reclaim --all
	expect "no size" 2 'err:mem reclaim wants a size, .*, or --all$' -- "$PAGEVISOR" mem reclaim demo
	expect "no target" 2 'err:mem set wants a size, .*, or min$' -- "$PAGEVISOR" mem set demo
	expect "a wrong size" 2 'err:5000B: expected a size in multiples of 4K' -- "$PAGEVISOR" mem reclaim demo 5000B
	expect "all and a size" 2 'err:one of them is enough$' -- "$PAGEVISOR" mem release demo 4M --all
	expect "all as a target" 2 'err:mem set VM min is the least$' -- "$PAGEVISOR" mem set demo --all
	expect "reclaim, and follow" 2 'err:--follow is for mem show$' -- "$PAGEVISOR" mem reclaim demo --all --follow
	expect "lines of nothing" 2 'err:without it mem answers once' -- "$PAGEVISOR" mem show demo --lines 3
	expect "show and a size" 2 'err:mem show wants no size$' -- "$PAGEVISOR" mem show demo 4M
	expect "a wrong age" 2 'err:--older 2h: expected at most an hour$' -- "$PAGEVISOR" mem reclaim demo --all --older 2h
	expect "a wrong rate" 2 'err:--rate fast: expected a size a second' -- "$PAGEVISOR" mem reclaim demo --all --rate fast
	expect "a headroom of what is given back" 2 'err:--headroom is for reclaim and set$' -- \
		"$PAGEVISOR" mem release demo --all --headroom 4M
	expect "a headroom without a target" 2 'err:without it nothing is taken' -- "$PAGEVISOR" run --headroom 4M
	expect "a VM that is not there" 1 'err:nobody' -- "$PAGEVISOR" mem reclaim nobody --all
	check "is one line" says_one_line
	expect "a QEMU of others" 2 'err:^pagevisor: qemu:1 was not started by pagevisor' -- "$PAGEVISOR" mem reclaim qemu:1 --all
	check "is one line, too" says_one_line
	expect "a capture" 2 'err:is a capture, and no VM that runs$' -- "$PAGEVISOR" mem show "$WORK/held.pvc"
}

is_listed()
{
	"$PAGEVISOR" ps | grep -q "^$1 "
}

# A guest that says nothing of its frames.
test_others()
{
	"$PAGEVISOR" run --name hang --kernel "$GUESTS/hang.elf" --memory 16M --quiet >/dev/null 2>&1 </dev/null &
	running_pid=$!
	check "a guest without a note runs" within is_listed hang
	expect "nobody manages its memory" 1 'err:^pagevisor: nobody manages the memory of the VM hang$' -- \
		"$PAGEVISOR" mem reclaim hang --all
	kill -TERM "$running_pid"
	wait "$running_pid"
	running_pid=
	expect "a target for such a guest" 2 'err:^pagevisor: --target: the kernel has no pagevisor note' -- \
		"$PAGEVISOR" run --kernel "$GUESTS/hang.elf" --memory 16M --target 8M
}

need_guests
test_take_and_give
test_views
test_partial
test_target
test_headroom
test_interrupts
test_capture
test_bad_input
end demo
test_trace
test_workloads
test_asks
test_from_the_start
test_others
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The trace of a running guest: what was done to a frame, in order, and by which function; nothing where the trace is
# off. With KVM or, without it, in QEMU. Usage: trace.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

NAME=storyteller
STORY=$BUILD/trace-guest.elf
accel=()

# The order of events in tests/trace/story.c: operation, function, state.
STORY_LINES='claim draft_page story_claims unique
share . story_shares shared_x1
get . story_gets shared_x2
get_address . story_finds shared_x3
put . story_puts shared_x2
put . story_puts shared_x1
unshare . story_unshares unique
replace final_page story_replaces unique
drop final_page story_drops busy'

bad_options()
{
	local value

	for value in 100 0 32 2097152 x; do
		expect "--trace-entries $value" 2 \
			"err:^pagevisor run: --trace-entries $value: expected a power of two from 64" -- \
			"$PAGEVISOR" run --trace-entries $value
	done
}

# start OPTION...: starts a guest with the workload in the background; sets $address.
start()
{
	rm -f "$WORK/run"
	"$PAGEVISOR" run "${accel[@]}" --name "$NAME" --kernel "$STORY" --workload story --memory 32M --time 0 "$@" \
		>"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within grep -q '^guest| story at .' "$WORK/run"
	address=$(sed -n 's/^guest| story at //p' "$WORK/run")
}

stop()
{
	kill -INT "$running_pid"
	wait "$running_pid"
	status=$?
	running_pid=
	cp "$WORK/run" "$OUT"
	: >"$ERR"
	last_command=("the guest, told to end")
}

# The operations of the history in $OUT, oldest first, as STORY_LINES has them.
history_lines()
{
	sed -nE 's/^(history)? *>?-?[0-9.e+]+ [num]?s cpu 0 +([a-z_]+) +([a-z]+)( x([0-9]+))? gen [0-9]+ +([a-z_]+)\+0x[0-9a-f]+( ([a-z_]+))?$/\2 \8. \6 \3_x\5/p' \
		"$OUT" | sed -E 's/_x$//; s/([a-z])\./\1/'
}

# Whether the history is a section of the endlessly repeated story, with at least N lines.
tells_the_story()
{
	history_lines >"$WORK/history"
	awk -v lines="$1" -v story="$STORY_LINES" '
		BEGIN { count = split(story, order, "\n"); for (i = 1; i <= count; i++) after[order[i]] = order[i % count + 1] }
		END { if (!NR || NR < lines || wrong) { print "wrong: " wrong, NR; exit 1 } }
		{
			# Two puts in a row are distinguished by their counts, so that each line has exactly one
			# successor.
			if (!($0 in after) || (NR > 1 && $0 != after[last])) wrong = wrong " [" $0 "] after [" last "]"
			last = $0
		}' "$WORK/history"
}

json_tells()
{
	python3 - "$OUT" "$1" <<-'END'
		import json, sys
		told = json.load(open(sys.argv[1]))
		events = told[sys.argv[2]]
		order = ["claim", "share", "get", "get_address", "put", "put", "unshare", "replace", "drop"]
		assert len(events) >= 9, len(events)
		assert [e["tsc"] for e in events] == sorted(e["tsc"] for e in events)
		own = [e["tsc"] for e in events if e.get("tsc_until") == e["tsc"]]
		assert own and own == sorted(set(own)), "each reading of the clock marks one event"
		first = next(i for i, e in enumerate(events) if e["operation"] == "claim")
		for i, event in enumerate(events[first:]):
		    assert event["operation"] == order[i % 9], (i, event)
		    assert event["function"].startswith("story_") and event["cpu"] == 0, event
		    assert event["generation"] >= events[first]["generation"], event
	END
}

# Lines of watch begin with their time, and with the frame if there are several.
times_go_up()
{
	awk '$2 ~ /^[0-9]+\.[0-9]+$/ { at = $2 } $1 ~ /^[0-9]+\.[0-9]+$/ { at = $1 } { wrong += at < before; before = at }
		END { exit wrong || NR < 5 }' "$OUT"
}

# Each sample's events are a section of the story, and those shown plus those left out equal the end's count. Entries that
# were overwritten while a slow reader copied the ring leave a gap, which only a jump of the generation may mark.
watch_tells()
{
	python3 - "$OUT" <<-'END'
		import json, sys
		order = ["claim", "share", "get", "get_address", "put", "put", "unshare", "replace", "drop"]
		lines = [json.loads(line) for line in open(sys.argv[1])]
		told = [line for line in lines if line.get("record") == "event"]
		end = lines[-1]["end"]
		looks = {}
		for event in told:
		    assert event["function"].startswith("story_"), event
		    looks.setdefault(event["at_seconds"], []).append(event)
		assert len(looks) >= 4, looks
		for events in looks.values():
		    assert len(events) <= 16, events
		    sections = [[]]
		    for before, event in zip(events[:1] + events, events):
		        if event["generation"] - before["generation"] > 1:
		            sections.append([])
		        sections[-1].append(event["operation"])
		    for operations in sections:
		        assert " ".join(operations) in " ".join(order * 4), events
		positions = [event["position"] for event in told]
		assert positions == sorted(set(positions)), "an event was told twice"
		times = [event["tsc"] for event in told]
		assert times == sorted(times), times
		left_out = sum(event.get("left_out", 0) for event in told)
		assert len(told) + left_out == end["trace_events"], (len(told), left_out, end)
		assert end["reason"] == "count" and end["trace_lost"] >= 0, end
	END
}

# Whether the times of $OUT rise, from 0 on.
times_rise()
{
	awk '$2 == "cpu" { if (!n++ && $1 != 0 || $1 < before) bad = 1; before = $1 } END { exit bad || n < 200 }' "$OUT"
}

has_ring_frames()
{
	awk '$1 == "trace_ring" { frames = $3 } END { exit frames != '"$1"' }' "$OUT"
}

test_on()
{
	start --cpus 1 --trace-entries 16384
	expect "show tells the frame's history" 0 "out:^history +>?(-|0 ns)" -- \
		"$PAGEVISOR" show "$address" "$NAME"
	check "in its order, with the functions that asked" tells_the_story 16
	expect "show --json" 0 -- "$PAGEVISOR" show --json "$address" "$NAME"
	check "the same story in JSON" json_tells history
	expect "trace lists the newest events" 0 "out: $address +(claim|get|put|drop)" -- \
		"$PAGEVISOR" trace --limit 100 "$NAME"
	check "as many as were asked for" line_count "$OUT" 100
	# More than the trace shows at first, so it has to go on.
	expect "trace --follow goes on with what comes" 0 'out:^   SECONDS  CPU   FRAME ' \
		'out:^ +[0-9]+\.[0-9]{6} cpu 0  0x[0-9a-f]+ +(claim|get|put|drop) ' -- \
		bash -c 'set -o pipefail; "$@" | head -n 300' bash "$PAGEVISOR" trace --follow "$NAME"
	check "trace --follow: seconds rise from 0" times_rise
	expect "trace --follow of one frame, as JSON" 0 'out:"record":"event".*"tsc":"0x[0-9a-f]+"' -- \
		bash -c 'set -o pipefail; "$@" | head -n 100' bash "$PAGEVISOR" trace --follow --json --frame "$address" "$NAME"
	expect "trace of one frame" 0 -- "$PAGEVISOR" trace --json --frame "$address" "$NAME"
	check "is its story" json_tells events
	expect "trace of a frame that nobody touches" 0 -- "$PAGEVISOR" trace --frame pfn:0 "$NAME"
	check "is empty" line_count "$OUT" 0
	expect "trace of a frame that is not there" 2 "err:no such frame" -- \
		"$PAGEVISOR" trace --frame pfn:8192 "$NAME"
	expect "the rings are frames of a type" 0 -- "$PAGEVISOR" types "$NAME"
	check "128 for 16384 entries" has_ring_frames 128
	expect "top names the callers" 0 "out:^callers .*story_puts\\+0x" -- \
		"$PAGEVISOR" top --batch 1 "$NAME"
	local command

	for command in "trace --limit 30" "watch --count 3 $address" "show $address"; do
		expect "$command on a terminal" 0 'out:story_' -- \
			bash -c "$(on_terminal 80 24 "'$PAGEVISOR' $command '$NAME'")"
		check "$command on a terminal: it fits" fits 80
	done
	expect "trace has its columns" 0 'out:^ *0 ns cpu 0 ' '!out: -0 ns' -- "$PAGEVISOR" trace --limit 100 "$NAME"
	check "each of them at one place" [ "$(grep -o '^.* cpu 0  0x[0-9a-f]* *[a-z_]* *[a-z]*' "$OUT" |
		awk '{ print index($0, " cpu "), index($0, "0x"), match($0, /(busy|unique|shared|unused)$/) }' | sort -u | wc -l)" -eq 1 ]
	expect "watch tells what was done between its looks" 0 \
		'err:changes undone between two looks are in the trace alone$' \
		'!out:^ +-' \
		"err:^[0-9]+ operations in the guest's trace(; [0-9]+ on any frames overwritten unread)?\$" \
		'out:^ +[0-9]+\.[0-9]{6}  shared +[12]  [a-z_-]+ +[0-9]+  put story_puts\+0x[0-9a-f]+ cpu 0$' \
		'out:^ +[0-9.]+ +(unique|shared|busy|unused) ' -- "$PAGEVISOR" watch --count 3 "$address" "$NAME"
	check "and its lines are in the order of time" times_go_up
	expect "watch --json of several frames" 0 -- \
		"$PAGEVISOR" watch --json --count 40 --interval 0 pfn:0 "$address" "$NAME"
	check "tells and counts all" watch_tells
	expect "watch of a frame that nobody touches" 0 '!err:^0 looks' -- \
		"$PAGEVISOR" watch --time 0.2 pfn:0 "$NAME"
	check "has no events" line_count "$OUT" 2
	expect "a capture" 0 -- "$PAGEVISOR" capture --force "$WORK/story.pvc" "$NAME"
	stop
	judge "the rings are no finding" 0 "findings +none"
	expect "show of the capture" 0 -- "$PAGEVISOR" show "$address" "$WORK/story.pvc"
	check "tells the story, too" tells_the_story 16
}

test_off()
{
	start --cpus 1
	expect "without --trace" 0 "!history" -- "$PAGEVISOR" show "$address" "$NAME"
	expect "no ring takes memory" 0 -- "$PAGEVISOR" types "$NAME"
	check "not a frame" has_ring_frames 0
	expect "trace says why" 1 "err:does not trace" -- "$PAGEVISOR" trace "$NAME"
	check "in one line" says_one_line
	expect "watch tells its looks alone" 0 'err:are not seen$' '!err:operations in' '!out: story_' -- \
		"$PAGEVISOR" watch --count 3 "$address" "$NAME"
	expect "top has no callers" 0 "!callers" -- "$PAGEVISOR" top --batch 1 "$NAME"
	stop
	judge "it ends well" 0 "findings +none"
}

# Several processors, and a guest that refuses rings for which it has no memory.
test_sizes()
{
	expect "two processors churn and are traced" 0 "findings +none" "trace_ring +512" -- \
		"$PAGEVISOR" run "${accel[@]}" --memory 64M --ops 3000 --trace-entries 32768
	expect "a workload that balances its books is traced" 0 "findings +none" -- \
		"$PAGEVISOR" run "${accel[@]}" --workload mix --memory 64M --ops 3000 --trace
	expect "rings that do not fit" 2 "trace=1048576: there is no memory for 2 rings of 32768 KiB" -- \
		"$PAGEVISOR" run "${accel[@]}" --memory 32M --ops 100 --trace-entries 1048576
	expect "a size in --append" 2 "trace=100: expected 0 or a power of two from 64 to 1048576" -- \
		"$PAGEVISOR" run "${accel[@]}" --memory 32M --ops 100 --append trace=100
}

bad_options
if [ -n "$(kvm_problem)" ]; then
	if ! command -v qemu-system-x86_64 >/dev/null; then
		skip "trace" "neither /dev/kvm nor QEMU"
		finish
	fi
	accel=(--accel qemu-tcg)
fi
[ -e "$STORY" ] || {
	echo "no $STORY; make test PARTS=trace builds it first" >&2
	exit 2
}
test_on
test_off
test_sizes
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor watch over a guest that changes some frames all the time and others never: what it prints about a change,
# that nothing is lost between two lines except what it reports as missed, and every way to end. Usage: watch.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# A frame that the guest never uses: nothing happens to it.
QUIET=0x1000

# start NAME OPTION...: starts a guest whose frames change as fast as they can.
start()
{
	local name=$1

	shift
	"$PAGEVISOR" run --name "$name" --workload torn --memory 32M --cpus 1 --time 0 --quiet "$@" \
		>"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$name" running && return
	fail "a guest to watch" "it does not run"
	finish
}

stop()
{
	kill -INT "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

# frames TYPE: the frames that now have that type.
frames()
{
	"$PAGEVISOR" find --each "type == $1" watched 2>/dev/null | sed -n 's/^\(0x[^ ]*\).*/\1/p'
}

# A frame that is only changed in place: it has that type in every sample.
changing_frame()
{
	local try

	frames torn_unique >"$WORK/frames"
	for ((try = 0; try < 12; try++)); do
		frames torn_unique >"$WORK/now"
		grep -Fxf "$WORK/now" "$WORK/frames" >"$WORK/both"
		mv "$WORK/both" "$WORK/frames"
	done
	head -n 1 "$WORK/frames"
}

# members NAME...: these numbers from each line about a frame, "-" where there is none.
members()
{
	awk -v names="$*" '
		function number(name) {
			if (!match($0, "\"" name "\":[0-9.]+"))
				return "-"
			return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
		}
		/"address"/ {
			count = split(names, name, " ")
			line = number(name[1])
			for (i = 2; i <= count; i++)
				line = line " " number(name[i])
			print line
		}' "$OUT"
}

# Each line's generation is that of the line before, plus one if it advanced, plus the missed ones.
generations_add_up()
{
	members generation missed | awk '
		NR > 1 && $1 != before && $1 != before + 1 + $2 { wrong = 1 }
		NR > 1 && $1 == before && $2 != 0 { wrong = 1 }
		{ before = $1 }
		END { exit wrong || NR < 3 }'
}

# The totals at the end equal the sums over the lines.
missed_add_up()
{
	local sum

	sum=$(members missed | awk '{ sum += $1 } END { print sum + 0 }')
	tail -n 1 "$OUT" | grep -q "\"missed\":$sum,"
}

# A change lies between two samples. Both are at or after the line's previous change, and they are in order of time.
times_go_on()
{
	members after_seconds at_seconds | awk '
		NR > 1 && ($1 >= $2 || $2 <= before) { wrong = 1 }
		{ before = $2 }
		END { exit wrong || NR < 3 }'
}

# values FIELD: from each line that shows it: its full new value, and before that its old value, if the line has one.
values()
{
	sed -nE 's/.*"'"$1"'":\{"from":"(0x[0-9a-f]+)","to":"(0x[0-9a-f]+)"\}.*/\1 \2/p; s/.*"'"$1"'":"(0x[0-9a-f]+)"[,}].*/\1/p' "$OUT"
}

# The workload keeps e == ~a, and always changes both: so every line must agree.
sets_are_whole()
{
	local was_a is_a was_e is_e lines=0

	values a | sed 's/^[0-9a-fx]*$/& &/' >"$WORK/a"
	values e | sed 's/^[0-9a-fx]*$/& &/' >"$WORK/e"
	paste -d ' ' "$WORK"/{a,e} | while read -r was_a is_a was_e is_e; do
		[ $((was_a ^ was_e)) -eq -1 ] && [ $((is_a ^ is_e)) -eq -1 ] || return 1
		lines=$((lines + 1))
	done
	[ "$lines" -ge 3 ]
}

# The old value of a field is its value in the previous line.
fields_go_on()
{
	values a | awk 'NF == 2 && $1 != before { wrong = 1 } { before = $NF } END { exit wrong || NR < 3 }'
}

test_bad_input()
{
	local FRAME='a physical address \(0x..., or a size such as 4M\), pfn:N, or a virtual address \(0xffff..., or va:0x...\)'

	expect "no frame" 2 "err:no frame given; expected $FRAME\$" -- "$PAGEVISOR" watch
	expect "no frame, but a VM" 2 'err:no frame given' -- "$PAGEVISOR" watch demo
	expect "the first of two that are no frames is wrong" 2 "err:not a frame: \"nosuch\"; expected $FRAME\$" -- \
		"$PAGEVISOR" watch nosuch tr
	expect "two VMs" 2 'err:unexpected argument "two": not a frame, and one VM is enough; a frame is a physical' -- "$PAGEVISOR" watch 0x0 one two
	expect "--count 0" 2 'err:--count 0: expected a number of at least 1' -- "$PAGEVISOR" watch 0x0 --count 0
	expect "--time -1" 2 'err:--time -1: expected a time' -- "$PAGEVISOR" watch 0x0 --time=-1
	expect "--interval x" 2 'err:--interval x: expected a time' -- "$PAGEVISOR" watch 0x0 --interval x
	expect "no VM" 1 'err:^pagevisor: no VM' -- "$PAGEVISOR" watch 0x0
	check "no VM: one line" says_one_line
}

test_wrong_frames()
{
	expect "a frame past the last" 2 'err:no such frame: .* the last frame is pfn:8191$' -- \
		"$PAGEVISOR" watch pfn:8192
	check "a frame past the last: one line" says_one_line
	expect "one of several" 2 'err:no such frame' -- "$PAGEVISOR" watch 0x0 0x2000000 watched
	for frame in 1M va:0xffffffff80100000 0xffffffff80100000 pfn:0x100; do
		expect "a frame by each of its names: $frame" 0 'out:frame 0x100000|^ *[0-9.]+ .*kernel' -- \
			"$PAGEVISOR" watch --time 0.1 "$frame" watched
	done
	"$PAGEVISOR" capture --force "$WORK/watched.pvc" >"$OUT" 2>"$ERR"
	expect "a capture" 2 "err:^pagevisor: $WORK/[a-z.]+ is at rest and does not change" -- \
		"$PAGEVISOR" watch 0x0 "$WORK/watched.pvc"
	check "a capture: one line" says_one_line
}

test_text()
{
	expect "a frame that changes" 0 'out:^ +SECONDS  STATE +REFS  TYPE +GENERATION  CHANGED$' \
		'out:^ +0\.[0-9]{6}  unique +-  torn_unique +[0-9]+  ([0-9]+ missed, )?a 0x[0-9a-f]+, b 0x[0-9a-f]+, c 0x[0-9a-f]+, ' \
		'out:  torn_unique +[0-9]+  ([0-9]+ missed, )?a 0x[0-9a-f]+ -> 0x[0-9a-f]+, b 0x[0-9a-f]+ -> ' \
		'err:^at most 1000 looks a second; changes undone between two looks are not seen$' \
		'err:^[0-9.]+ s, [0-9]+ looks, [0-9]+ a second, at most [0-9.]+ ms apart$' \
		'err:^5 changes seen, [0-9]+ generations missed, [0-9]+ looks unstable$' -- \
		"$PAGEVISOR" watch "$unique" watched --count 5
	check "a line for each change, and two" line_count "$OUT" 7
	check "plain text" is_plain_text "$OUT"
	expect "several frames" 0 "out:^FRAME +SECONDS" "out:^$unique +[0-9.]+  unique" \
		"out:^$QUIET +[0-9.]+  unused +-  - " -- \
		"$PAGEVISOR" watch "$unique" pfn:1 --count 2 --interval 0
	check "and one that does not change" [ "$(grep -c "^$QUIET" "$OUT")" -eq 1 ]
}

# On a terminal lines are folded between words, in a pipe they are whole.
test_terminal()
{
	expect "on a terminal" 0 'out:^ +0\.[0-9]{6}  unique ' 'out:^            [a-z0-9]+ 0x[0-9a-f]+ -> 0x[0-9a-f]+,?$' \
		'out:^5 changes seen' -- bash -c "$(on_terminal 80 24 "'$PAGEVISOR' watch $unique watched --count 5")"
	check "on a terminal: nothing is broken at its edge" fits 80
	expect "on a terminal: COLUMNS" 0 'out:^5 changes seen' -- \
		bash -c "$(on_terminal 80 24 "COLUMNS=500 '$PAGEVISOR' watch $unique watched --count 5")"
	check "on a terminal: COLUMNS is obeyed" [ "$(grep -cE '^ +[0-9]+\.[0-9]{6} +[a-z]+ ' "$OUT")" -eq 6 ]
	check "on a terminal: a line for each change" [ "$(grep -c '^            ' "$OUT")" -eq 0 ]
}

test_json()
{
	expect "one object a line" 0 'out:^\{"schema":1,"record":"frame",.*"address":"'"$unique"'"' 'out:"fields":\{"a":' \
		'out:^\{"schema":1,"record":"change",.*"missed":[0-9]+.*"changed":\{"a":\{"from":' \
		'out:^\{"schema":1,"end":\{.*"reason":"count",.*"looks":[0-9]+.*"count":40,' '!err:.' -- \
		"$PAGEVISOR" watch --json --count 40 "$unique" watched
	check "42 of them" line_count "$OUT" 42
	check "generations that are not seen are counted" generations_add_up
	check "and summed up" missed_add_up
	check "times are of two looks" times_go_on
	check "fields are of one moment" sets_are_whole
	check "what a field was is what it was seen as" fields_go_on
	expect "with other owners" 0 -- "$PAGEVISOR" watch --json --count 40 "$shared" --interval 0
	check "generations, too" generations_add_up
}

# ends NAME STATUS SIGNAL PID PATTERN...: watches while nothing happens, until that process gets that signal.
ends()
{
	local name=$1 wanted=$2 signal=$3 pid=$4 watch

	shift 4
	last_command=("$PAGEVISOR" watch "$QUIET")
	# The background process may truncate the file only after the wait below has read it.
	: >"$OUT"
	"${last_command[@]}" >"$OUT" 2>"$ERR" &
	watch=$!
	within grep -q unused "$OUT"
	kill -"$signal" "${pid:-$watch}"
	status=0
	wait "$watch" || status=$?
	judge "$name" "$wanted" 'err:^[0-9.]+ s, [1-9][0-9]* looks?, ' '!err:pagevisor' "$@"
}

# reader_goes NAME ARGUMENT...: the reader goes away after the first line.
reader_goes()
{
	local name=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	expect "$name" 0 'out:^ +SECONDS' '!err:pagevisor' -- \
		bash -c '{ "$@"; echo $? >"$0"; } | head -n 1' "$WORK/status" "$PAGEVISOR" watch "$@"
	check "$name: exit status 0" [ "$(cat "$WORK/status")" = 0 ]
}

test_ends()
{
	expect "--time" 0 'out:"reason":"time","at_seconds":(0\.[2-9]|[1-9])' -- \
		"$PAGEVISOR" watch --json --time 0.2 "$QUIET"
	ends "SIGINT" 130 INT ""
	ends "SIGTERM" 143 TERM ""
	reader_goes "the reader goes, and nothing changes" "$QUIET"
	reader_goes "the reader goes, and much changes" "$unique" --interval 0
	expect "a full disk" 1 'err:^pagevisor: cannot write the output' -- \
		sh -c 'exec "$@" >/dev/full' sh "$PAGEVISOR" watch "$QUIET"
	ends "the end of the VM" 0 INT "$running_pid" 'err:^the VM watched has ended$'
	wait "$running_pid" 2>/dev/null
	running_pid=
}

test_bad_input
need_vm "watch"
start watched
unique=$(changing_frame)
shared=$(frames torn_shared | head -n 1)
check "frames to watch" test "${unique:+1}${shared:+1}" = 11
test_wrong_frames
test_text
test_terminal
test_json
test_ends
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor find and map over a guest that does nothing, so that their counts can be compared with those of stat, and
# over a working one. Usage: find_map.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "find and map"


# start NAME OPTION...: starts a guest in the background and waits until it runs.
start()
{
	local name=$1

	shift
	"$PAGEVISOR" run --name "$name" --quiet "$@" >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$name" '(running|finished|panic[a-z]*)' && return
	last_command=("$PAGEVISOR" run --name "$name" "$@")
	cat "$WORK/run" >"$OUT"
	fail "a guest to look at" "it does not run"
	finish
}

stop()
{
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

# count EXPRESSION: the number of matching frames.
count()
{
	timeout "$LIMIT" "$PAGEVISOR" find --count "$1" still 2>/dev/null
}

# of_map BY NAME: the number of frames with that name in map's JSON.
of_map()
{
	timeout "$LIMIT" "$PAGEVISOR" map --by "$1" --json still | tr -d ' \n' |
		sed -E 's/.*"class":"'"$2"'","total_frames":([0-9]+).*/\1/'
}

# of_stat NAME: the number behind a name in stat's JSON.
of_stat()
{
	timeout "$LIMIT" "$PAGEVISOR" stat --json still | tr -d ' \n' |
		sed -E 's/.*"'"$1"'":([0-9]+).*/\1/'
}

# of_held NAME: a number of what the host holds.
of_held()
{
	timeout "$LIMIT" "$PAGEVISOR" stat --json still | tr -d ' \n' |
		sed -E 's/.*"held_by_host":\{([^}]*)\}.*/\1/; s/.*"'"$1"'":([0-9]+).*/\1/'
}

# same NUMBER NUMBER: whether they are equal and neither is missing; for check.
same()
{
	[ -n "$1" ] && [ "$1" = "$2" ]
}

test_counts()
{
	local state type sum=0

	for state in unused shared unique busy host illegal; do
		check "frames that are $state" same "$(count "state == $state")" "$(of_stat $state)"
		sum=$((sum + $(count "state == $state")))
	done
	check "every frame has a state" same "$sum" 16384
	for type in reserved kernel meta_page anon; do
		check "frames of type $type" same "$(count "type == $type")" "$(of_stat $type)"
		check "frames of type $type in a map" same "$(of_map type $type)" "$(of_stat $type)"
	done
	check "frames in a map by state" same "$(of_map state shared)" "$(of_stat shared)"
	check "frames in a map by references" same "$(of_map refs 1)" "$(count 'ref == 1')"
	check "a frame is of its type or not" same "$(($(count 'type == kernel') +
		$(count 'type != kernel')))" "$(count 'state == shared || state == unique')"
	check "frames that are free" same "$(count free)" "$(count 'state == unused')"
	check "frames that the host holds" same "$(count resident)" "$(of_held held_frames)"
	check "of these, free ones" same "$(count 'free && resident')" "$(of_held free_frames)"
	check "what is in use and was written is held" same \
		"$(count 'type == meta_page && !resident')" 0
	check "what nobody wrote is not held" same "$(($(count 'free && !resident') > 10000))" 1
	check "frames that are held in a map" same \
		"$(($(of_map resident inuse,held) + $(of_map resident free,held)))" "$(count resident)"
	check "of these, free ones in a map" same "$(of_map resident free,held)" "$(count 'free && resident')"
	check "each frame by its address" same "$(count 'addr >= 16M && pfn < 8K')" 4096
}

test_find()
{
	expect "adjacent frames are one line" 0 'out:^ADDRESS +FRAMES STATE +TYPE +REFS$' \
		'out:^0x[0-9a-f]+ +256 shared +meta_page +1$' '!out:kernel' -- \
		"$PAGEVISOR" find 'type == meta_page' still
	check "a head and a line" line_count "$OUT" 2
	expect "--each" 0 'out:^ADDRESS +STATE +TYPE +REFS$' 'out:^0x[0-9a-f]+ +shared +meta_page +1$' -- \
		"$PAGEVISOR" find --each 'type == meta_page' still
	check "a line for each" line_count "$OUT" 257
	expect "--limit" 0 'err:^the first 3 of 256$' 'out: 3 shared +meta_page' -- \
		"$PAGEVISOR" find --limit 3 'type == meta_page' still
	check "--limit: lines" line_count "$OUT" 2
	expect "address 0 is an address as well" 0 'out:^0x0 ' -- "$PAGEVISOR" find 'addr == 0' still
	expect "nothing is broken" 0 'out:^0$' -- \
		"$PAGEVISOR" find --count 'broken || state == broken || type == wild' still
	progress
	expect "a search without a match" 0 -- "$PAGEVISOR" find 'state == illegal' still
	check "no frame: no line" line_count "$OUT" 0
	expect "--json" 0 'out:"matches":256' 'out:"type":"meta_page"' 'out:"given_up":0' \
		-- "$PAGEVISOR" find --json 'type == meta_page' still
	expect "--jsonl" 0 'out:^\{"schema":1,"record":"frame","address":"0x[0-9a-f]+","pfn":[0-9]+,"state":"shared","type":"meta_page",' \
		'out:^\{"schema":1,"end":\{"command":"find","vm":"still",.*"matches":256,.*"count":256,"status":0\}\}$' -- \
		"$PAGEVISOR" find --jsonl --fields 'type == meta_page' still
	check "--jsonl: a line for each, and the end" line_count "$OUT" 257
	expect "the only VM needs no name" 0 'out:^16384$' -- "$PAGEVISOR" find --count 1
	expect "an unknown VM" 1 'no VM|not running|nobody' -- "$PAGEVISOR" find 1 nobody
}

# A search that takes its time says how far it is. Here it has to wait until its output is read.
progress()
{
	expect "a search shows its progress" 0 'out:searched [0-9]+ of 64 MiB, found [0-9]+' -- \
		bash -c "$(on_terminal 80 24 "\"$PAGEVISOR\" find --each \"pfn >= 0\" still | (sleep 2; cat >/dev/null)")"
	expect "elsewhere it does not" 0 '!err:searched' -- \
		bash -c "'$PAGEVISOR' find --each 'pfn >= 0' still | (sleep 2; cat >/dev/null)"
}

# bad EXPRESSION COLUMN TEXT
bad()
{
	expect "find '$1'" 2 "err:column $2: .*$3" -- "$PAGEVISOR" find "$1" still
	check "find '$1': one line" says_one_line
}

test_bad_expressions()
{
	bad 'ref >' 6 'needed here, not the end'
	bad 'type == anno' 9 "\"anno\" is not a type of this guest; did you mean 'anon'\? pagevisor types lists them all"
	bad 'state == shred' 10 "did you mean 'shared'\? the states are: unused busy shared unique host illegal broken"
	bad 'addr & 0x1fffff == 0' 6 'write \(addr & 0x1fffff\) == 0'
	bad 'ref = 1' 5 'equal is =='
	bad 'refz > 1' 1 "what is \"refz\"; did you mean 'ref'\?"
	bad "$(printf '(%.0s' {1..40})" 33 'too deep'
	bad '1 && meta.no_such_field' 6 'meta.no_such_field'
	expect "find without an expression" 2 'err:expected an expression' -- "$PAGEVISOR" find
	expect "find --limit 0" 2 'err:expected a number of at least 1' -- "$PAGEVISOR" find --limit 0 1
	expect "map --by migratetype" 2 'err:--by migratetype: the page blocks of this guest are not known; expected type, state, refs or resident$' -- \
		"$PAGEVISOR" map --by migratetype
	expect "map --by size" 2 'err:type, state, refs, resident or migratetype' -- "$PAGEVISOR" map --by size
}

# is_png FILE WIDTH: checks the first bytes; the unit tests read a whole file. The height depends on the number of
# types. For check.
is_png()
{
	[ "$(head -c 20 "$1" | od -An -v -tx1 | tr -d ' \n')" = \
		"$(printf '89504e470d0a1a0a0000000d49484452%08x' "$2")" ]
}

# Whether a folder contains this many files; for check.
file_count()
{
	[ "$(find "$1" -type f | wc -l)" -eq "$2" ]
}

test_map_part()
{
	expect "a part of memory" 0 'out:^still: 4096 frames from 0x1000000 to 0x2000000 by type; a cell is 8K' \
		'out:^ +16M ' '!out:^ +32M' -- "$PAGEVISOR" map --from 16M --to 0x2000000 still
	expect "a part of memory by frame numbers" 0 'out:^still: 16 frames from 0x1000 to 0x11000 ' -- \
		"$PAGEVISOR" map --from pfn:1 --to pfn:17 still
	expect "a part by virtual addresses" 0 'out:^still: 16 frames from 0x100000 to 0x110000 ' -- \
		"$PAGEVISOR" map --from 0xffffffff80100000 --to va:0xffffffff80110000 still
	expect "a part that is not there" 2 'err:no such frame: .* ends at 0x4000000' -- "$PAGEVISOR" map --from 64M still
	expect "a part of nothing" 2 'err:nothing lies between them' -- "$PAGEVISOR" map --from 2M --to 1M still
	expect "no part" 2 'err:--from 12q: expected a physical address \(0x' -- "$PAGEVISOR" map --from 12q still
	expect "marks" 0 'out:(^|   )@ marked: 256$' 'out:^[ 0-9KMG]+[^@]*@{32}' -- \
		"$PAGEVISOR" map --mark 'type == meta_page' still
	expect "marks in JSON" 0 'out:"marked_frames":256' -- "$PAGEVISOR" map --json --mark 'type == meta_page' still
	expect "a VM in place of an expression" 2 'err:^pagevisor: still is a VM, not an expression: pagevisor find EXPRESSION still$' -- \
		"$PAGEVISOR" find still
	expect "and with a prefix" 2 'err:^pagevisor: vm:still is a VM, not an expression' -- "$PAGEVISOR" find vm:still
	expect "an operand is no VM" 0 'out:^[0-9]+$' -- "$PAGEVISOR" find --count references
	expect "a wrong mark" 2 'err:the expression is wrong at column 1: what is "x"' -- "$PAGEVISOR" map --mark x still
	for size in '80 24' '100 50' '40 12'; do
		# shellcheck disable=SC2086 # two words
		expect "a map on a terminal of $size" 0 'out:frames by type' -- \
			bash -c "$(on_terminal $size "\"$PAGEVISOR\" map still")"
		check "a map on a terminal of $size: it fits, with a prompt" \
			[ "$(wc -l <"$OUT")" -lt "${size#* }" ]
		check "a map on a terminal of $size: it is no smaller than it must" \
			[ "$(wc -l <"$OUT")" -gt $((${size#* } / 3)) ]
		check "a map on a terminal of $size: in colours" grep -q "$(printf '\033\\[48;')" "$OUT"
	done
	expect "NO_COLOR" 0 'out:frames by type' -- \
		bash -c "$(on_terminal 80 24 "NO_COLOR=1 \"$PAGEVISOR\" map still")"
	check "NO_COLOR: nothing but text" is_plain_text "$OUT"
	expect "TERM=dumb" 0 'out:frames by type' -- \
		bash -c "$(on_terminal 80 24 "TERM=dumb \"$PAGEVISOR\" map still")"
	check "TERM=dumb: nothing but text" is_plain_text "$OUT"
}

test_map()
{
	local folder=$WORK/pictures file=$WORK/pictures/map

	mkdir "$folder"
	expect "a map in letters" 0 'out:^still: 16(384|336) frames by type; a cell is 32K, a row 2M$' \
		'out:^ +48M \.{64}$' 'out:meta_page: 256' -- "$PAGEVISOR" map still
	check "a map in letters: nothing but text" is_plain_text "$OUT"
	test_map_part
	for option in --png --svg; do
		expect "$option to standard output" 2 "err:$option -: a picture cannot go to standard output; expected a FILE to write" -- \
			"$PAGEVISOR" map still "$option" -
	done
	expect "a map as PNG and SVG" 0 -- "$PAGEVISOR" map still --png "$file.png" --svg "$file.svg"
	check "its PNG" is_png "$file.png" 1136
	cp "$file.png" "$WORK/old.png"
	check "its SVG has a legend" grep -q 'meta_page: 256</text>' "$file.svg"
	check "its SVG ends" same "$(tail -n 1 "$file.svg")" "</svg>"
	if command -v xmllint >/dev/null; then
		expect "its SVG is XML" 0 -- xmllint --noout "$file.svg"
	else
		skip "its SVG is XML" "no xmllint here"
	fi
	expect "a folder that is not there" 1 'err:cannot write .*: No such file' -- \
		"$PAGEVISOR" map still --png "$WORK/nowhere/map.png"
	mkfifo "$WORK/fifo"
	expect "what is no file is not replaced" 2 'err:fifo is not a regular file' -- \
		"$PAGEVISOR" map still --svg "$WORK/fifo"
	check "it is still there" test -p "$WORK/fifo"
	expect "a file too large" 1 'err:cannot write .*: File too large' -- \
		bash -c "ulimit -f 1; '$PAGEVISOR' map still --png '$file.png'"
	check "a file too large: the old one stays" cmp -s "$file.png" "$WORK/old.png"
	check "nothing else is left" file_count "$folder" 2
}

# The guest changes the inspected data all the time.
test_busy()
{
	expect "find while the guest works" 0 'out:^[1-9][0-9]*$' '!err:.' -- \
		"$PAGEVISOR" find --count 'type == anon && ref >= 1' busy
	expect "nothing is broken" 0 'out:^0$' -- "$PAGEVISOR" find --count 'state == illegal' busy
	expect "a map while the guest works" 0 'out:anon: [1-9]' '!out:wild|illegal' -- \
		"$PAGEVISOR" map busy
}

start still --memory 64M --workload fault --append fault=hang --time 0
test_counts
test_find
test_bad_expressions
test_map
stop
start busy --memory 64M --time 0
test_busy
stop
finish

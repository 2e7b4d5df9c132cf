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
		sed -E 's/.*"name":"'"$2"'","frames":([0-9]+).*/\1/'
}

# of_stat NAME: the number behind a name in stat's JSON.
of_stat()
{
	timeout "$LIMIT" "$PAGEVISOR" stat --json still | tr -d ' \n' |
		sed -E 's/.*"'"$1"'":([0-9]+).*/\1/'
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
	check "each frame by its address" same "$(count 'addr >= 16M && pfn < 8K')" 4096
}

test_find()
{
	expect "lines of frames" 0 'out:^0x[0-9a-f]+ +shared +meta_page +1$' \
		'!out:kernel' -- "$PAGEVISOR" find 'type == meta_page' still
	check "a line for each" line_count "$OUT" 256
	expect "--limit" 0 'err:^the first 3 of 256$' -- \
		"$PAGEVISOR" find --limit 3 'type == meta_page' still
	check "--limit: lines" line_count "$OUT" 3
	expect "a search without a match" 0 -- "$PAGEVISOR" find 'state == illegal' still
	check "no frame: no line" line_count "$OUT" 0
	expect "--json" 0 'out:"matches":256' 'out:"type":"meta_page"' 'out:"given_up":0' \
		-- "$PAGEVISOR" find --json 'type == meta_page' still
	expect "the only VM needs no name" 0 'out:^16384$' -- "$PAGEVISOR" find --count 1
	expect "an unknown VM" 1 'no VM|not running|nobody' -- "$PAGEVISOR" find 1 nobody
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
	bad 'type == anno' 9 '"anno" is not a type of this guest; its types are:.* anon'
	bad 'ref = 1' 5 'equal is =='
	bad 'refs > 1' 1 'what is "refs"\?'
	bad "$(printf '(%.0s' {1..40})" 33 'too deep'
	bad '1 && meta.no_such_field' 6 'meta.no_such_field'
	expect "find without an expression" 2 'err:expected an expression' -- "$PAGEVISOR" find
	expect "find --limit 0" 2 'err:expected a number of at least 1' -- "$PAGEVISOR" find --limit 0 1
	expect "map --by size" 2 'err:type, state or refs' -- "$PAGEVISOR" map --by size
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

test_map()
{
	local folder=$WORK/pictures file=$WORK/pictures/map

	mkdir "$folder"
	expect "a map in letters" 0 'out:^still: 16384 frames by type; a cell is 32K, a row 2M$' \
		'out:^ +48M \.{64}$' 'out:meta_page: 256' -- "$PAGEVISOR" map still
	check "a map in letters: nothing but text" is_plain_text "$OUT"
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

start still --memory 64M --workload fault --append fault=hang
test_counts
test_find
test_bad_expressions
test_map
stop
start busy --memory 64M --time 0
test_busy
stop
finish

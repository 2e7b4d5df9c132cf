#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagemeta away from home: its unit tests on other machines under qemu-user, with a runner that needs no library; that
# runner itself; and a port of a page, built from what pagemeta/PORTING.md says is to be copied. Usage: portable.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MACHINES="aarch64 riscv64"
PORT=$ROOT/tests/portable
GUIDE=$ROOT/pagemeta/PORTING.md
# What a platform without the trace and without RCU leaves out; see the guide.
OPTIONAL="trace static_branch deferred_put"
# What the compiler may call, and what the platform and the linker provide; see the guide.
SYMBOLS='mem(cpy|move|set|cmp)|__(start|stop)_meta_types|(platform|mini)_.*|__aarch64_(cas|swp|ld[a-z]+)[0-9]+_.*|__c[lt]zdi2'

# Emulated, the same tests take ten times as long.
export PAGEVISOR_MS=50 PAGEVISOR_OPS=5000 PAGEVISOR_ROUNDS=5000 PAGEVISOR_MAP_MAX=0x40000000

# compiler MACHINE and runner MACHINE: the commands; a machine called host is this one.
compiler()
{
	[ "$1" = host ] && echo gcc || echo "$1-linux-gnu-gcc"
}

runner()
{
	[ "$1" = host ] || echo "qemu-$1"
}

missing_program()
{
	local machine program

	for machine in $MACHINES; do
		for program in "$(compiler "$machine")" "$(runner "$machine")" g++; do
			command -v "$program" >/dev/null || { echo "no $program" && return; }
		done
	done
}

# runner_says NAME ARGUMENTS STATUS PATTERN...: what test_runner.c does with them on all machines.
runner_says()
{
	local name=$1 arguments=$2 machine

	shift 2
	for machine in host $MACHINES; do
		# shellcheck disable=SC2046,SC2086 # nothing, for the host; words
		expect "runner, $machine: $name" "$@" -- $(runner "$machine") "$WORK/runner-$machine" $arguments
	done
}

test_runner()
{
	local machine

	printf 'SUITE(%s)\n' passing fixture assertion signal ending teardown hanging >"$WORK/suites.inc"
	for machine in host $MACHINES; do
		expect "the runner compiles, $machine" 0 -- "$(compiler "$machine")" -static -std=gnu11 -O1 \
			-Wall -Wextra -Werror -D_GNU_SOURCE -I"$PORT" -I"$WORK" "$PORT"/*.c -o "$WORK/runner-$machine" ||
			return
	done
	runner_says "tests pass, each in a process of its own" passing 0 'out:^9 passed, 0 failed$' '!out:FAIL'
	runner_says "fixtures in their order" fixture 0 'out:^1 passed, 0 failed$'
	runner_says "assertions that fail" assertion 1 'out:^2 passed, 4 failed$' \
		"out:^FAIL assertion: fails:0: .*test_runner.c:[0-9]+: 'touched' does not hold\$" \
		"out:'touched \\+ 16 == 17' does not hold: 0x10 and 0x11\$" 'out: fails_in_round_2:2: .*: round 2$'
	runner_says "signals, wanted or not" signal 1 'out:^0 passed, 4 failed$' \
		'out: crashes:0: ended by signal 11 ' 'out: aborts:0: ended by signal 6 ' \
		'out: does_nothing:0: did not end by signal 6$'
	runner_says "a test that exits" ending 1 'out: exits:0: ended early$'
	runner_says "a teardown that fails" teardown 1 'out: does_nothing:0: .*: nothing to tear down$'
	runner_says "a test that hangs" hanging 1 'out: hangs:0: time is up$'
	runner_says "a test is left out" "-x aborts signal" 1 'out:^left out: signal: aborts$' 'out:^0 passed, 3 failed$'
	runner_says "no such suite" nothing 2 'err:no suite matches'
	runner_says "a list" -l 0 'out:^hanging$' '!out:passed'
}

# The tests count themselves. What tests the differential test itself is slow, and the same on every machine.
test_library()
{
	local machine

	for machine in $MACHINES; do
		[ -x "$BUILD/portable/$machine/unit-tests" ] || {
			echo "no $BUILD/portable/$machine/unit-tests; make test PARTS=portable builds it" >&2
			exit 2
		}
		expect "unit tests of the library, $machine" 0 'out:^[1-9][0-9]{2,} passed, 0 failed$' -- \
			"$(runner "$machine")" "$BUILD/portable/$machine/unit-tests" -x damage_is_found_and_shrunk
		grep '^left out' "$OUT"
		tail -n 1 "$OUT"
	done
}

# The headers that the guide lists, and those that the library includes; for check.
listed_headers()
{
	sed -n 's|^    \(include/pagevisor/.*\.h\)$|\1|p' "$GUIDE" | sort
}

included_headers()
{
	(cd "$VENDOR" && gcc -std=gnu11 -Iinclude -I. -Iport -MM "${library[@]}") | tr ' ' '\n' |
		grep '^include/' | sort -u
}

same_headers()
{
	diff <(listed_headers) <(included_headers)
}

# The Nth piece of C in the guide is a part of a file; for check.
guide_shows()
{
	local code

	code=$(awk -v wanted="$1" '/^```$/ { shown = 0 } shown; /^```c$/ { shown = ++count == wanted }' "$GUIDE")
	[ -n "$code" ] && [[ $(<"$2") = *"$code"* ]]
}

only_pieces()
{
	line_count <(grep -x '```c' "$GUIDE") "$1"
}

# Copies what the guide says into an empty folder, with the mini port beside it. Sets $VENDOR, and the library's sources.
vendor()
{
	local header file

	VENDOR=$WORK/vendor
	mkdir -p "$VENDOR/include/pagevisor"
	cp -r "$ROOT/pagemeta" "$VENDOR"
	cp -r "$PORT/mini" "$VENDOR/port"
	for header in $(listed_headers); do
		cp "$ROOT/$header" "$VENDOR/include/pagevisor"
	done
	for file in $OPTIONAL; do
		rm -f "$VENDOR/pagemeta/$file".[ch]
	done
	mapfile -t library < <(cd "$VENDOR" && echo pagemeta/*.c | tr ' ' '\n')
}

# build_library MACHINE FLAG...: as for a kernel; to $WORK/library.o.
build_library()
{
	local machine=$1

	shift
	expect "the library compiles, $machine $*" 0 '!err:.' -- env -C "$VENDOR" "$(compiler "$machine")" -std=gnu11 \
		-ffreestanding -fno-stack-protector -Wall -Wextra -Werror "$@" -nostdlib -r -Iinclude -I. -Iport \
		"${library[@]}" -o "$WORK/library.o"
}

# What the library needs beside what the guide lists.
foreign_symbols()
{
	nm -u "$WORK/library.o" | awk '{ print $2 }' | grep -Evx "$SYMBOLS" >"$OUT"
}

# mini_works MACHINE FLAG...: the mini port with that library.
mini_works()
{
	local machine=$1 name="mini port, $*"

	shift
	expect "$name: compiles" 0 '!err:.' -- env -C "$VENDOR" "$(compiler "$machine")" -static -std=gnu11 -Wall \
		-Wextra -Werror "$@" -Iinclude -I. -Iport port/main.c port/platform.c "$WORK/library.o" -o "$WORK/mini" || return
	# shellcheck disable=SC2046 # nothing, for the host
	expect "$name: works" 0 'out:^mini: 4096 frames, all slots are right$' -- $(runner "$machine") "$WORK/mini"
}

test_mini()
{
	local machine

	vendor
	check "the guide lists the headers that the library includes" same_headers
	check "the guide's platform is the mini port's" guide_shows 1 "$PORT/mini/pagemeta_platform.h"
	check "the guide's functions are the mini port's" guide_shows 2 "$PORT/mini/platform.c"
	check "the guide's start is the mini port's" guide_shows 3 "$PORT/mini/main.c"
	check "the guide's type is the mini port's" guide_shows 4 "$PORT/mini/main.c"
	check "the guide's use of a frame is the mini port's" guide_shows 5 "$PORT/mini/main.c"
	check "the guide shows no other code" only_pieces 5
	for machine in host $MACHINES; do
		build_library "$machine" -O2 || continue
		foreign_symbols
		check "the library needs no symbol that the guide does not list, $machine" line_count "$OUT" 0
		mini_works "$machine" -O2
		build_library "$machine" -O1 -DPAGEMETA_DEBUG=1 && mini_works "$machine" -O1 -DPAGEMETA_DEBUG=1
	done
}

# What a platform with an allocator of its own leaves out; see the guide.
ALLOCATOR="reclaim buddy frame_alloc_descriptor frame_blocks frame_cache frame_parked frame_pool frame_runs managed_ranges"

# port_builds NAME PORT PLATFORM LEFT_OUT FLAG...: a port of ports/, with all of the library but some files, to $WORK/PORT.
port_builds()
{
	local name=$1 port=$2 platform=$3 left_out=$4 file sources=()

	shift 4
	for file in pagemeta/*.c; do
		[[ " $left_out " = *" $(basename "$file" .c) "* ]] || sources+=("$file")
	done
	expect "$name: compiles" 0 '!err:.' -- gcc -std=gnu11 -O2 -Wall -Wextra -Werror "$@" -Iinclude -I. \
		-I"$PORT/ports" -I"$platform" "$PORT/mini/platform.c" "$PORT/ports/port.c" \
		"$PORT/ports/$port/main.c" "${sources[@]}" -o "$WORK/$port"
}

test_ports()
{
	port_builds "an allocator of the platform's own" allocator "$PORT/mini" "$OPTIONAL $ALLOCATOR" &&
		expect "an allocator of the platform's own: works" 0 'out:^allocator: no frame is lost$' -- \
			"$WORK/allocator"
	port_builds "handlers that allocate" interrupts "$PORT/ports/interrupts" "$OPTIONAL" &&
		expect "handlers that allocate: work" 0 'out:no frame is lost$' -- timeout 60 "$WORK/interrupts" 2000
	port_builds "handlers that allocate, without the hook" interrupts "$PORT/ports/interrupts" "$OPTIONAL" \
		-DPLATFORM_IRQ_SAVE=0 -DPAGEMETA_DEBUG=1 &&
		expect "handlers that allocate, without the hook: the debug build aborts" 134 \
			'err:in an interrupt handler$' -- timeout 60 "$WORK/interrupts" 2000
	test_mistakes
}

test_mistakes()
{
	local mistake wanted

	port_builds "mistakes, debug build" mistakes "$PORT/ports/interrupts" "$OPTIONAL" -DPLATFORM_IRQ_SAVE=0 \
		-DPAGEMETA_DEBUG=1 || return
	"$WORK/mistakes" >"$WORK/mistakes.txt"
	check "there are mistakes to make" line_count "$WORK/mistakes.txt" 15
	while read -r mistake; do
		case $mistake in
		*_none) wanted='an empty handle$' ;;
		*permanent*) wanted='drop of a frame of a permanent type$' ;;
		*) wanted='in an interrupt handler$' ;;
		esac
		expect "mistake: $mistake" 134 "err:$wanted" '!out:noticed' -- "$WORK/mistakes" "$mistake"
	done <"$WORK/mistakes.txt"
}

# cplusplus_includes FLAG... HEADER: a file of C++ that does.
cplusplus_includes()
{
	expect "C++ includes ${!#}, ${*:1:$#-1}" 0 -- g++ -std=gnu++17 -Wall -Wextra -Werror -fsyntax-only \
		-I"$ROOT/include" -I"$ROOT" "${@:1:$#-1}" "$WORK/header.cc"
}

test_cplusplus()
{
	local header

	cat >"$WORK/header.cc" <<-'END'
		extern "C" {
		#include "pagemeta/segment.h"
		#include "pagemeta/unique.h"
		struct page_meta { uint64_t inode; uint32_t index; };
		extern const struct meta_type meta_type_page;
		FRAME_HANDLE(page);
		SEGMENT_HANDLE(page);
		}
		bool use(page_frame_t *typed)
		{
			const page_meta meta = {1, 2};
			frame_t frame = frame_alloc_zeroed(page, &meta);
			unique_frame_t unique = unique_alloc(page, &meta);
			unique_set(unique, page, index, 3u);
			frame_put(unique_share(unique));
			return frame_meta(frame, page)->inode == 1 && page_frame_from(frame_get(frame), typed);
		}
	END
	cplusplus_includes -Itests/portable/mini "and uses segment.h, unique.h"

	for header in "$ROOT"/pagemeta/*.h; do
		echo "#include \"$header\"" >"$WORK/header.cc"
		cplusplus_includes -Ivmm -Ivmm/platform "${header#"$ROOT/"}"
		[[ " $OPTIONAL " = *" $(basename "$header" .h) "* ]] ||
			cplusplus_includes -Itests/portable/mini "${header#"$ROOT/"}"
	done
}

cd "$ROOT" || exit 1
skip_all_for "the library on other machines" "$(missing_program)"
test_runner
test_mini
test_ports
test_cplusplus
test_library
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs all of `make bench` to its end, with as little work as possible, for seconds: the figures mean nothing, but each row
# with a bar must get a verdict. Then hosts that lack something, and a benchmark that breaks. Usage: bench.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ALL=$ROOT/tests/bench/all.sh
LIMIT=$((LIMIT * 10))
COUNTS='^[0-9]+ met, [0-9]+ missed, [0-9]+ not settled, [0-9]+ not tried here, 0 failed$'

[ -x "$BUILD/bench-boot" ] || {
	echo "no benchmarks in $BUILD; make test PARTS=bench builds them first" >&2
	exit 2
}

# Whether each line with a bar outside of the table ends with its interval and verdict; for check.
has_verdicts()
{
	sed '/^== all rows/,$d' "$OUT" | awk '
		/[<>]=[0-9]/ && !/ -?[0-9.]+ \[-?[0-9.]+, -?[0-9.]+\] [<>]=[0-9.]+ (met|MISSED|not settled)$/ { bad = 1 }
		END { exit bad }'
}

# Whether the table has as many rows as there are verdicts, and its last line adds up to the same; for check.
has_all_rows()
{
	local verdicts rows sum

	verdicts=$(sed '/^== all rows/,$d' "$OUT" | grep -cE ' (met|MISSED|not settled)$|: not tried here: |: failed: ')
	rows=$(sed '1,/^== all rows/d' "$OUT" | grep -c '^  ')
	sum=$(tail -n 1 "$OUT" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum }')
	[ "$verdicts" -gt 0 ] && [ "$rows" -eq "$verdicts" ] && [ "$sum" -eq "$verdicts" ]
}

# check_table NAME
check_table()
{
	check "$1: each bar has its verdict" has_verdicts
	check "$1: the table has all rows" has_all_rows
}

test_all()
{
	need_vm "all benchmarks"
	expect "all benchmarks" 0 'out:the guest is run by: ' 'out:^exec to ready' 'out:^-- trace ' 'out:^64 MiB|^ 64 MiB' \
		'out:^section of the memory map ' 'out:^level 1 at 10 Hz ' 'out:way +ms|ways to a QEMU' \
		'out:^metadata init, a slot ' 'out:^failing beside 10.6 ' 'out:^parking a block, a frame ' \
		'out:^claiming, whole blocks ' 'out:^taking, every other ' 'out:^calls for each run, mixed runs .* <=1 met' \
		'out:^churn, CPUs 1 ' 'out:^leak +1/1 ' "out:$COUNTS" -- \
		env BENCH_SMALL=1 "$ALL" "$BUILD"
	check_table "all benchmarks"
}

# All that needs a VM says so instead.
test_no_vm()
{
	# shellcheck disable=SC2016 # expanded in there
	local hidden='mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && ln -s /proc/self/fd /dev/fd && exec "$@"'

	if [ "$(id -u)" -ne 0 ] || ! unshare -m mount -t tmpfs none /mnt 2>"$ERR"; then
		skip "a host without VMs" "needs root and a mount namespace"
		return
	fi
	mkdir "$WORK/bin"
	cp -s /usr/sbin/* /usr/bin/* "$WORK/bin" 2>/dev/null
	rm -f "$WORK/bin"/qemu-*
	expect "a host without VMs" 0 'out:^  boot: all rows .no /dev/kvm' 'out:^  microvm: exec to ready .no ' \
		'out:^  guest: all rows ' 'out:^  linux: all rows ' 'out:^  exits: all rows .no /dev/kvm' "out:$COUNTS" -- unshare -m sh -c "$hidden" sh env PATH="$WORK/bin" BENCH_SMALL=1 \
		SECTIONS="boot microvm noticed sources linux guest scenarios claims exits detection" "$ALL" "$BUILD"
	check_table "a host without VMs"
}

# The rows of two CPUs; SECTIONS with these alone would still measure the others for seconds.
test_one_cpu()
{
	local cpu

	cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
	expect "a host with one CPU" 0 'out:^own frames: not tried here: one CPU' '!out:own frames  ' -- \
		taskset -c "$cpu" "$BUILD/bench-frames" 2
}

# A benchmark that breaks is a row of its own, the others run, and the status tells.
test_broken()
{
	mkdir "$WORK/broken"
	cp -s "$BUILD"/* "$WORK/broken" 2>/dev/null
	ln -sf /bin/false "$WORK/broken/bench-growth"
	expect "a benchmark that breaks" 1 'out:^  growth: all further rows .status 1' 'out:^== microvm' 'out:, 1 failed$' -- env BENCH_SMALL=1 SECTIONS="growth microvm" "$ALL" "$WORK/broken"
}

test_no_vm
test_one_cpu
test_broken
test_all
finish

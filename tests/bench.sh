#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs all of `make bench` to its end, with as little work as possible, for seconds. The figures mean nothing. Usage:
# bench.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "benchmarks"
[ -x "$BUILD/bench-boot" ] || {
	echo "no benchmarks in $BUILD; make test PARTS=bench builds them first" >&2
	exit 2
}
LIMIT=$((LIMIT * 10)) expect "all benchmarks" 0 'out:the guest is run by: ' 'out:our VMM beside|^exec to ready, ms ' \
	'out:^-- trace ' 'out:^64 MiB|^ 64 MiB' 'out:^section of the memory map ' 'out:^level 1 at 10 Hz ' \
	'out:way +ms|ways to a QEMU' 'out:^metadata init, a slot ' 'out:^trace on ' 'out:^leak +1/1 ' -- \
	env BENCH_SMALL=1 "$ROOT/tests/bench/all.sh" "$BUILD"
finish

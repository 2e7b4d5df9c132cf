#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Steps of a guest's vCPUs from the planting of each fault until something finds it: the median of several seeds.
# Usage: [SEEDS=N] [OPS=N] [PLANT=FAULT] detection.sh [BUILD]
#
# Prints the table at the end of `pagevisor stress`. The bar: every planted fault is found.
set -u
# shellcheck source=verdict_lib.sh
. "$(dirname "$0")/verdict_lib.sh"

BUILD=${1:-build}
SEEDS=${SEEDS:-5}
OPS=${OPS:-60000}
PLANT=${PLANT:-all}
FOUND=4 # the exit status of a run with findings

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-bench.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

"$BUILD/pagevisor" stress mix --plant "$PLANT" --seeds "$SEEDS" --ops "$OPS" --memory 32M --check-every 1 --quiet \
	>"$WORK/out" 2>"$WORK/errors"
status=$?
# 0: nothing was found at all.
if [ "$status" -ne "$FOUND" ] && [ "$status" -ne 0 ]; then
	echo "detection.sh: status $status of stress, $FOUND was expected: $(tail -n 1 "$WORK/errors")" >&2
	exit 1
fi
sed -n '/^fault /,$p' "$WORK/out"
# "verdict 60 of 60 rounds found something"
printf 'rounds that found something '
sed -nE 's/^verdict +([0-9]+) of ([0-9]+) rounds found something.*/\1 \2/p' "$WORK/out" |
	awk '{ print $1 / $2 }' | verdict ">=" 1

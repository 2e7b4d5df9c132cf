#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Fuzzes the readers of hostile bytes: each target, fuzz/TARGET.c, takes its corpus, and then FUZZ_SECONDS seconds (3) of
# mutations. Two run at a time. A failing input is kept under build/fuzz, to be run with `build/fuzz/TARGET FILE`.
# Usage: [FUZZ_SECONDS=N] [TARGETS="NAME..."] fuzz.sh [BUILD]
FUZZ_SECONDS=${FUZZ_SECONDS:-3}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

LIMIT=$((FUZZ_SECONDS + 120))
AT_A_TIME=2
FUZZ=$ROOT/tests/fuzz

# All files with an entry point.
read -r -a targets <<<"${TARGETS:-$(grep -l '^int LLVMFuzzerTestOneInput' "$FUZZ"/*.c | sed 's|.*/||; s/\.c$//' | xargs)}"

# Started by make test, whose variables and jobs are not for this make.
BUILD_TARGETS=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory -j2 WERROR=1 fuzz-targets)

clang_problem()
{
	command -v clang >/dev/null || {
		echo "no clang here"
		return
	}
	echo 'int LLVMFuzzerTestOneInput(const char *d, long n); int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' |
		clang -fsanitize=fuzzer,address -x c - -o "$WORK/probe" 2>/dev/null ||
		echo "clang has no libFuzzer here (libclang-rt-14-dev)"
}

problem=$(clang_problem)
if [ -n "$problem" ]; then
	skip "fuzzing" "$problem"
	finish
fi
LIMIT=$BUILD_LIMIT expect "the fuzz targets build" 0 -- "${BUILD_TARGETS[@]}" || finish

# start_target TARGET: what it finds worth keeping goes to a folder of its own, never to the corpus.
start_target()
{
	local corpora=("$WORK/found-$1")

	mkdir -p "${corpora[0]}"
	[ ! -d "$FUZZ/corpus/$1" ] || corpora+=("$FUZZ/corpus/$1")
	TMPDIR=$WORK start "$1" "$ROOT/build/fuzz/$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$ROOT/build/fuzz/$1-" -max_len=8192 "${corpora[@]}"
}

# end_target TARGET: libFuzzer says at the end how many inputs it ran.
end_target()
{
	await "$1"
	last_command=("build/fuzz/$1" "of a file that the output names")
	judge "$1: its corpus, and $FUZZ_SECONDS seconds" 0 'Done [1-9][0-9]* runs'
}

for ((i = 0; i < ${#targets[@]}; i += AT_A_TIME)); do
	for target in "${targets[@]:i:AT_A_TIME}"; do
		start_target "$target"
	done
	for target in "${targets[@]:i:AT_A_TIME}"; do
		end_target "$target"
	done
done
finish

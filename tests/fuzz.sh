#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Fuzzes the readers of hostile bytes, each target for SECONDS seconds (10). A failing input is kept under build/fuzz,
# to be run with `build/fuzz/TARGET FILE`. Usage: fuzz.sh [BUILD]
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

LIMIT=$((FUZZ_SECONDS + 120))
TARGETS=(fuzz_capture fuzz_guest_view)

# Started by make test, whose variables and jobs are not for this make.
BUILD_TARGETS=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory -j2 fuzz-targets)

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
for target in "${TARGETS[@]}"; do
	mkdir -p "$WORK/$target"
	expect "$target, $FUZZ_SECONDS seconds" 0 -- "$ROOT/build/fuzz/$target" -max_total_time="$FUZZ_SECONDS" \
		-timeout=10 -rss_limit_mb=2048 -artifact_prefix="$ROOT/build/fuzz/" -max_len=8192 "$WORK/$target"
done
finish

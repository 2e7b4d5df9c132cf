#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs all tests, or those that are named, and adds up their counts. Usage: run.sh BUILD [PART...]
# The variable PARTS names them, too, for `make test PARTS=kvm`; README.md lists them.
set -u

TESTS=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$TESTS")
ALL_PARTS=(
	unit
	sanitizers
	model
	kvm
	accel
	torn
	attach
	inspect
	find_map
	watch
	trace
	top
	check
	capture
	fuzz
	negative
	hostile
	signals
	bad_input
	qemu
	stress
	qemu_source
	svm
	libvirt
	man
	completion
	install
	readme
	compile_fail
	soak_test
)

BUILD=$(cd "${1:-$ROOT/build}" && pwd) || exit 2
shift $(($# > 0))
read -r -a parts <<<"${PARTS:-${*:-${ALL_PARTS[*]}}}"

output=$(mktemp "${TMPDIR:-/tmp}/pagevisor-tests.XXXXXX")
trap 'rm -f "$output"' EXIT

passed=0
failed=0
skipped=0

# Started by make test, whose variables and jobs are not for the make in here.
run_sanitizers()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory -j "$(nproc)" \
		test-sanitizers
}

run_part()
{
	case $1 in
	unit) "$BUILD/unit-tests" ;;
	sanitizers) run_sanitizers ;;
	*) "$TESTS/$1.sh" "$BUILD" ;;
	esac
}

# "PASSED FAILED SKIPPED" of a part's output: the last line of a script of ours, or Check's line for
# each run of the unit tests.
counts()
{
	awk '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; skipped += $5 }
	     /^[0-9]+%: Checks: / { passed += $3 - $5 - $7; failed += $5 + $7 }
	     END { print passed + 0, failed + 0, skipped + 0 }' "$output"
}

# run_and_count PART
run_and_count()
{
	local start=$SECONDS status more_passed more_failed more_skipped

	echo "== $1"
	run_part "$1" 2>&1 | tee "$output"
	status=${PIPESTATUS[0]}
	echo "== $1: $((SECONDS - start)) s"
	echo
	read -r more_passed more_failed more_skipped < <(counts)
	# A part that broke off has no failed test to show for it.
	if [ "$status" -ne 0 ] && [ "$more_failed" -eq 0 ]; then
		echo "FAIL $1: exit status $status"
		more_failed=1
	fi
	passed=$((passed + more_passed))
	failed=$((failed + more_failed))
	skipped=$((skipped + more_skipped))
}

for part in "${parts[@]}"; do
	case " ${ALL_PARTS[*]} " in
	*" $part "*) ;;
	*)
		echo "run.sh: no part \"$part\"; there are: ${ALL_PARTS[*]}" >&2
		exit 2
		;;
	esac
done
for part in "${parts[@]}"; do
	run_and_count "$part"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The tests that need /dev/kvm, on a machine with SVM that QEMU emulates: mainline KVM, where ring 0 is native and
# exceptions are delivered, on any host. Parts that need building are built first. A guest does the same in all parts
# that run one, so each run of all tests only takes two of them; SVM_PARTS names others.
# Usage: [SVM_PARTS="kvm attach check torn"] [TOTAL_LIMIT=SECONDS] svm.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

TESTS=$ROOT/tests

# Time limits in the emulated machine, in seconds: for each command, for all of them, and for silence, after which the
# machine counts as locked up. Other parts have commands that may be silent for their whole time.
if [ -n "${SVM_PARTS:-}" ]; then
	COMMAND_LIMIT=600
	TOTAL_LIMIT=${TOTAL_LIMIT:-3600}
	quiet=$COMMAND_LIMIT
else
	SVM_PARTS="signals negative"
	COMMAND_LIMIT=200
	TOTAL_LIMIT=${TOTAL_LIMIT:-400}
	quiet=120
fi

if ! command -v qemu-system-x86_64 >/dev/null; then
	skip "SVM" "no qemu-system-x86_64 here"
	finish
fi
need_guests
export SVM_IMAGE=$ROOT/build/svm
if ! "$TESTS/svm/image.sh" "$SVM_IMAGE"; then
	skip "SVM" "no kernel to be had for it"
	finish
fi
echo "$(cat "$SVM_IMAGE/name") on QEMU's TCG"

# How the emulator's rare fault shows in a guest when its two threads race: a page fault on a mapped page, first in the
# middle of a run, then in the handler of that fault. A real fault in the guest also shows in the last try.
emulator_fault="KVM_EXIT_SHUTDOWN, a triple fault, at rip 0xfff0"

# Its tests count as ours: each of its lines is shown as it comes, and the last line of run.sh has the counts.
# shellcheck disable=SC2016 # expanded in there
inside='"$0/run.sh" "$1" $2; status=$?; "$1/pagevisor" stress mix --time 10 --inspectors 1 || status=1; exit $status'
"$TESTS/svm/run.sh" -t "$TOTAL_LIMIT" -q "$quiet" -e "$emulator_fault" env LIMIT="$COMMAND_LIMIT" COUNT=20000 JOBS=1 \
	bash -c "$inside" "$TESTS" "$BUILD" "$SVM_PARTS" |
	tee "$WORK/all" | sed -u 's/^\([0-9]* passed, .*\)/in all: \1/'
status=${PIPESTATUS[0]}
# From the last try.
awk '/^svm: try / { last = ""; next } { last = last $0 "\n" } END { printf "%s", last }' "$WORK/all" >"$OUT"
read -r passed failed skipped < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\1 \2 \3/p' "$OUT" | tail -n 1)
last_command=()
if [ "$status" -eq 124 ]; then
	passed=0 failed=0 skipped=0
	skip "SVM" "the emulator locked up three times, or was too slow"
	finish
fi
if [ "$status" -gt 1 ] || [ -z "$passed" ]; then
	passed=0 failed=0 skipped=0
	fail "SVM" "its tests ended with status $status"
fi
check "stress in ring 0" grep -q '^verdict   0 of 1 round found something' "$OUT"
finish

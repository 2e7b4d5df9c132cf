#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The torn-read test on /dev/kvm, for a moment: readers that follow the protocol against a guest that changes the slots
# they read, beside readers that leave a part of it out. `make soak` gives it more time. The test ends after COUNT
# reads. Usage: [COUNT=N] torn.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

TORN=$BUILD/torn
COUNT=${COUNT:-2000000}

# reads NAME OPTION...: COUNT reads of changed slots, none of them broken.
reads()
{
	local name=$1

	shift
	expect "$name" 0 "out:^changed slots read: [0-9]{${#COUNT},}" '!out:FAIL' \
		"out:^the guest's counts agree with its slots\$" -- "$TORN" --count "$COUNT" "$@"
}

test_options()
{
	expect "an invalid count" 2 'err:"ten": a number from 1 to' -- "$TORN" --count ten
	expect "a kernel that is not there" 1 'err:^torn: /nowhere: ' -- "$TORN" --kernel /nowhere
}

# The requested number of reads takes longer than a second.
test_limit()
{
	expect "a limit that is too short" 1 'out:^FAIL slot_read had not read enough$' \
		'err:^torn: see above$' -- "$TORN" --count 1000000000000 --limit 1
}

need_kvm "torn reads"
reads "1 vCPU" --cpus 1
reads "2 vCPUs, few frames" --cpus 2 --frames 8 --copies 200 --seed 2
reads "2 readers" --cpus 1 --readers 2 --seed 3
test_limit
test_options
finish

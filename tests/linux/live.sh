#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# A turn of `make soak`: reads of the struct pages of a Linux guest that changes its memory all the time, for as long as is wanted.
# Usage: [SECONDS_WANTED=N] [LINUX_SUITE="trixie"] live.sh [BUILD]
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../background_lib.sh
. "$(dirname "$0")/../background_lib.sh"
# shellcheck source=../linux_lib.sh
. "$(dirname "$0")/../linux_lib.sh"
# The shell would report what it kills.
trap 'kill_all 2>/dev/null' EXIT

SECONDS_WANTED=${SECONDS_WANTED:-30}
LINUX_SUITE=${LINUX_SUITE:-trixie}

need_linux "live reads" "$LINUX_SUITE"
has_linux "$LINUX_SUITE" || finish
# shellcheck disable=SC2046 # several words
check "it boots" boot_linux "$LINUX_SUITE" 512M agent=churn $(shared_ram 512M q35) || finish
LIMIT=$((LIMIT + SECONDS_WANTED)) expect "live reads" 0 'out:^accepted +[1-9][0-9]* reads of hot pages, [1-9]' \
	'out:^judged +[1-9][0-9]* reads of anonymous pages, [1-9]' 'out:^bad +0$' -- \
	"$BUILD/live-reads" "qemu:${pids[qemu]}" 0 "$SECONDS_WANTED"
grep -E "^(hot|accepted|judged)" "$OUT"
finish

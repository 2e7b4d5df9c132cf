#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The command, built with AddressSanitizer and UBSan and then with ThreadSanitizer, in tests that run guests and inspect
# them. Every sanitizer report is a failure, also from a background process (lib.sh). The guest is that of the plain
# build, because sanitizers do not run in it. `make test-sanitized` runs more parts. Usage: [SANITIZED_PARTS="trace
# stress"] sanitized.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SANITIZERS="address thread"

PARTS=${SANITIZED_PARTS:-trace watch find_map}

# Under ThreadSanitizer a reader of the trace is too slow for its guest: it gets only some of the newest events,
# sometimes fewer than the tests of the trace want.
declare -A LEFT_OUT=([address]="" [thread]=trace)

need_guests
problem=$(vm_problem)
if [ -n "$problem" ]; then
	skip "sanitized" "$problem"
	finish
fi

# build_with SANITIZER: builds the programs; links the guest and its parts from the plain build.
build_with()
{
	local build=$BUILD/$1 file programs=("build/$1/pagevisor" "build/$1/attach-probe")

	case " ${SANITIZED_PARTS:-} " in *" qemu_source "*) programs+=("build/$1/torn") ;; esac
	case " ${SANITIZED_PARTS:-} " in *" restore "*) programs+=("build/$1/state") ;; esac
	case " ${SANITIZED_PARTS:-} " in *" libvirt "*) programs+=("build/$1/libvirt-watch") ;; esac
	LIMIT=$BUILD_LIMIT expect "it builds with the $1 sanitizer" 0 -- \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory -j2 SANITIZE="$1" \
		"${programs[@]}" || return
	for file in pagevisor-guest.elf trace-guest.elf workloads guests; do
		ln -sfn "../$file" "$build/$file"
	done
}

# run_with SANITIZER: reports its tests as ours; its last line has the counts.
run_with()
{
	local part parts=() more_passed more_failed more_skipped

	for part in $PARTS; do
		[[ " ${LEFT_OUT[$1]} " = *" $part "* ]] || parts+=("$part")
	done
	[ ${#parts[@]} -gt 0 ] || return 0
	env PARTS= JOBS=1 "$ROOT/tests/run.sh" "$BUILD/$1" "${parts[@]}" | tee "$OUT" |
		sed -u "s/^\([0-9]* passed, .*\)/in all, $1 sanitizer: \1/"
	read -r more_passed more_failed more_skipped < <(sed -n \
		's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped, .*/\1 \2 \3/p' "$OUT")
	passed=$((passed + ${more_passed:-0}))
	failed=$((failed + ${more_failed:-1}))
	skipped=$((skipped + ${more_skipped:-0}))
}

for sanitizer in $SANITIZERS; do
	build_with "$sanitizer" && run_with "$sanitizer"
done
finish

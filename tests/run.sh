#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs all tests, or the named parts, adds up their counts, and prints how long each part took.
# Usage: [JOBS=N] run.sh BUILD [PART...]
# The variable PARTS names them, too, for `make test PARTS=kvm`; README.md lists them.
#
# JOBS parts run at a time, by default one more than there are CPUs, because most wait now and then. Each has its own
# files and runtime directory. Output is shown for one part after the other, as it comes. No verdict depends on what
# runs beside a part; those in ALONE_PARTS only take much longer when something does.
set -um

TESTS=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$TESTS")
# The long ones first: then no CPU idles while one of them runs on at the end.
ALL_PARTS=(
	unit_address
	unit
	libvirt
	libvirt_life
	qemu_source
	model
	kvm
	stress
	check
	hostile
	mem_hostile
	fuzz
	portable
	accel
	attach
	sockets
	pauses
	life_cycles
	inspect
	own_type
	docs
	find_map
	watch
	trace
	mem
	two_guests
	memory_map
	top
	capture
	dump
	save
	restore
	negative
	signals
	bad_input
	qemu
	sandbox
	man
	completion
	install
	setup
	bench
	compile_fail
	soak_test
	torn
)
# Only when named: make test-sanitized, make test-svm, make test-linux, make test-host-faults, make test-deb.
LONG_PARTS=(unit_thread sanitized svm linux linux_life linux_check host_faults deb)
ALONE_PARTS="sanitized torn svm"
# Parts that run programs built by another part, or boot its kernels, start when that one has ended.
declare -A AFTER=([soak_test]=unit_address [linux_life]=linux [linux_check]=linux_life)

BUILD=$(cd "${1:-$ROOT/build}" && pwd) || exit 2
shift $(($# > 0))
read -r -a parts <<<"${PARTS:-${*:-${ALL_PARTS[*]}}}"
JOBS=${JOBS:-$(($(nproc) + 1))}
LOOK_SECONDS=0.2 # how often output is shown

work=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-tests.XXXXXX")
trap 'rm -rf "$work"' EXIT

passed=0
failed=0
skipped=0

# run_make TARGET: started by make test, whose variables and jobs are not for this make.
run_make()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory -j "$(nproc)" "$1"
}

run_part()
{
	case $1 in
	unit) "$BUILD/unit-tests" ;;
	unit_address | unit_thread) run_make "test-${1/_/-}" ;;
	*) "$TESTS/$1.sh" "$BUILD" ;;
	esac
}

# begin PART: starts it in the background, in its own process group.
begin()
{
	{
		TIMEFORMAT='%R %U %S'
		{ time run_part "$1" 2>&3 3>&-; } 3>&2 2>"$work/$1.time"
		echo "$? $(<"$work/$1.time")" >"$work/$1.ending"
		mv "$work/$1.ending" "$work/$1.end"
	} >"$work/$1.out" 2>&1 </dev/null &
	group[$1]=$!
}

is_alone()
{
	[[ " $ALONE_PARTS " = *" $1 "* ]]
}

# Whether the parts now running must end before this part begins.
must_wait()
{
	local first=${AFTER[$1]:-}

	is_alone "$1" || { [ -n "$first" ] && [ -n "${group[$first]:-}" ] && [ ! -e "$work/$first.end" ]; }
}

# Parts that have begun and not ended: sets $running, and $busy when nothing may run beside them.
look_at_running()
{
	local part lives

	running=0 busy=
	for part in "${parts[@]:0:begun}"; do
		lives=1
		kill -0 "${group[$part]}" 2>/dev/null || lives=
		[ ! -e "$work/$part.end" ] || continue
		# Killed without any output.
		[ -n "$lives" ] || echo "1 0 0 0" >"$work/$part.end"
		running=$((running + 1))
		! is_alone "$part" || busy=1
	done
}

# Begins as many parts as allowed.
begin_more()
{
	while [ "$begun" -lt "${#parts[@]}" ]; do
		look_at_running
		[ "$running" -lt "$JOBS" ] && [ -z "$busy" ] || return 0
		[ "$running" -eq 0 ] || ! must_wait "${parts[begun]}" || return 0
		begin "${parts[begun]}"
		begun=$((begun + 1))
	done
}

# follow PART: prints its output until it has ended.
follow()
{
	local shown=0 size ended=

	echo "== $1"
	until [ -n "$ended" ]; do
		begin_more
		[ ! -e "$work/$1.end" ] || ended=1
		size=$(stat -c %s "$work/$1.out")
		if [ "$size" -gt "$shown" ]; then
			tail -c "+$((shown + 1))" "$work/$1.out" | head -c "$((size - shown))"
			shown=$size
		elif [ -z "$ended" ]; then
			sleep "$LOOK_SECONDS"
		fi
	done
}

stop()
{
	local part

	set +m # do not report ended jobs

	for part in "${parts[@]:0:begun}"; do
		[ -e "$work/$part.end" ] || kill -TERM -- "-${group[$part]}" 2>/dev/null
	done
	exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM

# Prints "PASSED FAILED SKIPPED" of a part's output: from the last line of a script of this folder, or from Check's line
# for each run of the unit tests.
counts()
{
	awk '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; skipped += $5 }
	     /^[0-9]+%: Checks: / { passed += $3 - $5 - $7; failed += $5 + $7 }
	     END { print passed + 0, failed + 0, skipped + 0 }' "$work/$1.out"
}

# The lines of a part's output that name the failures: of a script's tests, or of Check's.
failures()
{
	grep -aE '^FAIL |^[^ ]+:[0-9]+:[FE]:' "$work/$1.out" | cut -c 1-200 | sed "s/^/$1: /"
}

# follow_and_count PART
follow_and_count()
{
	local status seconds user system more_passed more_failed more_skipped

	follow "$1"
	read -r status seconds user system <"$work/$1.end"
	echo "== $1: $seconds s"
	echo "$1 $seconds $user $system" >>"$work/seconds"
	echo
	read -r more_passed more_failed more_skipped < <(counts "$1")
	# A part that broke off has no failed test to show for it.
	if [ "$status" -ne 0 ] && [ "$more_failed" -eq 0 ]; then
		echo "FAIL $1: exit status $status" | tee -a "$work/$1.out"
		more_failed=1
	fi
	[ "$more_failed" -eq 0 ] || failures "$1" >>"$work/failures"
	passed=$((passed + more_passed))
	failed=$((failed + more_failed))
	skipped=$((skipped + more_skipped))
}

# The longest first.
print_seconds()
{
	printf '%-14s %9s %9s\n' part seconds CPU
	sort -k 2,2 -n -r "$work/seconds" | awk '{ printf "%-14s %9.1f %9.1f\n", $1, $2, $3 + $4 }'
	echo
}

declare -A group
begun=0
for part in "${parts[@]}"; do
	case " ${ALL_PARTS[*]} ${LONG_PARTS[*]} " in
	*" $part "*) ;;
	*)
		echo "run.sh: no part \"$part\"; there are: ${ALL_PARTS[*]} ${LONG_PARTS[*]}" >&2
		exit 2
		;;
	esac
done
for part in "${parts[@]}"; do
	follow_and_count "$part"
done
print_seconds
# Repeats the failures, for a reader who only has the end of a long log.
[ "$failed" -eq 0 ] || cat "$work/failures"
echo "$passed passed, $failed failed, $skipped skipped, $SECONDS s"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# capture and diff from the command line: captures of running guests, inspected like a VM; truncated or damaged files; a
# full disk; captures that are killed while the guest is paused. Usage: capture.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

FLIPS=200
SEED=${PAGEVISOR_SEED:-1}

vm_pid=

end_all()
{
	[ -z "$vm_pid" ] || kill -KILL "$vm_pid" 2>/dev/null
	wait 2>/dev/null
	clean_up
}
trap end_all EXIT

# start_vm NAME OPTION...: starts a VM; returns when its workload runs.
start_vm()
{
	local name=$1

	shift
	"$PAGEVISOR" run --name "$name" --time 0 --quiet "$@" >"$WORK/$name" 2>&1 </dev/null &
	vm_pid=$!
	! within has_stage "$name" running || return 0
	fail "$name starts" "it did not get to running"
	finish
}

# end_vm NAME: the VM must end in good order, with no finding.
end_vm()
{
	kill -INT "$vm_pid"
	status=0
	wait "$vm_pid" || status=$?
	vm_pid=
	cp "$WORK/$1" "$OUT"
	: >"$ERR"
	last_command=(run --name "$1")
	judge "$1 ends in good order, with no finding" 0 'out:ended well' 'out:findings  none'
}

steps()
{
	"$PAGEVISOR" stat "$1" --json 2>/dev/null | sed -n 's/.*"steps":\([0-9]*\).*/\1/p'
}

has_more_steps()
{
	local now

	now=$(steps "$1")
	[ "${now:-0}" -gt "$2" ]
}

# Whether the guest makes progress.
goes_on()
{
	local before

	before=$(steps "$1")
	within has_more_steps "$1" "${before:?}"
}

smaller_than()
{
	[ "$(stat -c %s "$1")" -lt "$2" ]
}

# The output of stat, without the time it took.
stat_text()
{
	"$PAGEVISOR" stat "$1" | sed 's/ at .* slots\?\/s//; s/^scans .*//'
}

agrees_with_itself()
{
	stat_text "$1" >"$WORK/first" && stat_text "$1" >"$WORK/second" && [ -s "$WORK/first" ] &&
		cmp -s "$WORK/first" "$WORK/second"
}

only_file_is()
{
	[ "$(ls -A "$1")" = "$2" ]
}

test_bad_input()
{
	expect "capture without a file" 2 'err:expected a FILE to write' -- "$PAGEVISOR" capture
	expect "capture of no VM" 1 'err:no VM named nobody is running' -- "$PAGEVISOR" capture "$WORK/x.pvc" nobody
	expect "diff of one" 2 'err:expected two to compare' -- "$PAGEVISOR" diff a.pvc
	expect "diff of no file" 1 'err:cannot open ./nothing: No such file' -- "$PAGEVISOR" diff ./nothing ./nothing
	expect "stat of no file" 1 'err:cannot open nothing.pvc: No such file' -- "$PAGEVISOR" stat nothing.pvc
	check "stat of no file: one line" says_one_line
	echo "no capture" >"$WORK/text.pvc"
	expect "stat of another file" 1 'err:not a valid capture file' -- "$PAGEVISOR" stat "$WORK/text.pvc"
	check "stat of another file: one line" says_one_line
	expect "stat of a folder" 1 'err:it is not a file' -- "$PAGEVISOR" stat "$WORK/"
}

test_running_guest()
{
	local a=$WORK/a.pvc b=$WORK/b.pvc full=$WORK/full.pvc

	expect_pause "capture of a running guest" 0 'out:^paused +[0-9]+ us' 'out:^captured  one: ' -- \
		"$PAGEVISOR" capture "$a" one
	expect_pause "capture, --json" 0 'out:"paused_ns":[1-9]' 'out:"all_memory":false' -- \
		"$PAGEVISOR" capture --json "$b" one
	expect_pause "capture with a whole pause" 0 'for the whole copy' -- "$PAGEVISOR" capture --whole-pause "$b" one
	check "the guest goes on" goes_on one
	expect "stat of a capture" 0 'out:^vm        one' 'out:^findings  none$' 'out:0 retried, 0 given up' -- \
		"$PAGEVISOR" stat "$a"
	check "captures are of one instant" are_of_one_instant
	check "a capture agrees with itself" agrees_with_itself "$a"
	expect "diff of a capture with itself" 0 'out:; 0 changed$' -- "$PAGEVISOR" diff "$a" "$a"
	expect "diff of two captures" 0 'out:^frames .*[1-9][0-9]* changed$' 'out:^frame 0x' -- \
		"$PAGEVISOR" diff "$a" "$b"
	check "the table of a diff fits 80 columns" [ "$(awk 'length > 80' "$OUT" | grep -cv '^frame 0x')" -eq 0 ]
	expect "diff with a guest that runs, --json" 0 'out:"changes":' 'out:"meta_page":' -- \
		"$PAGEVISOR" diff --json --list 1 "$a" one
	expect_pause "capture of all memory" 0 'all that holds data' -- "$PAGEVISOR" capture --all-memory "$full" one
	expect "stat of a capture of all memory" 0 'out:^findings  none$' -- "$PAGEVISOR" stat "$full"
	expect "capture of a capture" 0 'out:nothing ran' -- "$PAGEVISOR" capture "$b" "$a"
	expect "the two are the same" 0 'out:; 0 changed$' -- "$PAGEVISOR" diff "$a" "$b"
	check "only its owner may read it" [ "$(stat -c %a "$a")" = 600 ]
}

# number NAME: that member of the last output, which is JSON.
number()
{
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$OUT" | head -n 1
}

# Frames that the guest has allocated and not freed, minus those in use: the same in all captures of one guest, give or
# take what each vCPU was about to count. In a copy that is not of one instant the difference grows with the time it
# took.
are_of_one_instant()
{
	local i off lowest='' highest=''

	for ((i = 0; i < 10; i++)); do
		run_command "$PAGEVISOR" capture "$WORK/b.pvc" one
		[ "$status" -eq 0 ] || return 1
		run_command "$PAGEVISOR" stat --json "$WORK/b.pvc"
		[ "$status" -eq 0 ] || return 1
		off=$(($(number allocations) - $(number frees) - $(number shared) - $(number unique)))
		[ -n "$lowest" ] && [ "$lowest" -le "$off" ] || lowest=$off
		[ -n "$highest" ] && [ "$highest" -ge "$off" ] || highest=$off
	done
	[ $((highest - lowest)) -le 4 ]
}

# damaged_is_refused FILE: one line, status 1.
damaged_is_refused()
{
	run_command "$PAGEVISOR" stat "$1"
	[ "$status" -eq 1 ] && says_one_line
}

test_cut_files()
{
	local size at

	size=$(stat -c %s "$WORK/a.pvc")
	for ((at = 0; at < size; at += at < 700 ? 53 : size / 40)); do
		head -c "$at" "$WORK/a.pvc" >"$WORK/cut.pvc"
		damaged_is_refused "$WORK/cut.pvc" || {
			fail "a cut file is refused" "cut at $at of $size"
			return
		}
	done
	pass "a cut file is refused"
}

# Flips one byte at a time: the file is refused, or it made no difference.
test_flipped_bytes()
{
	local size at i value

	stat_text "$WORK/a.pvc" >"$WORK/good"
	size=$(stat -c %s "$WORK/a.pvc")
	RANDOM=$SEED
	for ((i = 0; i < FLIPS; i++)); do
		at=$(((RANDOM * 32768 + RANDOM) % (i % 4 ? size : 700)))
		value=$(od -An -tu1 -j "$at" -N 1 "$WORK/a.pvc")
		cp "$WORK/a.pvc" "$WORK/flip.pvc"
		printf '%b' "\\$(printf '%03o' $((value ^ (1 + RANDOM % 255))))" |
			dd of="$WORK/flip.pvc" bs=1 seek="$at" conv=notrunc status=none
		damaged_is_refused "$WORK/flip.pvc" || {
			stat_text "$WORK/flip.pvc" | cmp -s - "$WORK/good" || {
				fail "flipped bytes are found" "byte $at, PAGEVISOR_SEED=$SEED"
				return
			}
		}
	done
	pass "flipped bytes are found ($FLIPS)"
}

# A file system of 8 KiB, which only root can make. The limit on file sizes applies to the copy before the file.
test_full_disk()
{
	local folder=$WORK/folder

	mkdir "$folder"
	cp "$WORK/a.pvc" "$folder/a.pvc"
	expect "a limit on the size of files" 1 'err:File too large' -- \
		bash -c "ulimit -f 8; exec $PAGEVISOR capture $folder/a.pvc one"
	check "a limit on the size of files: one line" says_one_line
	check "a limit on the size of files leaves nothing" only_file_is "$folder" a.pvc
	check "a limit on the size of files leaves what was there" cmp -s "$WORK/a.pvc" "$folder/a.pvc"
	if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
		expect "a full disk" 1 'err:cannot write the capture: No space left' 'out:^only old$' -- \
			unshare -m bash -c "mount -t tmpfs -o size=8k tmpfs $folder && cd $folder && echo x >old &&
				{ $PAGEVISOR capture $folder/a.pvc one; status=\$?; echo only *; exit \$status; }"
	else
		skip "a full disk" "only root can mount a small one"
	fi
	check "the guest goes on after a full disk" goes_on one
	expect "a folder that is not there" 1 'err:cannot create' -- \
		"$PAGEVISOR" capture "$folder/none/a.pvc" one
	expect "a device is not replaced" 2 'err:is not a file' -- "$PAGEVISOR" capture /dev/null one
}

test_killed_capture()
{
	local i

	for ((i = 0; i < 20; i++)); do
		# The shell reports the kill on its standard error.
		(timeout -s KILL "0.0$((i + 10))" "$PAGEVISOR" capture --all-memory --whole-pause \
			"$WORK/killed.pvc" one; :) >/dev/null 2>&1
	done
	check "the guest goes on after captures that were killed" goes_on one
	expect_pause "another capture after that" 0 'out:^paused' -- "$PAGEVISOR" capture "$WORK/b.pvc" one
}

test_large_guest()
{
	start_vm large --memory 4G
	expect_pause "capture of 4 GiB" 0 'out:^paused' -- "$PAGEVISOR" capture "$WORK/large.pvc" large
	check "it stays small" smaller_than "$WORK/large.pvc" $((4 << 20))
	expect "stat of it" 0 'out:^guest     4096 MiB' 'out:^findings  none$' -- "$PAGEVISOR" stat "$WORK/large.pvc"
	end_vm large
}

test_bad_input
need_vm "captures of guests"
start_vm one --memory 64M
run_command "$PAGEVISOR" capture "$WORK/a.pvc" one
if [ "$status" -ne 0 ] && matches 'err:cannot do that'; then
	skip "captures of guests" "this VMM cannot pause"
	end_vm one
	finish
fi
judge "a first capture" 0 || finish
test_running_guest
test_cut_files
test_flipped_bytes
test_full_disk
test_killed_capture
end_vm one
test_large_guest
finish

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
	expect "capture of no VM" 1 'err:no VM named .nobody.; pagevisor ps' -- "$PAGEVISOR" capture "$WORK/x.pvc" nobody
	expect "capture with a VM's name instead of a file's" 2 'err:"one" is no name of a capture: expected FILE.pvc' -- \
		"$PAGEVISOR" capture one
	check "a VM's name: no file" [ ! -e one ]
	expect "capture to standard output" 2 'err:cannot go to standard output' -- "$PAGEVISOR" capture - one
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
	local a=$WORK/a.pvc b=$WORK/b.pvc full=$WORK/full.pvc identity

	expect_pause "capture of a running guest" 0 'out:^paused +[0-9]+ us' 'out:^captured  one: ' -- \
		"$PAGEVISOR" capture --force "$a" one
	expect_pause "capture, --json" 0 'out:"paused_seconds":0\.0*[1-9]' 'out:"all_memory":false' -- \
		"$PAGEVISOR" capture --force --json "$b" one
	expect_pause "capture with a whole pause" 0 'for the whole copy' -- "$PAGEVISOR" capture --force --whole-pause "$b" one
	expect "a capture of a capture pauses nothing" 2 "err:--whole-pause has no effect: $a is at rest" -- \
		"$PAGEVISOR" capture --force --whole-pause "$b" "$a"
	check "the guest goes on" goes_on one
	expect "stat of a capture" 0 'out:^vm        one' 'out:^findings  none' 'out:0 retried, 0 given up' -- \
		"$PAGEVISOR" stat "$a"
	expect "a capture says when, where and of what" 0 \
		"out:^captured  $(date -u +%Y)-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z by pagevisor [0-9]" \
		"out:^host      $(uname -s) $(uname -r) $(uname -m)" 'out:^image     0x[0-9a-f]{16}, boot 0x[0-9a-f]{16}$' -- \
		"$PAGEVISOR" stat "$a"
	check "but not the host's name" grep -vq "$(hostname)" "$OUT"
	identity=$(grep '^image' "$OUT")
	expect "of the guest that it was taken of" 0 "out:^$identity\$" -- "$PAGEVISOR" stat one
	expect "a capture in place of an expression" 2 "err:^pagevisor: $a is a capture, not an expression" -- "$PAGEVISOR" find "$a"
	expect "stat --by of another kind of guest" 2 'err:guests of the kind pagevisor have no memory by file' -- \
		"$PAGEVISOR" stat --by file "$a"
	expect "stat --by class" 0 'out:^ +[0-9.]+  meta_page$' 'out:^ +64\.0  in all$' -- "$PAGEVISOR" stat --by class "$a"
	cp "$a" "$WORK/kept.pvc"
	expect "a capture is not replaced unasked" 2 'err:a.pvc exists; --force replaces it' -- \
		"$PAGEVISOR" capture "$a" one
	check "a capture is not replaced unasked: it is unchanged" cmp -s "$a" "$WORK/kept.pvc"
	check "captures are of one instant" are_of_one_instant
	check "a capture agrees with itself" agrees_with_itself "$a"
	expect "diff of a capture with itself" 0 'out:; 0 changed$' -- "$PAGEVISOR" diff "$a" "$a"
	expect "diff of two captures" 0 'out:^A +one, captured 20[0-9-]+T[0-9:]+Z by pagevisor ' 'out:^frames .*[1-9][0-9]* changed$' 'out:^frame 0x' -- \
		"$PAGEVISOR" diff "$a" "$b"
	check "the table of a diff fits 80 columns" [ "$(awk 'length > 80' "$OUT" | grep -cv '^frame 0x')" -eq 0 ]
	expect "diff --by class" 0 'out:^ MiB in A  MiB in B    change        class$' 'out:^\(compared by name\)$' -- \
		"$PAGEVISOR" diff --by class "$a" "$b"
	expect "diff --by class, --json" 0 'out:"growth":' 'out:"compared_figure":"bytes"' -- \
		"$PAGEVISOR" diff --by class --json "$a" one
	expect "diff --by file of another kind of guest" 2 'err:guests of the kind pagevisor have no memory by file: .*--by class$' -- \
		"$PAGEVISOR" diff --by file "$a" "$b"
	expect "diff with a guest that runs, --json" 0 'out:"frames_by_change":' 'out:"type":"meta_page"' -- \
		"$PAGEVISOR" diff --json --list 1 "$a" one
	expect_pause "capture of all memory" 0 'all that holds data' -- "$PAGEVISOR" capture --force --all-memory "$full" one
	expect "stat of a capture of all memory" 0 'out:^findings  none' -- "$PAGEVISOR" stat "$full"
	expect "capture of a capture" 0 'out:nothing ran' -- "$PAGEVISOR" capture --force "$b" "$a"
	expect "the two are the same" 0 'out:; 0 changed$' -- "$PAGEVISOR" diff "$a" "$b"
	# Whoever believed that it has all memory would find that everything is lost.
	expect "a capture of all that the metadata alone has" 0 'out:^captured .*, the metadata alone$' -- \
		"$PAGEVISOR" capture --force --all-memory "$b" "$a"
	expect "it is one of the metadata alone" 0 'out:^metadata  of all [0-9]+ frames of RAM; their contents were not captured$' '!out:^partial' -- "$PAGEVISOR" stat "$b"
	expect "and check refuses it" 2 'err:holds the metadata alone' -- "$PAGEVISOR" check "$b"
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
		run_command "$PAGEVISOR" capture --force "$WORK/b.pvc" one
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
		bash -c "ulimit -f 8; exec $PAGEVISOR capture --force $folder/a.pvc one"
	check "a limit on the size of files: one line" says_one_line
	check "a limit on the size of files leaves nothing" only_file_is "$folder" a.pvc
	check "a limit on the size of files leaves what was there" cmp -s "$WORK/a.pvc" "$folder/a.pvc"
	if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
		expect "a full disk" 1 'err:cannot write the capture: No space left' 'out:^only old$' -- \
			unshare -m bash -c "mount -t tmpfs -o size=8k tmpfs $folder && cd $folder && echo x >old &&
				{ $PAGEVISOR capture --force $folder/a.pvc one; status=\$?; echo only *; exit \$status; }"
	else
		skip "a full disk" "only root can mount a small one"
	fi
	check "the guest goes on after a full disk" goes_on one
	expect "a folder that is not there" 1 'err:cannot create' -- \
		"$PAGEVISOR" capture --force "$folder/none/a.pvc" one
	expect "a device is not replaced" 2 'err:is not a file' -- "$PAGEVISOR" capture /dev/null one
}

test_killed_capture()
{
	local i

	for ((i = 0; i < 20; i++)); do
		# The shell reports the kill on its standard error.
		(timeout -s KILL "0.0$((i + 10))" "$PAGEVISOR" capture --force --all-memory --whole-pause \
			"$WORK/killed.pvc" one; :) >/dev/null 2>&1
	done
	check "the guest goes on after captures that were killed" goes_on one
	expect_pause "another capture after that" 0 'out:^paused' -- "$PAGEVISOR" capture --force "$WORK/b.pvc" one
}

test_large_guest()
{
	start_vm large --memory 4G
	expect "a diff of two guests says that they are two" 0 'err:^pagevisor: A and B are of two boots of a guest, or of two guests$' -- \
		"$PAGEVISOR" diff "$WORK/a.pvc" large
	expect_pause "capture of 4 GiB" 0 'out:^paused' -- "$PAGEVISOR" capture --force "$WORK/large.pvc" large
	check "it stays small" smaller_than "$WORK/large.pvc" $((4 << 20))
	expect "stat of it" 0 'out:^guest     4096 MiB' 'out:^findings  none' -- "$PAGEVISOR" stat "$WORK/large.pvc"
	if is_sanitized; then
		skip "stat of it in 200 MB of address space" "sanitizers need more"
	else
		expect "stat of it in 200 MB of address space" 0 'out:^findings  none' -- \
			bash -c 'ulimit -v 200000; exec "$@"' sh "$PAGEVISOR" stat "$WORK/large.pvc"
	fi
	test_budgets
	test_damaged_chunk
	end_vm large
}

# A guest whose 64 MiB of metadata do not fit.
test_budgets()
{
	local command over='err:the budget has [0-9]+ of 16 MiB left; --memory-budget SIZE allows more$'

	for command in "capture $WORK/none.pvc large" "check large" "diff $WORK/large.pvc large"; do
		# shellcheck disable=SC2086  # several words
		expect_pause "$command, with a small budget" 1 "$over" -- "$PAGEVISOR" $command --memory-budget 16M
	done
	check "nothing was written" [ ! -e "$WORK/none.pvc" ]
	check "the guest goes on after that" goes_on large
	expect_pause "a capture of all its memory" 0 -- "$PAGEVISOR" capture --force --all-memory "$WORK/full.pvc" large
	expect "stat of that, with a small budget" 0 'out:^findings  none' -- \
		"$PAGEVISOR" stat --memory-budget 16M "$WORK/full.pvc"
	expect "check of that, with a small budget" 1 "$over" -- "$PAGEVISOR" check --memory-budget 16M "$WORK/full.pvc"
	expect "check of that" 0 'out:^findings  none' -- "$PAGEVISOR" check "$WORK/full.pvc"
	expect "a budget that is too small" 2 'err:--memory-budget 1M: expected a size from 16M to 1024G' -- \
		"$PAGEVISOR" stat --memory-budget 1M "$WORK/full.pvc"
}

# Damage is found when it is read: no command gives a verdict over the rest, and one that reads other parts works.
test_damaged_chunk()
{
	local command

	dd if=/dev/zero of="$WORK/full.pvc" bs=1 count=64 conv=notrunc status=none \
		seek=$(($(stat -c %s "$WORK/full.pvc") * 7 / 10))
	for command in stat check types map "find --count ref>0" "stat --json" "diff $WORK/large.pvc" \
		"capture $WORK/none.pvc"; do
		# shellcheck disable=SC2086  # several words
		run_command "$PAGEVISOR" $command "$WORK/full.pvc"
		judge "${command/$WORK\//} of a capture with a damaged chunk" 1 'err:is not a valid capture file: a chunk'
		check "${command/$WORK\//} of it: one line" line_count "$ERR" 1
	done
	expect "show of a frame elsewhere" 0 'out:^frame     0x1000' -- "$PAGEVISOR" show 0x1000 "$WORK/full.pvc"
}

# A signal while the file is written.
test_signals()
{
	local name

	if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>"$ERR"; then
		skip "captures that a signal ends" "no strace here that may trace"
		return
	fi
	mkdir "$WORK/signals"
	for name in INT TERM HUP QUIT; do
		expect "SIG$name" $((128 + $(kill -l "$name"))) -- strace -f -qq -o /dev/null -e trace=pwrite64 \
			-e "inject=pwrite64:signal=$name:when=1" "$PAGEVISOR" capture --force "$WORK/signals/a.pvc" one
		check "SIG$name: no file is left" [ -z "$(ls -A "$WORK/signals")" ]
	done
}

has_socket()
{
	readlink "/proc/$1/fd/"* | grep -q '^socket:'
}

# On a terminal a capture that takes its time says how far it is. A slow disk makes it take its time.
test_progress()
{
	local slow=(strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:delay_enter=600000:when=1)

	if is_sanitized || ! command -v strace >/dev/null || ! strace -o /dev/null true 2>"$ERR"; then
		skip "progress of a capture" "no strace here that may delay a call"
		return
	fi
	expect_pause "a capture shows its progress" 0 'out:\[K(copying|writing) [0-9]+ of [0-9]+ MiB.*\[Kcaptured  one' -- \
		bash -c "$(on_terminal 120 24 "${slow[*]} \"$PAGEVISOR\" capture --force \"$WORK/slow.pvc\" one")"
	expect_pause "elsewhere it does not" 0 'out:^captured  one' '!(copying|writing)' -- \
		"${slow[@]}" "$PAGEVISOR" capture --force "$WORK/slow.pvc" one
}

# A VM that stands still does not answer; a signal ends the wait for it.
test_signal_while_waiting()
{
	kill -STOP "$vm_pid"
	PAGEVISOR_TIMEOUT=100000 "$PAGEVISOR" capture --force "$WORK/waits.pvc" one >"$OUT" 2>"$ERR" </dev/null &
	running_pid=$!
	within has_socket "$running_pid"
	kill -TERM "$running_pid"
	check "a signal while the VM does not answer ends the command" within_seconds 60 is_over "$running_pid"
	kill -CONT "$vm_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

test_bad_input
need_vm "captures of guests"
start_vm one --memory 64M
run_command "$PAGEVISOR" capture --force "$WORK/a.pvc" one
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
test_signals
test_progress
test_signal_while_waiting
end_vm one
test_large_guest
finish

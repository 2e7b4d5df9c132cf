#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# save from the command line: VMs that run on or end, their files inspected like captures; a full disk; signals, the end
# of the VM and of save while it is held. Usage: save.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"

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

# Whether it makes none, for longer than any other pause lasts.
stands()
{
	local before

	before=$(steps "$1")
	sleep 2.6
	[ "$(steps "$1")" = "${before:?}" ]
}

# number NAME: that member of the last output, which is JSON.
number()
{
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$OUT" | head -n 1
}

# The file is no larger than what is in it, to two per cent.
is_lean()
{
	[ $(($(number file_bytes) * 100)) -le $(($(number data_bytes) * 102)) ]
}

test_bad_input()
{
	expect "save without a file" 2 'err:expected a VM and a FILE to write' -- "$PAGEVISOR" save one
	expect "save with one argument too many" 2 "err:unexpected argument 'two'" -- "$PAGEVISOR" save one "$WORK/a.pvc" two
	expect "save to a name without a slash" 2 'err:"file" is no name of a file of a VM: expected FILE.pvc' -- \
		"$PAGEVISOR" save one file
	expect "save to standard output" 2 'err:cannot go to standard output' -- "$PAGEVISOR" save one -
	expect "save of no VM" 1 'err:no VM named .nobody.' -- "$PAGEVISOR" save nobody "$WORK/a.pvc"
	check "save of no VM: no file" [ ! -e "$WORK/a.pvc" ]
}

test_keep_running()
{
	local file=$WORK/a.pvc

	expect_pause "save --keep-running" 0 'out:^saved     one: [0-9.]+ MiB of its memory, and 2 vCPUs$' \
		'out:^left out  [0-9]+ frames that are not in use$' 'out:^paused    [0-9]+ us; the VM runs on$' -- \
		"$PAGEVISOR" save --force --keep-running one "$file"
	check "the guest goes on" goes_on one
	check "only its owner may read it" [ "$(stat -c %a "$file")" = 600 ]
	expect "a file is not replaced unasked" 2 'err:a.pvc exists; --force replaces it' -- \
		"$PAGEVISOR" save --keep-running one "$file"
	expect_pause "save --json" 0 'out:"keeps_running":true' 'out:"compressed":false' 'out:"machine_bytes":[1-9]' -- \
		"$PAGEVISOR" save --force --keep-running --json one "$file"
	check "the file holds little but what is in use" is_lean
	# What is in use is what the slots say.
	in_file=$(($(number data_bytes) / 4096)) left_out=$(number free_frames_left_out)
	expect "stat of it" 0 'out:"findings":\[\]' -- "$PAGEVISOR" stat --json "$file"
	check "the frames that are left out are those that are free" [ "$(number unused)" = "$left_out" ]
	check "no more than the rest is in it" [ "$in_file" -le $(($(number memory_bytes) / 4096 - left_out)) ]
	expect_pause "save --compress" 0 'out:"compressed":true' -- \
		"$PAGEVISOR" save --force --keep-running --compress --json one "$WORK/small.pvc"
	check "it is smaller" [ $(($(number file_bytes) * 3)) -lt "$(number data_bytes)" ]
}

# looks FILE: what all commands say of it.
looks()
{
	expect "stat of $1" 0 'out:^vm        one' 'out:^findings  none' -- "$PAGEVISOR" stat "$WORK/$1"
	expect "check of $1" 0 'out:^findings  none' -- "$PAGEVISOR" check "$WORK/$1"
	expect "map of $1" 0 'out:frames by type' -- "$PAGEVISOR" map "$WORK/$1"
	expect "types of $1" 0 'out:^meta_page' -- "$PAGEVISOR" types "$WORK/$1"
	expect "find in $1" 0 'out:^[1-9][0-9]*$' -- "$PAGEVISOR" find --count 'type == kernel' "$WORK/$1"
	expect "show in $1" 0 'out:^frame     0x1000' -- "$PAGEVISOR" show 0x1000 "$WORK/$1"
	expect "a capture of $1" 0 'out:nothing ran' -- "$PAGEVISOR" capture --force --all-memory "$WORK/copy.pvc" "$WORK/$1"
	expect "it has the same frames" 0 'out:; 0 changed$' -- "$PAGEVISOR" diff "$WORK/copy.pvc" "$WORK/$1"
	expect "check of the capture" 0 'out:^findings  none' -- "$PAGEVISOR" check "$WORK/copy.pvc"
	expect "diff of $1 with the guest" 0 'out:^frames .* changed$' -- "$PAGEVISOR" diff "$WORK/$1" one
	expect "save of $1" 1 'err:at rest: there is nothing to save$' -- "$PAGEVISOR" save "$WORK/$1" "$WORK/none.pvc"
}

# One line, status 1, however the file is damaged; what zstd ignores makes no difference.
test_damage()
{
	local size at i

	size=$(stat -c %s "$WORK/a.pvc")
	for ((i = 0; i < 40; i++)); do
		at=$((i < 20 ? i * 37 : size * (i - 19) / 21))
		head -c "$at" "$WORK/a.pvc" >"$WORK/cut.pvc"
		run_command "$PAGEVISOR" stat "$WORK/cut.pvc"
		if [ "$status" -ne 1 ] || ! says_one_line; then break; fi
		cp "$WORK/a.pvc" "$WORK/flip.pvc"
		printf '%b' "\\$(printf '%03o' $((0x55 ^ $(od -An -tu1 -j "$at" -N 1 "$WORK/a.pvc"))))" |
			dd of="$WORK/flip.pvc" bs=1 seek="$at" conv=notrunc status=none
		# A plain file has no byte that does not matter.
		run_command "$PAGEVISOR" capture --force --all-memory "$WORK/copy.pvc" "$WORK/flip.pvc"
		if [ "$status" -ne 1 ] || ! says_one_line; then break; fi
	done
	check "a damaged file is refused" [ "$i" -eq 40 ]
}

only_file_is()
{
	[ "$(ls -A "$1")" = "$2" ]
}

test_full_disk()
{
	local folder=$WORK/folder

	mkdir "$folder"
	cp "$WORK/a.pvc" "$folder/a.pvc"
	if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
		expect "a full disk" 1 'err:No space left on device; the VM one runs on$' 'out:^only old$' -- \
			unshare -m bash -c "mount -t tmpfs -o size=1m tmpfs $folder && cd $folder && echo x >old &&
				{ $PAGEVISOR save --force one $folder/a.pvc; status=\$?; echo only *; exit \$status; }"
		check "a full disk: one line" line_count "$ERR" 1
		check "the guest goes on after a full disk" goes_on one
		expect "a full disk, --keep-running" 1 'err:No space left on device; the VM one runs on$' -- \
			unshare -m bash -c "mount -t tmpfs -o size=1m tmpfs $folder && exec \
				$PAGEVISOR save --keep-running one $folder/a.pvc"
		check "the guest goes on after that" goes_on one
	else
		skip "a full disk" "only root can mount a small one"
	fi
	expect "a folder that is not there" 1 'err:cannot create .*; the VM one runs on$' -- \
		"$PAGEVISOR" save one "$folder/none/a.pvc"
	check "the guest goes on after that, too" goes_on one
	check "what was there is unchanged" cmp -s "$WORK/a.pvc" "$folder/a.pvc"
}

# The file has no name yet, and shows in the list of open ones.
is_writing()
{
	find "/proc/${pids[save]}/fd" -lname "$WORK/folder/[#a]*" 2>/dev/null | grep -q .
}

# Begins to save the VM in short slices, and stops save while it writes. The VM is held then.
stop_while_writing()
{
	local i

	for ((i = 0; i < 50; i++)); do
		"$PAGEVISOR" save --force --compress one "$WORK/folder/a.pvc" >"$OUT" 2>"$ERR" &
		pids[save]=$!
		while kill -STOP "${pids[save]}" 2>/dev/null && ! is_writing; do
			kill -CONT "${pids[save]}"
			sleep 0.002
		done
		! is_writing || return 0
		wait "${pids[save]}"
		unset "pids[save]"
		# It was over too soon, and so is the VM.
		await one
		cp "$WORK/a.pvc" "$WORK/folder/a.pvc"
		start_vm one --time 0 --quiet --memory 256M
	done
	return 1
}

# await_save NAME STATUS PATTERN...: lets the stopped save go on.
await_save()
{
	kill -CONT "${pids[save]}"
	status=0
	wait "${pids[save]}" || status=$?
	unset "pids[save]"
	last_command=(save one)
	judge "$@"
}

test_held()
{
	check "a VM is held while the file is written" stop_while_writing
	check "it stands for longer than a pause" stands one
	expect "another looks meanwhile" 0 'out:^findings  none' -- "$PAGEVISOR" stat one
	expect "and checks it: one instant confirms no finding" 0 'out:^findings  none' -- "$PAGEVISOR" check one
	expect "and takes a capture" 0 'out:^paused' -- "$PAGEVISOR" capture --force "$WORK/b.pvc" one
	check "and it still stands" stands one
	stop save
	check "a save that is killed: the guest goes on" goes_on one
	check "and the file is the old one" cmp -s "$WORK/a.pvc" "$WORK/folder/a.pvc"

	check "it is held again" stop_while_writing
	kill -INT "${pids[save]}"
	await_save "Ctrl-C" 130 'err:^pagevisor: interrupted: the VM one is not saved, and runs on$'
	check "Ctrl-C: the guest goes on" goes_on one
	check "Ctrl-C: the file is the old one, alone" only_file_is "$WORK/folder" a.pvc
	check "Ctrl-C: it is unchanged" cmp -s "$WORK/a.pvc" "$WORK/folder/a.pvc"

	check "it is held once more" stop_while_writing
	expect "stop of a VM that is held" 0 'out:has ended' -- "$PAGEVISOR" stop one
	# The VM may have ended after the last byte was written.
	await_save "save of it" 1 'err:^pagevisor: (the VM one has ended before it was saved|.* is written, but the VM one was not ended: .*)$'
	await one
	judge "the VM was stopped, not saved" 143 'out:^result    stopped by signal 15'
	expect "the file is the old one, or whole" 0 'out:^findings  none' -- "$PAGEVISOR" stat "$WORK/folder/a.pvc"
}

# The guest does not run on: its counters in the file are those of its end.
test_end()
{
	local made

	expect "save" 0 'out:^saved     one: ' 'out:^ended     the VM, as it was saved$' -- \
		"$PAGEVISOR" save "$@" --force one "$WORK/end.pvc"
	await one
	judge "run reports that it was saved" 0 'out:^result    the guest was saved to a file; it had made [0-9]+ steps$' '!findings +[1-9]'
	made=$(sed -n 's/.*it had made \([0-9]*\) steps$/\1/p' "$OUT")
	check "it ran no further than the file says" [ "$(steps "$WORK/end.pvc")" = "$made" ]
	expect "check of the file" 0 'out:^findings  none' -- "$PAGEVISOR" check "$WORK/end.pvc"
	expect "it is gone" 1 'err:no VM named .one.' -- "$PAGEVISOR" stat one
}

test_qemu()
{
	if ! command -v qemu-system-x86_64 >/dev/null; then
		skip "save of a VM in QEMU" "there is no QEMU"
		return
	fi
	start_vm inside --time 0 --quiet --accel qemu-tcg --memory 64M --cpus 1
	expect "save of a VM in QEMU" 1 "err:^pagevisor: inside runs in QEMU, whose own migration saves it" -- \
		"$PAGEVISOR" save inside "$WORK/none.pvc"
	check "save of a VM in QEMU: one line" says_one_line
	check "save of a VM in QEMU: no file" [ ! -e "$WORK/none.pvc" ]
	kill -INT "${pids[inside]}"
	await inside
}

if [ ! -w /dev/kvm ]; then
	skip "save" "there is no /dev/kvm"
	finish
fi
start_vm one --time 0 --quiet --memory 64M
test_bad_input
test_keep_running
looks a.pvc
looks small.pvc
test_damage
test_full_disk
test_end
start_vm one --time 0 --quiet --memory 256M
test_held
start_vm one --time 0 --quiet --memory 64M --cpus 4
test_end --compress
test_qemu
finish

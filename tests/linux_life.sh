#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The life of Linux guests, as seen from outside: resets under commands that follow, pauses, RAM in several pieces, private RAM, and
# RAM in files. Each command must find the kernel that runs, whatever dead ones lie in the memory. The kernel is that of
# linux.sh. Usage: [LINUX_SUITE="trixie"] [LIVE_READS=N] linux_life.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"
# shellcheck source=linux_lib.sh
. "$(dirname "$0")/linux_lib.sh"
# The shell would report what it kills.
trap '{ stop_libvirtd; tmux_ kill-server; kill_all; } 2>/dev/null' EXIT

LINUX_SUITE=${LINUX_SUITE:-trixie}
KERNEL=$KERNELS/$LINUX_SUITE
RESETS=5
LIVE_READS=${LIVE_READS:-1000000}

# boot MEMORY OPTION...: a guest that is ready.
boot()
{
	local memory=$1

	shift
	boot_linux "$LINUX_SUITE" "$memory" "agent=${AGENT:-idle}" "$@" ||
		fail "a guest of $memory" "it does not boot: $(tail -n 1 "$console" "$WORK/qemu")"
	pid=${pids[qemu]}
}

# line_after FILE PATTERN_1 PATTERN_2: whether a line that matches the second follows the last that matches the first.
line_after()
{
	awk -v one="$2" -v two="$3" '$0 ~ one { found = 0; seen = 1; next } seen && $0 ~ two { found = 1 } END { exit !found }' "$1"
}

# count_is N PATTERN FILE
count_is()
{
	[ "$(grep -c "$2" "$3")" -eq "$1" ]
}

has_restarted()
{
	count_is "$1" 'has restarted' "$WORK/$2"
}

json_has_restarted()
{
	count_is "$1" '"life":"restarted"' "$WORK/$2"
}

# test_resets NAME VM VM: a guest that is reset under commands that follow it by one of its names.
test_resets()
{
	local name=$1 follower i image

	start stat "$PAGEVISOR" stat --follow --interval 0.5 "qemu:$2"
	start watch "$PAGEVISOR" watch --interval 0.1 "qemu:$2" pfn:1000
	start top "$PAGEVISOR" top --batch=100000 --jsonl --by file --interval 0.5 "qemu:$3"
	await_line stat running || fail "$name: stat" "it says nothing"
	within grep -q free "$WORK/watch"
	within grep -q '"stage":"running"' "$WORK/top"
	for ((i = 1; i <= RESETS; i++)); do
		ask system_reset >/dev/null
		within has_booted $((i + 1))
		check "$name: reset $i: stat says so" within has_restarted "$i" stat
		check "$name: reset $i: watch says so" within has_restarted "$i" watch
		check "$name: reset $i: top says so" within json_has_restarted "$i" top
	done
	check "$name: stat goes on" within line_after "$WORK/stat" 'has restarted' ' running '
	sleep 3
	for follower in stat watch; do
		check "$name: $follower says each reset once" has_restarted "$RESETS" "$follower"
	done
	check "$name: top says each reset once" json_has_restarted "$RESETS" top
	check "$name: top compares no file with one of another boot" [ "$(grep '"life":"restarted"' "$WORK/top" | grep -c growth)" -eq 0 ]
	check "$name: and goes on" line_after "$WORK/top" '"life":"restarted"' '"growth_seconds":.*"filesystem":"rootfs"'
	expect "$name: the kernel that runs is found among $RESETS dead ones" 0 'out:^guest .*, running' '!out:no ticks' -- \
		"$PAGEVISOR" stat "qemu:$2"
	image=$(grep ^image "$OUT")
	expect "$name: by socket" 0 'out:^guest .*, running' -- "$PAGEVISOR" stat "qemu:$3"
	check "$name: and it is the same kernel" grep -qxF "$image" "$OUT"
	check "$name: ps has it" is_listed
}

# A guest that is paused keeps its kernel, and is not searched all the time.
test_pause()
{
	local before after

	ask stop >/dev/null
	check "paused: stat says that its clock stands" within line_after "$WORK/stat" 'has restarted' ' no ticks '
	before=$(cut -d ' ' -f 14-15 "/proc/${pids[stat]}/stat" | tr ' ' '+')
	sleep 5
	after=$(cut -d ' ' -f 14-15 "/proc/${pids[stat]}/stat" | tr ' ' '+')
	check "paused: following it takes less than half of a CPU" [ $((after - (before))) -lt $(($(getconf CLK_TCK) * 5 / 2)) ]
	expect "paused: attaching says so, too" 0 'out:^guest .*, no ticks' -- "$PAGEVISOR" stat "qemu:$pid"
	expect "paused: by socket" 0 'out:^guest .*, no ticks' -- "$PAGEVISOR" stat "qemu:$qmp"
	ask cont >/dev/null
	check "continued: stat goes on" within line_after "$WORK/stat" ' no ticks ' ' running '
	check "continued: it is no restart" has_restarted "$RESETS" stat
	expect "continued: attaching" 0 'out:^guest .*, running' -- "$PAGEVISOR" stat "qemu:$pid"
}

end_guest()
{
	local name

	for name in "${!pids[@]}"; do
		stop "$name"
	done
}

# test_split NAME MEMORY OPTION...: RAM of a machine that splits it.
test_split()
{
	local name=$1 size=$2

	shift 2
	boot "$size" "$@"
	expect "$name: by pid" 0 'out:^guest .*, running' '!out:^partial' -- "$PAGEVISOR" stat "qemu:$pid"
	expect "$name: by socket" 0 'out:^guest .*, running' '!out:^partial' -- "$PAGEVISOR" stat "qemu:$qmp"
}

# A kernel that boots the next one by itself, without a reset: the first one stays in memory, whole.
test_kexec()
{
	local image before

	mkdir -p "$WORK/root/kexec"
	cp "$KERNEL/vmlinuz" "$KERNEL/initramfs.cpio" "$WORK/root/kexec"
	{
		cat "$KERNEL/initramfs.cpio"
		(cd "$WORK/root" && find kexec | cpio --quiet -o -H newc)
	} >"$WORK/initramfs.cpio"
	rm -r "$WORK/root"
	# shellcheck disable=SC2046 # several words
	INITRAMFS=$WORK/initramfs.cpio AGENT=kexec boot 512M $(shared_ram 512M q35)
	start stat "$PAGEVISOR" stat --follow --interval 0.5 "qemu:$pid"
	await_line stat running || fail "kexec: stat" "it says nothing"
	start watch "$PAGEVISOR" watch --interval 0.1 "qemu:$pid" pfn:1000
	await_line watch free || fail "kexec: watch" "it says nothing"
	start top "$PAGEVISOR" top --batch=100000 --jsonl --interval 0.5 "qemu:$pid"
	within grep -q '"stage":"running"' "$WORK/top" || fail "kexec: top" "it says nothing"
	before=$("$PAGEVISOR" stat "qemu:$pid" | grep ^image)
	type_line
	check "kexec: the next kernel boots" within has_booted 2 || return
	check "kexec: stat says so" within has_restarted 1 stat
	check "kexec: watch says so" within has_restarted 1 watch
	check "kexec: top says so" within json_has_restarted 1 top
	check "kexec: stat goes on" within line_after "$WORK/stat" 'has restarted' ' running '
	expect "kexec: the kernel that runs is found" 0 'out:^guest .*, running' -- "$PAGEVISOR" stat "qemu:$pid"
	image=$(grep ^image "$OUT")
	# The same image, another boot.
	check "kexec: it is the next one" [ "${image%%,*}" = "${before%%,*}" -a "$image" != "$before" ]
	check "kexec: it is said once" has_restarted 1 stat
	test_vcpus "$image"
}

# image_is LINE: that of the last command.
image_is()
{
	[ "$(grep ^image "$OUT")" = "$1" ]
}

# test_vcpus IMAGE: of a guest that is paused, and has the kernel before in memory with a later wall clock, unless the next one has
# overwritten it: the vCPUs tell which runs.
test_vcpus()
{
	ask stop >/dev/null
	expect "paused: by socket" 0 'out:^guest .*, no ticks' -- "$PAGEVISOR" stat "qemu:$qmp"
	check "paused: the one that the vCPUs run is chosen" image_is "$1"
	ask 'dump-guest-memory {"paging":false,"protocol":"file:'"$WORK/elf"'"}' >/dev/null
	expect "paused: a dump" 0 -- "$PAGEVISOR" stat "file:$WORK/elf"
	check "paused: the one that the dump's vCPUs run is chosen" image_is "$1"
	rm -f "$WORK/elf"
	ask cont >/dev/null
	expect "continued: by socket" 0 'out:^guest .*, running' -- "$PAGEVISOR" stat "qemu:$qmp"
	check "continued: the one that the vCPUs run is chosen" image_is "$1"
}

has_grown()
{
	grep -q 'agent: grown' "$console"
}

# What files have grown, summed over the samples of top: a renamed file is the same one.
top_has_seen_growth()
{
	python3 - "$WORK/top" <<-'END'
		import json, sys
		grown = {}
		for line in open(sys.argv[1]):
		    if line.endswith("\n"):
		        for row in json.loads(line).get("breakdown", {}).get("rows", []):
		            grown[row.get("name")] = grown.get(row.get("name"), 0) + row.get("growth_bytes", 0)
		sums = grown.get("/grow/leak", 0) + grown.get("/grow/renamed", 0), grown.get("/grow/?[31mred?(new)", 0)
		sys.exit(sums != (24 << 20, 2 << 20))
	END
}

tmux_()
{
	tmux -S "$WORK/tmux" -f /dev/null "$@"
}

# shows PATTERN: whether a line of top's screen matches now.
shows()
{
	tmux_ capture-pane -p >"$OUT"
	grep -Eq -e "$1" "$OUT"
}

sees()
{
	last_command=("the screen of top")
	check "$1" within shows "$2"
}

has_screen()
{
	command -v tmux >/dev/null
}

# top on a terminal, with processes, and changes since now.
start_screen()
{
	has_screen || return
	tmux_ new-session -d -x 80 -y 24 "TERM=tmux-256color LC_ALL=C.UTF-8 exec '$PAGEVISOR' top qemu:$pid"
	sees "growth: top on a screen says what the host keeps" '^in use .*; held [0-9.]+ MiB, [0-9.]+ of it free'
	sees "growth: and the kernel's rates" '^a second +allocated [0-9.]+'
	tmux_ send-keys b
	sees "growth: b shows files" '^ +[0-9.]+ +rootfs /disk.img$'
	tmux_ send-keys b
	sees "growth: and processes" '^ +[0-9.]+ .* 1  init$'
	tmux_ send-keys '=' d
	sees "growth: and what changes from now on" 'sorted by change, .*, change in [0-9]+ s$'
}

test_screen()
{
	has_screen || return
	sees "growth: what grew is on the screen" '^ +[0-9.]+ +\+1[67]\.[0-9]M .* 1  init$'
	sees "growth: and what came" '^ +[0-9.]+ +\+[89]\.[0-9]M +new .* coming$'
	check "growth: the largest growth is first" [ "$(grep -nE ' init$' "$OUT" | cut -d : -f 1)" -eq 7 ]
	tmux_ send-keys /
	tmux_ send-keys '"com*"' Enter
	sees "growth: a filter" '^BY process, sorted by change, 1 that match "com\*"'
	tmux_ send-keys b
	sees "growth: caches" '^ +[0-9.]+ +[0-9]+  posix_timers_cache$|^ +[0-9.]+ +\+.* posix_timers_cache$'
	tmux_ send-keys t /
	tmux_ send-keys 'type = slab' Enter
	sees "a filter that is wrong is typed anew" "^column 6: '=' is not an operator"
	sees "at the prompt" '^filter: type = slab$'
	tmux_ send-keys C-u
	tmux_ send-keys 'type == slab' Enter
	sees "and looks go on" '^filter +[0-9]+ of [0-9]+ frames: type == slab'
	tmux_ send-keys b b b
	tmux_ resize-window -x 140 -y 50
	sees "growth: on a larger screen, too" '^BY cache, sorted by change, 1-42 of'
	tmux_ send-keys q
	check "growth: q ends it" within screen_is_over
}

screen_is_over()
{
	! tmux_ has-session 2>/dev/null
}

# Whether each row of the table has its figures where the headings of these end, however long its name.
is_aligned()
{
	awk '/^NAME/ { at = index($0, "STAGE") } /^qemu:/ { rows++; if (substr($0, at, 9) !~ /^(running|no ticks) /) wrong++ } END { exit !rows || wrong }' "$OUT"
}

is_listed()
{
	PAGEVISOR_LIST=qemu "$PAGEVISOR" ps | grep -q "^qemu:$pid "
}

test_list()
{
	local system

	# A QEMU that is busy with its boot may be looked at too late for the first list.
	within is_listed

	system=$("$PAGEVISOR" stat --json "qemu:$pid" | sed -n 's/^  "system":"\(.*\)",$/\1/p')
	PAGEVISOR_LIST=qemu expect "ps: the guest's kernel" 0 \
		"out:^qemu:$pid \(a-name-of-many-letters\) +$pid +512 MiB +2  running +[0-9.]+ % +[0-9.]+ s  ${system//[+.]/.}$" 'out:  KERNEL$' -- "$PAGEVISOR" ps
	check "ps: a long name leaves the columns where they are" is_aligned
	PAGEVISOR_LIST=qemu expect "ps: in JSON" 0 "out:\"system\":\"${system//[+.]/.}\"" 'out:"in_use_frames":[1-9]' -- "$PAGEVISOR" ps --json
}

# What the agent has grown between two captures is what diff names, first and with its size; and nothing else.
test_growth()
{
	local a=$WORK/a.pvc b=$WORK/b.pvc vm

	# shellcheck disable=SC2046 # several words
	AGENT="grow slab_nomerge" boot 512M -name guest=a-name-of-many-letters $(shared_ram 512M q35)
	test_list
	start top "$PAGEVISOR" top --batch=100000 --jsonl --by file --interval 0.3 "qemu:$pid"
	within grep -q growth_seconds "$WORK/top"
	start_screen
	expect "growth: a capture before" 0 -- "$PAGEVISOR" capture --force "$a" "qemu:$qmp"
	type_line
	check "growth: the guest grows" within has_grown || return
	check "growth: top has seen it" within top_has_seen_growth
	stop top
	test_screen
	expect "growth: a capture after" 0 -- "$PAGEVISOR" capture --force "$b" "qemu:$qmp"
	for vm in "$b" "qemu:$pid"; do
		expect "growth: by file, ${vm%%:*}" 0 'out:^ +1\.0 +25\.0 +\+24\.0 {8}tmpfs /grow/renamed$' \
			'out:^ +0\.0 +2\.0 +\+2\.0  new   tmpfs /grow/\?\[31mred\?\(new\)$' 'out:^ +3\.0 +0\.0 +-3\.0  gone  tmpfs /grow/gone$' \
			'out: {8}[0-9]+ as large as before$' '!out:unknown' -- "$PAGEVISOR" diff --by file "$a" "$vm"
		check "growth: what grew most is first" head_matches '^ +[0-9.]+ +[0-9.]+ +\+24\.0 .*renamed$'
		expect "growth: by process, ${vm%%:*}" 0 'out:^ +[0-9.]+ +[0-9.]+ +\+1[67]\.[0-9] +1 {8}init$' \
			'out:^ +0\.0 +[0-9.]+ +\+[89]\.[0-9] +[0-9]+  new   coming$' 'out:^ +[0-9.]+ +0\.0 +-[5-7]\.[0-9] +[0-9]+  gone  leaving$' -- \
			"$PAGEVISOR" diff --by process "$a" "$vm"
		check "growth: what grew most is first" head_matches ' init$'
		expect "growth: by cache, ${vm%%:*}" 0 'out: \+[0-9.]+  (new )?   *posix_timers_cache$' -- \
			"$PAGEVISOR" diff --by cache --limit 2 "$a" "$vm"
		check "growth: what grew most is first" head_matches ' posix_timers_cache$'
	done
	expect "growth: by class" 0 'out: \+19\.[0-9] +anon$' 'out: \+23\.[0-9] +shmem$' -- "$PAGEVISOR" diff --by class "$a" "$b"
	expect "growth: by zone" 0 'out:^free in A free in B ' 'out: -[0-9.]+ +0 +DMA32$' -- "$PAGEVISOR" diff --by zone "$a" "$b"
	expect "growth: a capture and itself" 0 '!out:(new|gone) ' -- "$PAGEVISOR" diff --by process "$a" "$a"
	expect "growth: in JSON" 0 'out:"growth_bytes":25165824' 'out:"change":"gone"' -- "$PAGEVISOR" diff --json --by file "$a" "$b"
	rm -f "$a" "$b"
}

# head_matches PATTERN: the first row of the table.
head_matches()
{
	grep -A 1 '^ *MiB in A' "$OUT" | tail -n 1 | grep -qE "$1"
}

# linux_domain NAME [XML]: a domain of 512 MiB, with what is added to its definition.
linux_domain()
{
	rm -f "$LIBVIRT/$1.log"
	virsh --quiet create /dev/stdin >"$WORK/virsh.log" 2>&1 <<-END
		<domain type='qemu'><name>$1</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>${2:-}
		<os><type arch='x86_64' machine='q35'>hvm</type><kernel>$LIBVIRT/vmlinuz</kernel><initrd>$LIBVIRT/initramfs.cpio</initrd>
		<cmdline>console=ttyS0 panic=-1 agent=idle</cmdline></os>
		<devices><serial type='null'><log file='$LIBVIRT/$1.log' append='off'/></serial><memballoon model='none'/></devices></domain>
	END
}

# A domain that keeps its RAM to itself is read through its process.
test_libvirt()
{
	local memfd="<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"

	need_libvirtd "libvirt"
	install -m 644 "$KERNEL/vmlinuz" "$KERNEL/initramfs.cpio" "$LIBVIRT"
	check "libvirt: a domain with shared RAM" linux_domain shared "$memfd" || return
	check "libvirt: it boots" within domain_says shared 'agent: ready'
	expect "libvirt: shared RAM" 0 'out:^guest .*, running' '!out:^partial' -- "$PAGEVISOR" stat libvirt:shared
	PAGEVISOR_LIST=libvirt expect "libvirt: ps has it" 0 'out:^libvirt:shared .* running .*-cloud-amd64$' -- "$PAGEVISOR" ps
	virsh --quiet destroy shared
	check "libvirt: a domain with private RAM" linux_domain private || return
	check "libvirt: it boots" within domain_says private 'agent: ready'
	# As on another machine. Even a kernel that happens to lie low: to read what is all over its RAM takes minutes through the daemon.
	expect "libvirt: private RAM that only the daemon reads is refused, and it is said what it takes" 3 \
		'err:for Linux its RAM must be .*memoryBacking' -- "$PAGEVISOR" stat "libvirt:$LIBVIRT_REMOTE_URI#private"
	check "libvirt: in one line" says_one_line
	if [ "$(id -u)" -eq 0 ]; then
		expect "libvirt: private RAM, by its process" 0 'out:^guest .*, running' 'err:read by process_vm_readv' '!out:^partial' -- \
			"$PAGEVISOR" stat libvirt:private
		expect_pause "libvirt: private RAM, captured" 0 'out:, the metadata and names$' -- \
			"$PAGEVISOR" capture --force "$WORK/private.pvc" libvirt:private
		expect "libvirt: private RAM, by pid" 0 'out:^guest .*, running' -- "$PAGEVISOR" stat "qemu:$(domain_pid private)"
		expect "libvirt: private RAM of a process that may not be read" 3 'err:memoryBacking.*unless root' -- \
			setpriv --inh-caps=-sys_ptrace --bounding-set=-sys_ptrace -- "$PAGEVISOR" stat libvirt:private
	fi
	virsh --quiet destroy private
}

# test_files NAME RAM: files of the RAM of a guest that is stopped; what is said of it alive is said of them.
test_files()
{
	local name=$1 frames file

	ask stop >/dev/null
	run_command "$PAGEVISOR" stat "qemu:$qmp"
	frames=$(grep ^frames "$OUT")
	# Nobody writes to it: the copy is of one instant.
	cp --sparse=always "$2" "$WORK/raw"
	expect "$name: a raw file" 0 -- "$PAGEVISOR" stat "file:$WORK/raw"
	check "$name: it is the same" grep -qxF "$frames" "$OUT"
	ask 'dump-guest-memory {"paging":false,"protocol":"file:'"$WORK/elf"'"}' >/dev/null
	expect "$name: an ELF dump" 0 -- "$PAGEVISOR" stat "file:$WORK/elf"
	check "$name: it is the same" grep -qxF "$frames" "$OUT"
	for file in raw elf; do
		expect "$name: a capture of it ($file)" 0 'out:^paused +not at all' -- \
			"$PAGEVISOR" capture --force "$WORK/file.pvc" "file:$WORK/$file"
		expect "$name: that can be read" 0 'out:^metadata ' -- "$PAGEVISOR" stat "$WORK/file.pvc"
		check "$name: it is the same" grep -qxF "$frames" "$OUT"
	done
	rm -f "$WORK/file.pvc"
	truncate -s -1M "$WORK/elf"
	expect "$name: a dump that is cut short" 1 'err:cut short' -- "$PAGEVISOR" stat "file:$WORK/elf"
	check "$name: in one line" says_one_line
	rm -f "$WORK/elf"
	ask 'dump-guest-memory {"paging":false,"format":"kdump-zlib","protocol":"file:'"$WORK/kdump"'"}' >/dev/null
	expect "$name: a compressed dump" 1 'err:compressed dump' -- "$PAGEVISOR" stat "file:$WORK/kdump"
	check "$name: in one line" says_one_line
	rm -f "$WORK/kdump" "$WORK/raw"
}

# What the guest's RAM takes of the host, in blocks of 512 bytes.
ram_blocks()
{
	stat -Lc %b "$(find "/proc/$pid/fd" -lname '/memfd:*' | head -n 1)"
}

says_free()
{
	grep -q 'agent: MemFree' "$console"
}

# differs_by_most A B MOST
differs_by_most()
{
	awk -v a="$1" -v b="$2" -v most="$3" 'BEGIN { exit !((a > b ? a - b : b - a) <= most) }'
}

# test_sparse NAME: a guest that is much larger than what it has written, and that stands meanwhile: looking takes nothing more of the
# host, and finds what the guest says of its memory.
test_sparse()
{
	local name=$1 before free cached

	check "$name: it is sparse" [ "$(($(ram_blocks) / 2048))" -lt 2048 ]
	type_line
	check "$name: the guest says what is free" within says_free || return
	free=$(sed -n 's/.*MemFree \([0-9]*\) kB.*/\1/p' "$console")
	cached=$(sed -n 's/.*Cached \([0-9]*\) kB.*/\1/p' "$console")
	ask stop >/dev/null
	before=$(ram_blocks)
	expect "$name: stat" 0 'out:^guest +16384 MiB' '!out:^partial' 'out:^held' -- "$PAGEVISOR" stat "qemu:$qmp"
	# In kB; it ran on for a moment.
	check "$name: as much is free as the guest says" differs_by_most \
		"$(($(sed -n 's/^frames .*: \([0-9]*\) free.*/\1/p' "$OUT") * 4))" "$free" 2048
	expect "$name: files" 0 'out: in all$' -- "$PAGEVISOR" stat --by file "qemu:$qmp"
	check "$name: as much is cached as the guest says" differs_by_most \
		"$(awk '/ in all$/ { print $1 * 1024 }' "$OUT")" "$cached" 1024
	expect "$name: what is free and held" 0 'out:^[1-9][0-9]*$' -- "$PAGEVISOR" find --count 'free && resident' "qemu:$qmp"
	check "$name: that is a part of what is held" [ "$(($(cat "$OUT") * 8))" -lt "$before" ]
	check "$name: no hole was filled" [ "$(ram_blocks)" -eq "$before" ]
}

# test_live_reads COUNT: so many reads of pages that change, all of them well. The kernel's processes take and give back pages.
test_live_reads()
{
	LIMIT=$((LIMIT + $1 / 20000)) expect "$1 reads of hot pages" 0 "out:^accepted +[0-9]{${#1},} reads of hot pages, [1-9]" \
		'out:^judged +[1-9][0-9]* reads of anonymous pages, [1-9]' 'out:^bad +0$' -- \
		"$BUILD/live-reads" "qemu:$pid" "$1" "$((LIMIT + $1 / 20000))"
	grep -E "^(hot|accepted|judged)" "$OUT"
}

need_linux "the life of Linux guests" "$LINUX_SUITE"
has_linux "$LINUX_SUITE" || finish

# shellcheck disable=SC2046 # several words
boot 512M $(shared_ram 512M q35)
test_resets "shared RAM" "$pid" "$qmp"
test_pause
end_guest

# shellcheck disable=SC2046 # several words
AGENT=churn boot 512M $(shared_ram 512M q35)
test_live_reads "$LIVE_READS"
end_guest

test_growth
end_guest

test_kexec
end_guest
rm -f "$WORK/initramfs.cpio"

boot 512M -machine q35
test_resets "private RAM" "$qmp" "$pid"
end_guest

# A kernel may lie anywhere in it.
truncate -s 3G "$WORK/ram"
test_split "q35 of 3 GiB" 3G -object "memory-backend-file,id=ram,mem-path=$WORK/ram,share=on,size=3G" -machine q35,memory-backend=ram
test_files "q35 of 3 GiB" "$WORK/ram"
end_guest
rm -f "$WORK/ram"

test_split "pc of 6 GiB, private" 6G -machine pc
end_guest

# shellcheck disable=SC2046 # several words
boot 16G $(shared_ram 16G q35)
test_sparse "16 GiB"
end_guest

boot 512M -machine q35 -object memory-backend-memfd,id=a,share=on,size=256M -object memory-backend-memfd,id=b,share=on,size=256M \
	-numa node,cpus=0,memdev=a -numa node,cpus=1,memdev=b
expect "two backends: by socket" 0 'out:^guest .*, running' '!out:^partial' -- "$PAGEVISOR" stat "qemu:$qmp"
# What is missing of the kernel depends on where it lies.
run_command "$PAGEVISOR" stat "qemu:$pid"
case $status in
1) judge "two backends: by pid, it is refused" 1 'err:, or its RAM is in several pieces: name the QMP socket' ;;
*) judge "two backends: by pid, it is refused" 3 ;;
esac
check "two backends: in one line" says_one_line
end_guest

problem=$(libvirt_problem)
if [ -n "$problem" ]; then
	skip "libvirt" "$problem"
else
	test_libvirt
fi
finish

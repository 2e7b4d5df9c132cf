#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Wrong options and wrong kernel files: one line that says what is wrong, exit status 2, no report. Usage: bad_input.sh
# [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# One line from our command, at most followed by argp's "Try ... for more information"; nothing on stdout.
says_it_in_one_line()
{
	[ "$(grep -cvE '^(Try |information)' "$ERR")" -eq 1 ] && [ ! -s "$OUT" ]
}

# refused NAME PATTERN ARGUMENT...
refused()
{
	local name=$1 pattern=$2

	shift 2
	expect "$name" 2 "err:$pattern" -- "$PAGEVISOR" "$@" &&
		check "$name: in one line" says_it_in_one_line
}

# refused_values OPTION PATTERN VALUE...
refused_values()
{
	local option=$1 pattern=$2 value

	shift 2
	for value in "$@"; do
		refused "--$option '$value'" "--$option $value.*: $pattern" run "--$option=$value"
	done
}

# By what the guest's image lists, before anything boots.
test_guest_options()
{
	local workload append line

	refused "no such workload" "^pagevisor: --workload nope: no such workload; run --workload help lists them$" \
		run --workload nope
	refused "a workload misspelled" "--workload segmets: no such workload; did you mean 'segments'\\?$" run -w segmets
	while IFS='|' read -r workload append line; do
		refused "--append '$append'" "^pagevisor: --append $line$" run --workload "$workload" --append "$append"
	done <<-'END'
		churn|foo=bar|foo=bar: no option of the workload churn; run --workload help lists them
		churn|plnat=leak|plnat=leak: no option of the workload churn; did you mean 'plant'\?
		churn|plant=leek|plant=leek: plant= takes no such word; did you mean 'leak'\?
		churn|plant=|plant=: plant= takes no such word; run --workload help lists them
		churn|frames=3|frames=3: an option of the workload torn, not of churn
		torn|frames=0|frames=0: expected a number from 1 to 512
		torn|frames=513|frames=513: expected a number from 1 to 512
		torn|frames=0x10|frames=0x10: expected a number from 1 to 512
		torn|frames=99999999999999999999999999|frames=99999999999999999999999999: expected a number from 1 to 512
		torn|plant_at=-1|plant_at=-1: expected a decimal number
		churn|trace=65|trace=65: expected 0 or a power of two from 64 to 1048576
		mix|order=turns|order=turns: expected cpu, random or turn; did you mean 'turn'\?
		mix|order=xyz|order=xyz: expected cpu, random or turn
		mix|mix=churn,,lists|mix=churn,,lists: no scenario for a mix ''; run --workload help lists them
		mix|mix=churn,torn|mix=churn,torn: no scenario for a mix 'torn'; run --workload help lists them
		mix|mix=churn,lsits|mix=churn,lsits: no scenario for a mix 'lsits'; did you mean 'lists'\?
		mix|mix=churn,churn|mix=churn,churn: churn is there twice
		mix|order=cpu order=turn|order=turn: order= is there twice
		churn|seed=3|seed=3: pagevisor sets seed= itself, by an option of its own
		churn|plant|plant: expected NAME=VALUE
		churn|=|=: no option of the workload churn; run --workload help lists them
	END
	expect "the list of workloads" 0 'out:^  churn  *frames of' 'out:^    frames=N .* \(1 to 512 frames, by default 16\)$' \
		'out:^    order=WORD .* \(by default random\)$' 'out:^  plant=WORD' 'out:^    use_after_free ' '!out:seed=' \
		-- "$PAGEVISOR" run --workload help
	expect "the list on a terminal" 0 'out:^ {23}[a-z0-9(]' -- \
		bash -c "$(on_terminal 80 24 "'$PAGEVISOR' run --workload help")"
	check "the list on a terminal: it fits" fits 80
	refused "the list of a kernel that has none" 'this kernel does not list its workloads' \
		run --workload help --kernel "$GUESTS/hang.elf"
}

test_commands()
{
	local option

	expect "no command" 2 'err:^usage: pagevisor COMMAND' -- "$PAGEVISOR"
	expect "help" 0 'out:^usage: pagevisor COMMAND' 'out:^  run ' -- "$PAGEVISOR" help
	for option in --help -h '-?'; do
		expect "$option is help" 0 'out:^Run a guest$' 'out:^  run ' -- "$PAGEVISOR" "$option"
	done
	for option in --version -V; do
		expect "$option is version" 0 'out:^pagevisor [0-9]+\.[0-9]+$' 'out:^build +[0-9a-f]{40}$' -- "$PAGEVISOR" "$option"
	done
	expect "version --verbose" 0 'out:^json-c +[0-9]' 'out:^kernel +[0-9]' -- "$PAGEVISOR" version --verbose
	expect "version --json" 0 'out:"build":"[0-9a-f]{40}"' 'out:"json-c":"' -- "$PAGEVISOR" version --json
	check "the build id is the linker's" grep -q "$(readelf -n "$PAGEVISOR" | sed -n 's/.*Build ID: //p')" "$OUT"
	expect "run --help" 0 'out:--memory=SIZE' 'out:--json' -- "$PAGEVISOR" run --help
	refused "unknown command" "no command 'nonsense'; try pagevisor help" nonsense
	refused "misspelled command" "no command 'stta'; did you mean 'stat'\\?$" stta
	refused "misspelled help" "no command 'hlep'; did you mean 'help'\\?$" hlep
	refused "empty command" "no command ''; try" ''
}

test_options()
{
	refused "unknown option" "unrecognized option '--nonsense'" run --nonsense
	refused "unknown letter" "invalid option -- 'z'" run -z
	refused "option without its value" "option '--memory' requires an argument" run --memory
	refused "an argument" 'unexpected argument "extra": run takes options only' run extra
	refused "an argument after options" 'unexpected argument "extra"' run --ops 1 extra
}

# Options that would have no effect with the others, or with what they are used on.
test_idle_options()
{
	local option line arguments

	while IFS='|' read -r line arguments; do
		# shellcheck disable=SC2086 # several words
		refused "$arguments" "--$line" $arguments
	done <<-'END'
		lines needs --follow: without it stat looks once|stat --lines 3
		interval needs --follow: without it stat looks once|stat --interval 1
		incremental needs --follow: the first look reads everything anyway|stat --incremental
		limit needs --by: nothing else is a list|stat --limit 3
		follow has no effect with --by: it looks once|stat --by file --follow
		by pages: expected file, cache, process, zone, pageblock, migratetype or class|stat --by pages
		by pages: expected file, cache, process, zone, pageblock, migratetype or class|diff --by pages ./a ./b
		limit needs --by: --list is for frames|diff --limit 3 ./a ./b
		list has no effect with --by: it lists no frames|diff --by file --list 3 ./a ./b
		limit 0: expected a number of at least 1|diff --by file --limit 0 ./a ./b
		limit 0: expected a number of at least 1|stat --by file --limit 0
		by pages: expected file, cache, process, zone, pageblock, migratetype or class|top --batch 1 --by pages
		limit needs --batch: the screen scrolls|top --by file --limit 3
		limit needs --by: nothing else is a list|top --batch 1 --limit 3
		limit 0: expected a number from 1 to 65536|top --batch 1 --by file --limit 0
		limit has no effect with --count: it lists no frames|find --count --limit 3 1
		fields has no effect with --count|find 1 --fields --count
		each has no effect with --count|find --each 1 vm -c
		limit has no effect with --count|find -cn3 1
		limit has no effect with --count|find 1 --li=3 --cou
		watch has no effect with --names: it looks at no VM|ps --names --watch
		count has no effect with --names|ps -c 1 -n
		rate needs --inspectors: it is that of additional inspectors|stress --rate 3
		seed has no effect with --list: nothing runs|stress --list --seed 3
	END
	expect "a word after -- is no option" 1 'err:no VM' -- "$PAGEVISOR" find --count -- 1 --limit
	for option in json jsonl; do
		expect "top --$option needs samples" 2 "err:--$option needs --batch: the screen is for people" -- "$PAGEVISOR" top "--$option"
	done
	expect "a list is text" 2 'err:--json has no effect with --list' -- "$PAGEVISOR" stress --list --json
	for option in ring=3 workload=churn seed=1 ops=1 time=1 trace trace-entries=64 scan-rate=1; do
		refused "run --$option on another kernel" "--${option%=*} has no effect: the kernel has no pagevisor note" \
			run --kernel "$GUESTS/hang.elf" "--$option"
	done
	refused "domxml --time for another kernel" '--time has no effect: the kernel has no pagevisor note' \
		domxml --kernel "$GUESTS/hang.elf" --time 3
	expect "domxml for another kernel" 0 'out:<cmdline>a b</cmdline>' -- \
		"$PAGEVISOR" domxml --kernel "$GUESTS/hang.elf" --append 'a b' --memory 16M --cpus 1 --machine pc
	refused "stress of another kernel" 'the kernel has no pagevisor note' stress --kernel "$GUESTS/hang.elf"
}

# Commands that answer in JSON refuse in JSON, too, wherever the wrong option stands.
test_json()
{
	local command variable

	for command in capture check diff find map ps run show stat stress top trace types version watch; do
		expect "$command: refused in JSON" 2 "err:unrecognized option '--nonsense'" '!out:Try ' \
			"out:\"message\":\"unrecognized option '--nonsense'\"" -- "$PAGEVISOR" "$command" --nonsense --json
	done
	expect "refused in JSON lines" 2 'out:^\{"schema":1,"end":\{"error":\{"status":2,"message":"expected an expression' -- \
		"$PAGEVISOR" find -j --jsonl
	expect "without a VM, in JSON" 1 'err:^pagevisor: no VM' 'out:"message":"no VM' -- "$PAGEVISOR" stat -j
	expect "one look has no lines" 2 'err:--jsonl needs --follow' -- "$PAGEVISOR" stat --jsonl
	expect "nor has a table" 2 'err:--jsonl has no effect with --by: a table has one answer, --json' -- \
		"$PAGEVISOR" diff --by file --jsonl ./a ./b
	expect "nor has a command without a list" 2 "err:unrecognized option '--jsonl'" -- "$PAGEVISOR" show --jsonl 0x0
	for command in '' nonsense -j --nonsense; do
		expect "no command '$command', in JSON" 2 'err:^pagevisor: no command' 'out:"message":"no command ' -- \
			"$PAGEVISOR" "$command" --json
	done
	expect "no command, in JSON lines" 2 "out:^\{.*\"end\":\{\"error\":\{\"status\":2,\"message\":\"no command 'stta'; did you mean" -- \
		"$PAGEVISOR" stta --jsonl
	expect "no command; the words after -- are none" 2 '!out:.' -- "$PAGEVISOR" stta -- --json
	for variable in PAGEVISOR_TIMEOUT=soon PAGEVISOR_LIST=vms; do
		expect "$variable, in text" 2 "err:^pagevisor: ${variable%=*} is no" '!out:.' -- env "$variable" "$PAGEVISOR" ps
		expect "$variable, in JSON" 2 "err:^pagevisor: ${variable%=*} is no" "out:\"message\":\"${variable%=*} is no" -- \
			env "$variable" "$PAGEVISOR" find -j 1
		expect "$variable, in JSON lines" 2 "out:^\{.*\"message\":\"${variable%=*} is no" -- \
			env "$variable" "$PAGEVISOR" watch 0x0 --jsonl
		expect "$variable is no candidate" 2 '!out:.' -- env "$variable" "$PAGEVISOR" complete ps --json ''
	done
	expect "no JSON, no answer" 2 '!out:.' -- "$PAGEVISOR" domxml --nonsense
}

test_values()
{
	refused_values memory 'expected a size from 16M to 64G in multiples of 4K, such as 512M or 1.5GiB' 0 15 15M 16383K 65G 64T -1 '' G x 1.51G 1.G '512 '  \
		16MB 16m 16Mib 16iB 18446744073709551616 17592186044416M 16777217K
	refused_values cpus 'expected a number from 1 to 16' 0 17 -1 '' x 1.5 2x 4294967297 \
		18446744073709551617
	refused_values accel "expected kvm, qemu, qemu-tcg or auto$" '' xyzzy k
	refused_values accel "expected kvm, qemu, qemu-tcg or auto; did you mean 'kvm'\\?$" KVM kwm
	refused "map --by is misspelled" "--by stat: expected type, state, refs, resident or migratetype; did you mean 'state'\\?$" map --by stat
	refused "map --by is unknown" '--by colour: expected type, state, refs, resident or migratetype$' map --by colour
	refused_values ring 'expected 0 or 3' 1 2 4 '' 00 x -0
	refused_values console-rate 'expected' x ''
	refused_values scan-rate 'expected a number from 1 to 1000' 0 1001 x ''
	refused_values time 'expected a time, such as 2.5, 500ms or 3min' x '' 1m 1hour 5S -1 1e3 1. .5 1.2.3 99999999999 \
		1.0000000001 ' 1'
	refused_values timeout 'expected a time' x -1
	refused_values seed 'expected a decimal number, or 0x and hexadecimal digits' x '' -1 18446744073709551616 1.5 0x 0xg 0x-1 '0x 1' \
		0x10000000000000000 1f 0X1
	refused_values name 'expected up to 32 letters, digits and any of ._-' '' . -x a/b 'a b' a:b x.pvc \
		abcdefghijklmnopqrstuvwxyz0123456
	refused_values ops 'expected a decimal number' x '' -1 1k 18446744073709551616
}

# domxml_values OPTION PATTERN VALUE...
domxml_values()
{
	local option=$1 pattern=$2 value

	shift 2
	for value in "$@"; do
		refused "domxml --$option '$value'" "$pattern" domxml "--$option=$value"
	done
}

# Wrong options produce no domain definition.
test_domxml()
{
	local text

	domxml_values machine "did you mean 'microvm'\\?$" micro microVM
	domxml_values backing "did you mean 'private'\\?$" privat
	domxml_values accel "did you mean 'tcg'\\?$" tgc
	domxml_values machine 'expected q35, pc or microvm' '' isapc 'q35 ' "q35'/>"
	domxml_values accel 'expected kvm or tcg' '' xen kvmx
	domxml_values backing 'expected memfd, file or private' '' hugetlb
	domxml_values name 'expected up to 32 letters, digits and any of ._-' '' a/b '<name>'
	domxml_values memory 'expected a size from 16M to 64G in multiples of 4K' 15M 65G x
	domxml_values cpus 'expected a number from 1 to 16' 0 17
	domxml_values ring 'expected 0 or 3' 1 ''
	domxml_values seed 'expected a decimal number' -1 x
	domxml_values time 'expected a time' -1 x
	domxml_values workload "no such workload" nope ''
	domxml_values append "--append plnat=leak: no option of the workload churn; did you mean 'plant'\\?$" plnat=leak
	domxml_values append '--append x: expected NAME=VALUE$' x
	for text in $'\001' $'\033[31m' $'\377' $'\303' $'\300\257' $'\355\240\200' $'\357\277\277' $'\364\220\200\200'; do
		refused "domxml --append '$text'" 'bytes that XML does not allow' domxml --kernel "$GUESTS/hang.elf" --append "$text"
	done
	refused "domxml with a long --append" "the guest's command line exceeds 4095 bytes" \
		domxml --kernel "$GUESTS/hang.elf" --append "$(head -c 4096 /dev/zero | tr '\0' x)"
	domxml_values kernel 'not an ELF file' "$ROOT/README.md"
	domxml_values kernel 'No such file' "$WORK/missing"
	refused "domxml: an argument" 'unexpected argument "x": domxml takes options only' domxml x
}

# kernel NAME PATTERN FILE [OPTION...]
kernel()
{
	local name=$1 pattern=$2 file=$3

	shift 3
	refused "$name" "$pattern" run --kernel "$file" "$@"
}

test_kernel_files()
{
	local length

	: >"$WORK/empty"
	echo "hello, this is not a kernel" >"$WORK/text"
	head -c 8192 /dev/zero >"$WORK/zeros"
	kernel "kernel: missing" "$WORK/missing: No such file or directory" "$WORK/missing"
	kernel "kernel: a directory" "$WORK: " "$WORK"
	kernel "kernel: empty" "$WORK/empty: " "$WORK/empty"
	kernel "kernel: text" "$WORK/text: not an ELF file" "$WORK/text"
	kernel "kernel: zeros" "$WORK/zeros: not an ELF file" "$WORK/zeros"
	kernel "kernel: a device without an end" "/dev/zero: " /dev/zero
	kernel "kernel: a program" "$PAGEVISOR: " "$PAGEVISOR"
	for length in 1 4 16 63 64 100 287 4096 20000 32768; do
		head -c "$length" "$GUEST" >"$WORK/cut"
		kernel "kernel: cut after $length bytes" "$WORK/cut: " "$WORK/cut"
	done
	objcopy --remove-section .note "$GUEST" "$WORK/no-note"
	kernel "kernel: no PVH note" 'no PVH entry; .* note "Xen" of type 18' "$WORK/no-note"
}

test_unreadable_kernel()
{
	if [ "$(id -u)" -eq 0 ]; then
		skip "kernel: not readable" "root reads everything"
		return
	fi
	install -m 000 "$GUEST" "$WORK/unreadable"
	kernel "kernel: not readable" "unreadable: Permission denied" "$WORK/unreadable"
}

# patched NAME PATTERN OFFSET BYTES [OPTION...]: uses a test guest with some bytes replaced, given as for printf.
patched()
{
	local name=$1 pattern=$2 offset=$3 bytes=$4

	shift 4
	cp "$GUESTS/exit_status.elf" "$WORK/patched"
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$bytes" | dd of="$WORK/patched" bs=1 seek="$offset" conv=notrunc status=none
	kernel "kernel: $name" "$pattern" "$WORK/patched" "$@"
}

# Offsets of the ELF-64 header and, at 64, of the program headers of 56 bytes each: text, data, note.
test_broken_elf()
{
	patched "a 32-bit file for x86-64" 'ELF machine 62; a 32-bit file needs i386' 4 '\001'
	patched "another machine" 'ELF machine 183; x86-64 \(62\) is needed' 18 '\267'
	patched "position-independent" 'position-independent ELF file' 16 '\003'
	patched "program headers of another size" 'program headers of 57 bytes' 54 '\071'
	patched "65535 program headers" '65535 program headers' 56 '\377\377'
	patched "program headers past the end" 'lie outside the file' 35 '\377\377\377\377\377'
	patched "a segment past the end of the file" 'lie outside the file' $((64 + 8 + 3)) '\177'
	patched "a segment below 1 MiB" 'kernels are loaded at 0x100000 or above' \
		$((64 + 24)) '\0\020\0\0'
	patched "segments that overlap" 'segments at .* overlap' $((64 + 56 + 24)) '\0\0\020'
	patched "more bytes in the file than in memory" 'more than its' $((64 + 56 + 40)) '\001\0'
	patched "notes past the end of the file" 'notes at offset .* lie outside' \
		$((64 + 112 + 11)) '\177'
}

# Errors that depend on the VM's memory, so only the VM can find them.
test_with_vm()
{
	local name problem

	problem=$(vm_problem)
	if [ -n "$problem" ]; then
		skip "a kernel that does not fit, a command line that is too long" "$problem"
		return
	fi
	patched "a segment where there is no RAM" 'lies outside the guest.s RAM' \
		$((64 + 56 + 24)) '\0\0\0\320'
	kernel "kernel: more than the RAM" 'outside the guest.s RAM; more memory' \
		"$GUESTS/big_bss.elf" --memory 16M
	expect "kernel: the same with more RAM" 0 'out:ended well' -- \
		"$PAGEVISOR" run --kernel "$GUESTS/big_bss.elf" --memory 64M
	name=$(head -c 8000 /dev/zero | tr '\0' ' ')
	refused "command line too long" "the guest's command line exceeds [0-9]+ bytes" \
		run --memory 16M --quiet --append "$name"
}

need_guests
test_commands
test_options
test_idle_options
test_json
test_values
test_guest_options
test_domxml
test_kernel_files
test_unreadable_kernel
test_broken_elf
test_with_vm
finish

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

test_commands()
{
	expect "no command" 2 'err:^usage: pagevisor COMMAND' -- "$PAGEVISOR"
	expect "help" 0 'out:^usage: pagevisor COMMAND' 'out:^  run ' -- "$PAGEVISOR" help
	expect "version" 0 'out:^pagevisor [0-9]+\.[0-9]+' -- "$PAGEVISOR" --version
	expect "run --help" 0 'out:--memory=SIZE' 'out:--json' -- "$PAGEVISOR" run --help
	refused "unknown command" 'no command "nonsense"; try pagevisor help' nonsense
	refused "empty command" 'no command ""' ''
}

test_options()
{
	refused "unknown option" "unrecognized option '--nonsense'" run --nonsense
	refused "unknown letter" "invalid option -- 'z'" run -z
	refused "option without its value" "option '--memory' requires an argument" run --memory
	refused "an argument" 'unexpected argument "extra": run takes options only' run extra
	refused "an argument after options" 'unexpected argument "extra"' run --ops 1 extra
}

test_values()
{
	refused_values memory 'expected a size from 16M to 64G in multiples of 4K' 0 15 15M 16383K 65G 64T -1 '' G x 1.5G \
		16MB 16m 18446744073709551616 17592186044416M 16777217K
	refused_values cpus 'expected a number from 1 to 16' 0 17 -1 '' x 1.5 2x 4294967297 \
		18446744073709551617
	refused_values ring 'expected 0 or 3' 1 2 4 '' 00 x -0
	refused_values scan-rate 'expected a number from 1 to 1000' 0 1001 x ''
	refused_values time 'expected a time in seconds' x '' -1 1e3 1. .5 1.2.3 99999999999 \
		1.0000000001 ' 1'
	refused_values timeout 'expected a time in seconds' x -1 1s
	refused_values seed 'expected a decimal number' x '' -1 0x10 18446744073709551616 1.5
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
	domxml_values machine 'expected q35, pc or microvm' '' isapc 'q35 ' "q35'/>"
	domxml_values accel 'expected kvm or tcg' '' xen kvmx
	domxml_values backing 'expected memfd, file or private' '' hugetlb
	domxml_values name 'expected up to 32 letters, digits and any of ._-' '' a/b '<name>'
	domxml_values memory 'expected a size from 16M to 64G in multiples of 4K' 15M 65G x
	domxml_values cpus 'expected a number from 1 to 16' 0 17
	domxml_values ring 'expected 0 or 3' 1 ''
	domxml_values seed 'expected a decimal number' -1 x
	domxml_values time 'expected a time in seconds' -1 x
	domxml_values append 'bytes that XML does not allow' $'\001' $'\033[31m' $'\377' $'\303' \
		$'\300\257' $'\355\240\200' $'\357\277\277' $'\364\220\200\200'
	domxml_values append "the guest's command line exceeds 4095 bytes" \
		"$(head -c 4096 /dev/zero | tr '\0' x)"
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
	name=$(head -c 8000 /dev/zero | tr '\0' x)
	refused "command line too long" "the guest's command line exceeds [0-9]+ bytes" \
		run --memory 16M --quiet --append "$name"
}

need_guests
test_commands
test_options
test_values
test_domxml
test_kernel_files
test_unreadable_kernel
test_broken_elf
test_with_vm
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Makes those files of the corpora anew that come from real programs: kernel images by the linker, type information by
# pahole, what QEMU's monitor and its machine protocol say. The other files were written by hand. Needs `make all
# build/unit-tests` and qemu-system-x86_64. Usage: corpus.sh
set -eu

FUZZ=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$(dirname "$FUZZ")")
BUILD=$ROOT/build
CORPUS=$FUZZ/corpus
WORK=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-corpus.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# kernel BITS EMULATION FORMAT
kernel()
{
	gcc "-m$1" -c "$FUZZ/kernel.S" -o "$WORK/kernel.o"
	sed "s/elf64-x86-64/$3/" "$ROOT/tests/guests/guest.ld" >"$WORK/kernel.ld"
	ld -m "$2" -z max-page-size=16 -z common-page-size=16 --build-id=none -T "$WORK/kernel.ld" "$WORK/kernel.o" \
		-o "$CORPUS/fuzz_elf/kernel$1"
	chmod 644 "$CORPUS/fuzz_elf/kernel$1"
}

# human COMMAND: a line of QMP that executes a monitor command.
human()
{
	printf '{"execute":"human-monitor-command","arguments":{"command-line":"%s"},"id":%d}\n' "$1" "$2"
}

# qemu MACHINE: answers of a QEMU that has not started its guest; see fuzz_qmp.c for the ids.
qemu()
{
	{
		printf '%s\n' '{"execute":"qmp_capabilities","id":1}' '{"execute":"query-status","id":2}'
		human "info mtree -f" 3
		human "info registers -a" 4
		printf '%s\n' '{"execute":"quit"}'
	} | qemu-system-x86_64 -accel tcg -machine "$1" -m 6G -S -display none -nodefaults -qmp stdio
}

# system_memory: from QMP's answer on stdin, the flat view of the system's address space.
system_memory()
{
	sed -n 's/\\r\\n/\n/g; s/\\"/"/g; s/^{"return": "\(.*\)", "id": 3}\r$/\1/p' |
		awk -v RS= '/ AS "memory", root: system/ { print; exit }'
}

# registers: from QMP's answer on stdin, what the monitor says of the processors' registers.
registers()
{
	sed -n 's/\\r\\n/\n/g; s/^{"return": "\(.*\)", "id": 4}\r$/\1/p' | head -n 12
}

mkdir -p "$CORPUS"/{fuzz_elf,fuzz_option_list,fuzz_btf,fuzz_linux_btf,fuzz_memory_tree,fuzz_qmp}
kernel 64 elf_x86_64 elf64-x86-64
kernel 32 elf_i386 elf32-i386
cp "$BUILD/guest/pagevisor-guest.btf" "$CORPUS/fuzz_btf/guest"
cp "$BUILD/unit/sample.btf" "$CORPUS/fuzz_btf/sample"
for release in 5_10 6_1 6_12 7_2; do
	cp "$BUILD/unit/linux_$release.btf" "$CORPUS/fuzz_linux_btf/$release"
done
chmod 644 "$CORPUS"/fuzz_btf/*
objcopy -O binary -j .rodata "$BUILD/pagevisor-guest.elf" "$WORK/rodata"
start=$(nm "$BUILD/pagevisor-guest.elf" | awk '$3 == "__start_option_entries" { print "0x" $1 }')
rodata=$(objdump -h -j .rodata "$BUILD/pagevisor-guest.elf" | awk '$2 == ".rodata" { print "0x" $4 }')
# The first ones, of each kind: libFuzzer takes no more than 8 KiB.
tail -c +$((start - rodata + 1)) "$WORK/rodata" | head -c $((18 * 256)) >"$CORPUS/fuzz_option_list/guest"
for machine in pc q35 microvm; do
	qemu "$machine" >"$WORK/$machine"
	system_memory <"$WORK/$machine" >"$CORPUS/fuzz_memory_tree/$machine"
done
registers <"$WORK/pc" >"$CORPUS/fuzz_memory_tree/registers"
# The machine with the shortest answers.
grep -v '"id": 4}' "$WORK/microvm" >"$CORPUS/fuzz_qmp/microvm"

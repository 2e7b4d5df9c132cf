#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Part of the build: prints the functions of a guest's image as the table of pagevisor/symbols.h, in assembly.
# Usage: symbol_table.sh IMAGE >FILE.S
set -e -o pipefail

nm -n "$1" | awk '
	BEGIN { count = 0; at = 0 }
	/^ffffffff[0-9a-f]+ [tT] text_end$/ { end = substr($1, 9) }
	$3 ~ /^(kernel_start|library_start|library_end)$/ { next } # not functions
	/^ffffffff[0-9a-f]+ [tT] [A-Za-z_]/ && !end { address[count] = substr($1, 9); name[count++] = $3 }
	END {
		if (!end || !count) {
			print "the image has no functions before text_end" >"/dev/stderr"
			exit 1
		}
		print "\t.section guest_symbols, \"a\"\n\t.balign 8"
		printf "\t.long %u, 2f - 1f\n", count + 1
		for (i = 0; i < count; i++) {
			printf "\t.long 0x%s, %u\n", address[i], at
			at += length(name[i]) + 1
		}
		printf "\t.long 0x%s, %u\n1:\n", end, at
		for (i = 0; i < count; i++)
			printf "\t.asciz \"%s\"\n", name[i]
		print "\t.asciz \"\"\n2:\n\t.section .note.GNU-stack, \"\", @progbits"
	}'

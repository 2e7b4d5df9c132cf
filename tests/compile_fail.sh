#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The compiler must refuse some declarations, with the library's own messages, and each header must compile alone.
# Usage: compile_fail.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CC=${CC:-gcc}
WARNINGS=(-std=gnu11 -Wall -Wextra -Werror -x c)
GUEST_INCLUDES=(-ffreestanding -mgeneral-regs-only -I"$ROOT/include" -I"$ROOT" -I"$ROOT/guest"
	-I"$ROOT/guest/platform")
read -r -a library_includes <<<"$(pkg-config --cflags json-c libpng ncursesw 2>/dev/null)"
HOST_INCLUDES=(-D_GNU_SOURCE -pthread -I"$ROOT/include" -I"$ROOT" -I"$ROOT/vmm"
	-I"$ROOT/vmm/platform" "${library_includes[@]}")

# type NAME STATUS PATTERN... <<declarations: compiles a file that declares a metadata type.
type_compiles()
{
	local name=$1 wanted=$2

	shift 2
	{
		echo '#include "pagemeta/meta_type.h"'
		cat
	} >"$WORK/type.c"
	expect "$name" "$wanted" "$@" -- \
		"$CC" "${WARNINGS[@]}" -fsyntax-only "${GUEST_INCLUDES[@]}" "$WORK/type.c"
}

test_types()
{
	type_compiles "a type of 48 bytes" 0 <<-'END'
		struct full_meta { uint64_t words[6]; };
		META_TYPE(full, .is_untyped = true);
	END
	type_compiles "a type of 49 bytes" 1 'full: metadata exceeds 48 bytes' <<-'END'
		struct full_meta { uint8_t bytes[49]; };
		META_TYPE(full);
	END
	type_compiles "an alignment of 32" 0 <<-'END'
		struct wide_meta { uint64_t word __attribute__((aligned(32))); };
		META_TYPE(wide);
	END
	type_compiles "an alignment of 64" 1 'wide: alignment exceeds 32 bytes' <<-'END'
		struct wide_meta { uint64_t word; } __attribute__((aligned(64)));
		META_TYPE(wide);
	END
	type_compiles "a name of 31 characters" 0 <<-'END'
		struct a234567890123456789012345678901_meta { uint64_t word; };
		META_TYPE(a234567890123456789012345678901);
	END
	type_compiles "a name of 32 characters" 1 'name exceeds 31 characters' <<-'END'
		struct a2345678901234567890123456789012_meta { uint64_t word; };
		META_TYPE(a2345678901234567890123456789012);
	END
}

# use NAME STATUS PATTERN... <<statements: compiles a function that uses the library's calls.
use_compiles()
{
	local name=$1 wanted=$2

	shift 2
	{
		echo '#include "pagemeta/frame_put.h"'
		echo 'struct one_meta { uint64_t word; };'
		echo 'META_TYPE(one);'
		echo 'struct other_meta { uint64_t word; };'
		echo 'void use(paddr_t address, const struct one_meta *one, const struct other_meta *other);'
		echo 'void use(paddr_t address, const struct one_meta *one, const struct other_meta *other)'
		echo '{ frame_t frame; (void)address; (void)one; (void)other;'
		cat
		echo '}'
	} >"$WORK/use.c"
	expect "$name" "$wanted" "$@" -- \
		"$CC" "${WARNINGS[@]}" -O2 -c -o /dev/null "${GUEST_INCLUDES[@]}" "$WORK/use.c"
}

test_uses()
{
	use_compiles "a claim and an allocation" 0 <<-'END'
		if (frame_claim(one, address, one, &frame) == FRAME_OK) frame_put(frame);
		frame = frame_alloc(one, one);
		frame_put(frame);
	END
	use_compiles "a claim with another type's struct" 1 'invalid initializer' <<-'END'
		if (frame_claim(one, address, other, &frame) == FRAME_OK) frame_put(frame);
	END
	use_compiles "an allocation with another type's struct" 1 'invalid initializer' <<-'END'
		frame = frame_alloc(one, other);
		frame_put(frame);
	END
	use_compiles "an allocation whose result is dropped" 1 'unused-result' <<-'END'
		frame_alloc(one, one);
		(void)frame;
	END
	use_compiles "a claim whose result is dropped" 1 'unused-result' <<-'END'
		frame_claim(one, address, one, &frame);
	END
	use_compiles "a get by address whose result is dropped" 1 'unused-result' <<-'END'
		frame_from_in_use(address, &frame);
	END
}

# header FILE FLAG...: a file that only includes it, twice, must compile.
header_compiles()
{
	local header=$1

	shift
	printf '#include "%s"\n#include "%s"\n' "$ROOT/$header" "$ROOT/$header" >"$WORK/alone.c"
	expect "$header alone" 0 -- "$CC" "${WARNINGS[@]}" -fsyntax-only "$@" "$WORK/alone.c"
}

# Headers used by both guest and host must compile for both; the platform's header has the same name in each.
test_headers()
{
	local header

	cd "$ROOT" || exit 1
	for header in include/*/*.h pagemeta/*.h; do
		header_compiles "$header" "${GUEST_INCLUDES[@]}"
		header_compiles "$header" "${HOST_INCLUDES[@]}"
	done
	for header in guest/*.h guest/*/*.h; do
		header_compiles "$header" "${GUEST_INCLUDES[@]}"
	done
	for header in $(find vmm -name "*.h" | sort); do
		header_compiles "$header" "${HOST_INCLUDES[@]}"
	done
}

test_types
test_uses
test_headers
finish

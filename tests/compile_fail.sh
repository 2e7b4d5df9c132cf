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

# code_compiles NAME STATUS PATTERN... <<statements: compiles them in a function, beside types to use.
code_compiles()
{
	local name=$1 wanted=$2

	shift 2
	{
		cat <<-'END'
			#include "pagemeta/frame_list.h"
			#include "pagemeta/segment.h"
			struct page_meta { uint64_t number; struct list_link link; };
			META_TYPE(page, .link_place = META_LINK_PLACE(page, link));
			struct other_meta { uint64_t number; };
			META_TYPE(other);
			struct packed_meta { uint32_t number; struct list_link link; } __attribute__((packed));
			META_TYPE(packed);
			struct long_meta { uint64_t words[4]; struct list_link link; };
			extern const struct meta_type meta_type_long;
			void fill_page(void *context, uint64_t index, struct page_meta *meta);
			void fill_other(void *context, uint64_t index, struct other_meta *meta);
			void fill_any(void *context, uint64_t index, void *meta);
			void code(struct frame_list *list, struct list_cursor *cursor, unique_frame_t *frame,
				struct segment *segment, struct page_meta *page, struct other_meta *other);
			void code(struct frame_list *list, struct list_cursor *cursor, unique_frame_t *frame,
				struct segment *segment, struct page_meta *page, struct other_meta *other)
			{
				(void)list, (void)cursor, (void)frame, (void)segment, (void)page, (void)other;
		END
		cat
		echo "}"
	} >"$WORK/code.c"
	expect "$name" "$wanted" "$@" -- \
		"$CC" "${WARNINGS[@]}" -O2 -c -o /dev/null "${GUEST_INCLUDES[@]}" "$WORK/code.c"
}

test_links()
{
	type_compiles "a link in whole words" 0 <<-'END'
		#include <pagevisor/list_link.h>
		struct page_meta { uint32_t number; struct list_link link; };
		META_TYPE(page, .link_place = META_LINK_PLACE(page, link));
	END
	type_compiles "the place of a link at offset 4" 1 'page.link: a link begins at a whole word' <<-'END'
		#include <pagevisor/list_link.h>
		struct page_meta { uint32_t number; struct list_link link; } __attribute__((packed));
		META_TYPE(page, .link_place = META_LINK_PLACE(page, link));
	END
	type_compiles "the place of another member" 1 'page.number: a link is a struct list_link' <<-'END'
		#include <pagevisor/list_link.h>
		struct page_meta { uint64_t number; };
		META_TYPE(page, .link_place = META_LINK_PLACE(page, number));
	END
	code_compiles "a list" 0 <<<'frame_list_init(list, page, link);'
	code_compiles "a list linked at offset 4" 1 'packed.link: a link begins at a whole word' \
		<<<'frame_list_init(list, packed, link);'
	code_compiles "a list linked by a number" 1 'page.number: a link is a struct list_link' \
		<<<'frame_list_init(list, page, number);'
	code_compiles "a list linked past the slot" 1 'long.link: metadata exceeds 48 bytes' \
		<<<'frame_list_init(list, long, link);'
	code_compiles "a write through a cursor" 0 <<<'list_cursor_set(cursor, page, number, 1);'
	code_compiles "a link written through a cursor" 1 'page.link: a link is written by its list alone' \
		<<<'list_cursor_set(cursor, page, link, page->link);'
}

# refused_struct CALL RESULT: the call compiles with a page, and with no other pointer.
refused_struct()
{
	local call=$1 pattern=$2

	code_compiles "$call with its struct" 0 <<<"${call//META/page}"
	code_compiles "$call with another struct" 1 "$pattern" <<<"${call//META/other}"
	code_compiles "$call with a void pointer" 1 "$pattern|void value" <<<"${call//META/(void *)page}"
}

test_structs()
{
	local fills

	refused_struct 'if (unique_claim(page, paddr(0), META, frame)) return;' 'invalid initializer'
	refused_struct '*frame = unique_alloc(page, META);' 'invalid initializer'
	refused_struct 'unique_change(*frame, page, META);' 'invalid initializer'
	refused_struct 'unique_replace(*frame, page, META);' 'invalid initializer'
	for fills in 'if (segment_claim(page, paddr(0), 1, FILL, NULL, segment)) return;' \
		'if (segment_alloc(page, 1, 1, FILL, NULL, segment)) return;'; do
		code_compiles "$fills with its struct" 0 <<<"${fills//FILL/fill_page}"
		code_compiles "$fills without a function" 0 <<<"${fills//FILL/NULL}"
		code_compiles "$fills with another struct" 1 'Generic.* selector' <<<"${fills//FILL/fill_other}"
		code_compiles "$fills with any pointer" 1 'Generic.* selector' <<<"${fills//FILL/fill_any}"
	done
}

# What must not be dropped: an error, or something to give back.
test_results()
{
	local call

	for call in 'unique_alloc(page, page)' 'unique_claim(page, paddr(0), page, frame)' \
		'unique_reset(*frame)' 'unique_share(*frame)' 'unique_from_shared(FRAME_NONE, frame)' \
		'unique_write_any(*frame, 0, page, 1)' 'frame_list_pop_front(list)' \
		'list_cursor_take(cursor)' 'segment_alloc(page, 1, 1, NULL, NULL, segment)' \
		'segment_claim(page, paddr(0), 1, NULL, NULL, segment)' 'segment_pop(segment)' \
		'segment_push(segment, FRAME_NONE)' 'segment_slice(segment, 0, 1, segment)' \
		'segment_split(segment, 0, segment)' 'segment_from_raw(paddr(0), 0)'; do
		code_compiles "the result of $call" 1 'ignoring return value' <<<"$call;"
	done
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
test_links
test_structs
test_results
test_headers
finish

/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the expressions of `find`: what compiles obeys the laws of logic over frames of every kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/slot.h>

#include "fuzz/fuzz_check.h"
#include "inspect/find/expression.h"
#include "kind/pagevisor/classify.h"
#include "unit/crafted_guest.h"

enum { ANON, PAGE_TABLE, TYPES };

static const struct guest_view view = {
	.type_count = TYPES,
	.types = {{.name = "anon"}, {.name = "page_table"}},
};

/* Both types have a level; a page table has an owner, too, whose value may be unknown. */
static int resolve(void *own, unsigned type, const char *name)
{
	(void)own;
	if (strcmp(name, "level") == 0)
		return 0;
	return type == PAGE_TABLE && strcmp(name, "owner.pid") == 0 ? 1 : -1;
}

static bool read_field(void *own, int handle, const void *record, expression_number *value)
{
	const struct meta_slot *slot = record;

	(void)own;
	*value = handle == 0 ? (expression_number)slot->storage[0]
			     : (expression_number)(int64_t)slot->storage[1];
	return handle == 0 || slot->storage[1] != 0;
}

static const struct field_resolver resolver = {.resolve = resolve, .read = read_field};
static const struct meta_slot records[] = {
	{.storage = {2, UINT64_MAX}}, {.storage = {UINT64_MAX, 0}}, {.storage = {0, 5}}};

/* Whether a text compiles; if it does, the frames that match it, a bit for each. */
static bool evaluate(const char *text, unsigned *matches)
{
	static struct expression expression;
	static const uint64_t states[] = {UINT64_MAX, (uint64_t)7 << 32 | 3,
					  (uint64_t)9 << 32 | REF_UNIQUE, 0x80000000, 1};
	static const int types[] = {ANON, PAGE_TABLE, FRAME_TYPE_NONE, FRAME_TYPE_WILD};
	struct error err;
	int result =
		expression_compile(text, crafted_guest(NULL, &view), &resolver, &expression, &err);

	if (result < 0) {
		FUZZ_CHECK(result == -EINVAL);
		fuzz_check_error(&err);
		return false;
	}
	*matches = 0;
	for (unsigned i = 0; i < 30; i++) {
		struct frame frame = frame_of_state(states[i % 5], types[i % 4]);
		const struct expression_frame subject = {
			.pfn = {i * 0x1000},
			.frame = &frame,
			.record = types[i % 4] >= 0 ? &records[i % 3] : NULL,
		};

		*matches |= (unsigned)expression_matches(&expression, &subject) << i;
	}
	return true;
}

/* The same for the text within others; a longer one may be too long or too deep. */
static void check_law(const char *format, const char *text, unsigned wanted)
{
	char longer[2 * EXPRESSION_LENGTH_MAX + 32];
	unsigned matches;

	snprintf(longer, sizeof(longer), format, text, text);
	if (evaluate(longer, &matches))
		FUZZ_CHECK(matches == wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	unsigned matches;

	if (evaluate(text, &matches)) {
		check_law(" ( %s ) ", text, matches);
		check_law("(%s) && (%s)", text, matches);
		check_law("(%s) || (%s)", text, matches);
		/* Both are false where a value is missing. */
		check_law("(%s) && !(%s)", text, 0);
		check_law("!!(%s)", text, matches);
		check_law("(%s) > 0 || (%s) < 0", text, matches);
		check_law("(%s) - 1 >= 0 || (%s) <= -1", text, matches);
	}
	free(text);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned matches;

	(void)argc;
	(void)argv;
	FUZZ_CHECK(
		evaluate("type == page_table && meta.level == 2 || ref > 1 && gen == 7", &matches));
	FUZZ_CHECK(matches != 0 && matches != (1u << 30) - 1);
	return 0;
}

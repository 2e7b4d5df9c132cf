/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of page_copy against a page that lives: a thread takes a struct page through its lives as fast as it can, as the
 * kernel does, with words that belong together, while one thread reads it by page_copy and another reads each word once,
 * which must be caught.
 */
#include "unit/suites.h"

#include "kind/linux/page_class.h"
#include "kind/read_counters.h"
#include "unit/crew.h"
#include "unit/fixture.h"

/* Words of a struct page, by their place, and what the kernel keeps there. */
enum {
	WORD_FLAGS,
	WORD_LIST_NEXT,
	WORD_LIST_PREV,
	WORD_MAPPING,
	WORD_INDEX,
	WORD_PRIVATE,
	WORD_COUNTS,
	WORD_GROUP,
	WORDS,
};

#define FLAGS_LRU        UINT64_C(0x20)
#define FLAGS_ANON       UINT64_C(0x40020)
#define COUNTS(ref, map) ((uint64_t)(uint32_t)(map) | (uint64_t)(ref) << 32)
#define MAPPING_OF(life)                                                                           \
	((life) << 4 | ((life)&1)) /* every other life is that of an anonymous page */
#define INDEX_OF(life) ((life)*UINT64_C(0x9e3779b97f4a7c15))

static struct {
	_Alignas(LAYOUT_PAGE_SIZE) uint64_t page[WORDS];
	uint64_t accepted, torn;           /* of the reader by page_copy */
	uint64_t single_read, single_torn; /* of the reader of single words */
} own;

/* Nothing of the kernel's orders loads of a reader; on x86, stores are seen in their order. */
static void store(unsigned word, uint64_t value)
{
	__atomic_store_n(&own.page[word], value, __ATOMIC_RELEASE);
}

static void live(uint64_t life)
{
	store(WORD_PRIVATE, 0);
	store(WORD_COUNTS, COUNTS(1, -1));
	store(WORD_INDEX, INDEX_OF(life));
	store(WORD_MAPPING, MAPPING_OF(life));
	store(WORD_LIST_NEXT, life << 6);
	store(WORD_LIST_PREV, life << 6);
	store(WORD_FLAGS, life & 1 ? FLAGS_ANON : FLAGS_LRU);
	store(WORD_COUNTS, COUNTS(1, 0));
	/* And the end of it. */
	store(WORD_COUNTS, COUNTS(1, -1));
	store(WORD_FLAGS, 0);
	store(WORD_MAPPING, 0);
	store(WORD_COUNTS, COUNTS(0, -1));
}

static void run_page(struct crew_member *member)
{
	(void)member;
	for (uint64_t life = 1; !crew_is_done(); life++)
		live(life);
}

/*
 * Whether these words were never there together. Words whose values come again, such as flags and counts, are left out:
 * no reader can promise anything of those.
 */
static bool is_torn(const uint64_t *page)
{
	uint64_t life = page[WORD_MAPPING] >> 4;

	if (page[WORD_MAPPING] == 0)
		return false;
	if (page[WORD_INDEX] != INDEX_OF(life))
		return true;
	/* The list is linked once the mapping is there: next, then prev. */
	uint64_t next = page[WORD_LIST_NEXT] >> 6, prev = page[WORD_LIST_PREV] >> 6;

	return next > life || next + 1 < life || prev > next || prev + 1 < next;
}

static void run_copies(struct crew_member *member)
{
	struct read_counters counters = {0};
	uint64_t copy[WORDS];

	(void)member;
	while (!crew_is_done())
		if (page_copy(own.page, copy, &counters)) {
			if (is_torn(copy))
				crew_count(&own.torn);
			crew_count(&own.accepted);
		}
}

static void run_single(struct crew_member *member)
{
	uint64_t copy[WORDS];

	(void)member;
	while (!crew_is_done()) {
		for (unsigned i = 0; i < WORDS; i++)
			copy[i] = __atomic_load_n(&own.page[i], __ATOMIC_RELAXED);
		crew_count(&own.single_read);
		if (is_torn(copy))
			crew_count(&own.single_torn);
	}
}

START_TEST(copies_of_a_page_that_lives_are_never_torn_and_single_reads_are)
{
	static const struct crew_event events[] = {
		CREW_EVENT(own.accepted),
		CREW_EVENT(own.single_torn),
	};

	crew_setup();
	crew_add(run_page, NULL);
	crew_add(run_copies, NULL);
	crew_add(run_single, NULL);
	CREW_WORK(events);
	ck_assert_uint_eq(own.torn, 0);
}
END_TEST

Suite *linux_torn_suite(void)
{
	Suite *suite = suite_create("linux_torn");
	TCase *lives = tcase_create("lives");

	tcase_add_test(lives, copies_of_a_page_that_lives_are_never_torn_and_single_reads_are);

	tcase_set_timeout(lives, SLOW_TEST_TIMEOUT);
	suite_add_tcase(suite, lives);
	return suite;
}

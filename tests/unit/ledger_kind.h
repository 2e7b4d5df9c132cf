/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A second kind of guest, as different from pagevisor's own as the interface for kinds allows: a record is one word,
 * without references and generations, and the records lie in two runs; a page anywhere in memory says where. Also
 * memories in which to find such guests.
 */
#ifndef TESTS_UNIT_LEDGER_KIND_H
#define TESTS_UNIT_LEDGER_KIND_H

#include <stdint.h>

#include "kind/kind.h"
#include "memory/guest_memory.h"

extern const struct kind ledger_kind;

/* A record: three bits of state, four of type, and the frame's value. */
enum ledger_state { LEDGER_VACANT, LEDGER_HELD, LEDGER_VOID };
enum ledger_type { LEDGER_GOLD, LEDGER_SALT, LEDGER_TYPES };

#define LEDGER_TYPE_SHIFT  3
#define LEDGER_VALUE_SHIFT 7

static inline uint64_t ledger_record(uint64_t state, uint64_t type, uint64_t value)
{
	return state | type << LEDGER_TYPE_SHIFT | value << LEDGER_VALUE_SHIFT;
}

extern const char LEDGER_RULE_STATE[]; /* not a valid state */

#define LEDGER_MAGIC UINT64_C(0x72656764656c2121)
#define LEDGER_RUNS  2

/* The content at the start of the page. */
struct ledger_page {
	uint64_t magic;
	uint64_t boot; /* 0: it opens, and has frames already */
	uint64_t run_count;
	struct {
		uint64_t pa, count;
	} runs[LEDGER_RUNS]; /* the frame number at which the second run continues the first */
};

/*
 * A guest's memory: its page, and its records in two runs, the second at the lower address. At first all frames are
 * vacant.
 */
#define LEDGER_RAM    (UINT64_C(64) * PAGE_SIZE)
#define LEDGER_PAGE   (5 * PAGE_SIZE)
#define LEDGER_OTHER  (7 * PAGE_SIZE) /* written, but describes no frames */
#define LEDGER_FIRST  6000 /* frames in the first run: more than a walk reads in one chunk */
#define LEDGER_FRAMES 9000
#define LEDGER_RUN_0  (LEDGER_RAM - LEDGER_FIRST * sizeof(uint64_t)) /* ends at the last byte */
#define LEDGER_RUN_1  (20 * PAGE_SIZE + 64)                          /* starts within a page */

struct ledger {
	struct guest_memory memory;
	int fd;
	uint8_t *ram;
	struct ledger_page *page;
};

/* The thread is registered with liburcu. */
void ledger_make(struct ledger *ledger);
void ledger_free(struct ledger *ledger);

/* The one guest of a memory, of whichever kind. */
struct guest *found_in(const struct guest_memory *memory, const struct guest_hints *hints);

/* The record of a frame, writable. */
uint64_t *ledger_at(const struct ledger *ledger, uint64_t frame);

/* Punches a hole of some pages into the file. */
void ledger_punch(const struct ledger *ledger, uint64_t pa, uint64_t pages);

/*
 * Fills in frames of every sort: 10 to 14, at both ends of the first run and at the end of the second; and frames whose
 * records were never written.
 */
void ledger_fill(const struct ledger *ledger);

#define LEDGER_HOLE       1392 /* its record starts a page */
#define LEDGER_HOLE_COUNT (PAGE_SIZE / sizeof(uint64_t))

#endif

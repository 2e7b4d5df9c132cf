/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a guest's memory went: by file, by cache of small objects, by process, by zone, by page block and the type of these,
 * or by class of frames.
 *
 * What there is to add up, and what it is called, only the guest's kind knows. It is read while the guest runs: figures are
 * values that the guest had, of different moments.
 */
#ifndef VMM_BREAKDOWN_H
#define VMM_BREAKDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct guest;
struct memory_budget;

enum breakdown_by {
	BREAKDOWN_FILE,
	BREAKDOWN_CACHE,
	BREAKDOWN_PROCESS,
	BREAKDOWN_ZONE,
	BREAKDOWN_PAGEBLOCK,
	BREAKDOWN_MIGRATETYPE,
	BREAKDOWN_CLASS, /* of any kind: types, and states of what is not in use */
	BREAKDOWN_COUNT,
};

/* What --by takes, one by one, in a list for help, and in words. */
#define BREAKDOWN_LIST  "file|cache|process|zone|pageblock|migratetype|class"
#define BREAKDOWN_WORDS "file, cache, process, zone, pageblock, migratetype or class"
extern const char *const breakdown_names[BREAKDOWN_COUNT];

#define BREAKDOWN_FIGURES_MAX 6
#define BREAKDOWN_GROUP_SIZE  32
#define BREAKDOWN_IDENTITY    3

enum breakdown_unit {
	BREAKDOWN_BYTES,
	BREAKDOWN_NUMBER,
	BREAKDOWN_ID,   /* has no sum: it belongs to the row's name */
	BREAKDOWN_PART, /* has no sum: it counts what other rows count, too */
};

static inline bool breakdown_unit_has_sum(enum breakdown_unit unit)
{
	return unit == BREAKDOWN_BYTES || unit == BREAKDOWN_NUMBER;
}

struct breakdown_column {
	const char *key;     /* in JSON; of bytes "..._bytes" */
	const char *heading; /* for people, up to 9 columns */
	enum breakdown_unit unit;
};

struct breakdown_row {
	char *name;                       /* printable; NULL: not known */
	char group[BREAKDOWN_GROUP_SIZE]; /* stands before the name, printable; empty: none */
	uint64_t key;                     /* the kind's own */
	/* In a look at another moment the row with these, and with this group, is of the same thing. */
	uint64_t identity[BREAKDOWN_IDENTITY];
	uint64_t figures[BREAKDOWN_FIGURES_MAX];
};

struct breakdown {
	/* Constants. Rows are ordered by the first column. */
	const struct breakdown_column *columns;
	unsigned column_count;
	const char *group_key;  /* what JSON calls a group; NULL: there are none */
	const char *note;       /* for people, what to know of the figures; NULL: nothing */
	unsigned compared;      /* the column whose change counts between two looks */
	const char *matched_by; /* for people, what identity and group are */
	bool has_lasting_names; /* the name belongs to the identity, too */
	bool is_of_boot;        /* an identity means nothing in another boot */
	uint64_t row_count;
	struct breakdown_row *rows;
	uint64_t other_count; /* rows that were left out */
	uint64_t others[BREAKDOWN_FIGURES_MAX], sums[BREAKDOWN_FIGURES_MAX];
	/* For those who fill it. */
	uint64_t capacity;
	struct memory_budget *budget;
	uint64_t taken;
};

/* Whether its kind can add up its memory like that. Returns 0, or -EINVAL with a text. */
int guest_has_breakdown(const struct guest *guest, enum breakdown_by by, struct error *err);

/*
 * Adds up a guest's memory; keeps the `limit` largest rows and the sum of the others. Returns 0; -EINVAL if its kind cannot,
 * -ENODATA if this guest does not say, -E2BIG if the memory's budget is too small, each with a text; or as frame_walk.
 * Call breakdown_free in each case.
 */
int guest_breakdown(const struct guest *guest, enum breakdown_by by, uint64_t limit,
		    struct breakdown *breakdown, struct error *err);
void breakdown_free(struct breakdown *breakdown);

/* For kinds. Appends a row of zeroes; NULL, with a text, if there is no memory for it. */
struct breakdown_row *breakdown_add(struct breakdown *breakdown, struct error *err);

/* Gives a row that has no name one, from text that others wrote. Returns 0, -E2BIG or -ENOMEM, with a text. */
int breakdown_name(struct breakdown *breakdown, struct breakdown_row *row, const char *text,
		   struct error *err);

/* Whether a pattern, as fnmatch takes it, is of the row's name alone, or of its group, a blank and the name. None is of a row without. */
bool breakdown_row_is_named(const struct breakdown_row *row, const char *pattern);

/* Orders the rows, keeps `limit` of them, and sums. */
void breakdown_finish(struct breakdown *breakdown, uint64_t limit);

#endif

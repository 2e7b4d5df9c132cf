/* SPDX-License-Identifier: MPL-2.0 */
/* Named figures that are specific to a kind of guest: its counters, what a check covered, what is special about it. */
#ifndef VMM_FACTS_H
#define VMM_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FACTS_MAX 16

/* Where people see a fact. Programs get all facts, by key. */
enum fact_use {
	FACT_IN_REPORT = 1 << 0, /* on a line of its own, under its label */
	FACT_AS_RATE = 1 << 1,   /* per second, when the guest is sampled repeatedly */
	FACT_IN_TABLE = 1 << 2,  /* per second, as a column under its heading */
	FACT_IN_LINE = 1 << 3,   /* within a line: its label is a printf format for one uint64_t */
	FACT_IS_FLAG = 1 << 4,   /* a boolean in JSON */
	FACT_IS_GAP = 1 << 5,    /* if 0: its label says what was left out, and why */
	FACT_IS_TIME = 1 << 6,   /* nanoseconds; seconds in JSON */
};

struct fact {
	const char *key;     /* in JSON */
	const char *label;   /* for people; NULL: not shown to them */
	const char *heading; /* of a column, with FACT_IN_TABLE */
	unsigned use;        /* enum fact_use */
	uint64_t value;
};

struct facts {
	unsigned count;
	struct fact list[FACTS_MAX];
};

static inline void facts_add(struct facts *facts, struct fact fact)
{
	if (facts->count < FACTS_MAX)
		facts->list[facts->count++] = fact;
}

/* The fact with that key, or NULL. */
static inline const struct fact *facts_find(const struct facts *facts, const char *key)
{
	for (unsigned i = 0; i < facts->count; i++)
		if (strcmp(facts->list[i].key, key) == 0)
			return &facts->list[i];
	return NULL;
}

static inline uint64_t facts_value(const struct facts *facts, const char *key)
{
	const struct fact *fact = facts_find(facts, key);

	return fact ? fact->value : 0;
}

/* Whether something was left out. */
static inline bool facts_have_gap(const struct facts *facts)
{
	for (unsigned i = 0; i < facts->count; i++)
		if (facts->list[i].use & FACT_IS_GAP && !facts->list[i].value)
			return true;
	return false;
}

#endif

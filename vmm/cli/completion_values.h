/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What an option's value, or an argument, may be, by what the help calls it: --by=type|state|refs, --png=FILE, [VM]. A
 * name in capitals is a kind of values, of which the table in completion_values.c has those that can be listed; other
 * words stand for themselves.
 */
#ifndef VMM_COMPLETION_VALUES_H
#define VMM_COMPLETION_VALUES_H

/* What the shell adds to the candidates. */
enum completion_files {
	COMPLETION_NO_FILES,
	COMPLETION_FILES,
	COMPLETION_CAPTURES,
};

struct completion {
	const char *command; /* NULL: it is still to be named */
	const char *word;    /* under the cursor, so far */
	int prefix_size;     /* what of it stays before each candidate: "--name=" */
	enum completion_files files;
};

/* Prints a candidate, with its description or NULL. */
void completion_offer(const struct completion *completion, const char *text,
		      const char *description);

/* Prints what may stand for a name of the help: NAME, or several with | between them, [], ... */
void completion_offer_value(struct completion *completion, const char *name);

#endif

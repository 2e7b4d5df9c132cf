/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lines of text that are folded at blanks where they would not fit into the terminal, and go on below, indented. In files
 * and pipes they stay whole, so that programs find a line for each thing.
 */
#ifndef VMM_FOLDED_H
#define VMM_FOLDED_H

#include <stdbool.h>
#include <stdio.h>

struct folded {
	FILE *out;
	unsigned columns; /* 0: never folded */
	unsigned indent;  /* of the lines below the first */
	unsigned used;    /* columns of the present line; starts at 0 */
	bool is_below;    /* nothing but the indent is in the line so far */
};

/* The columns of the terminal that a descriptor is, by COLUMNS or as it says itself; 0: it is no terminal. */
unsigned folded_columns(int fd);

/* Appends text as it is. */
void folded_put(struct folded *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Begins the line below unless so many columns are left, or this would not gain any. */
void folded_keep(struct folded *line, unsigned columns);

/* Appends words, each after a blank unless the line begins with it. Only a word that is longer than a line is broken by the
 * terminal. */
void folded_words(struct folded *line, const char *text);

/* Ends the line; the next one can begin. */
void folded_end(struct folded *line);

#endif

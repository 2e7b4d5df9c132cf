/* SPDX-License-Identifier: MPL-2.0 */
/* The nearest of several names, by the letters in which they differ: see name_guess.h. */
#include "base/name_guess.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/printable.h"

/* From this length on, the beginning of a name is as good as the name with one slip. */
#define PREFIX_MIN 3

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return strncasecmp(&a, &b, 1) == 0;
}

/* Three rows of the table of all distances: that of a's beginning so far, and the two before. */
unsigned name_distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_GUESS_SIZE];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	size_t width = strlen(b);

	for (unsigned j = 0; j <= width; j++)
		last[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= width; j++) {
			bool is_same = same_letter(a[i - 1], b[j - 1]);

			row[j] = smaller(last[j - 1] + !is_same, smaller(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				row[j] = smaller(row[j], before[j - 2] + 1);
		}
		unsigned *oldest = before;

		before = last;
		last = row;
		row = oldest;
	}
	return last[width];
}

struct name_guess name_guess_of(const char *word)
{
	struct name_guess guess = {.distance = 0};
	size_t length = strlen(word);

	/* One slip in three letters. A word of one letter could mean anything. */
	if (length > 1 && length < sizeof(guess.word)) {
		memcpy(guess.word, word, length);
		guess.distance = (unsigned)(length < 3 ? 3 : length) / 3 + 1;
	}
	return guess;
}

void name_guess_try(struct name_guess *guess, const char *name)
{
	size_t length = strlen(guess->word);

	if (guess->distance == 0 || strlen(name) >= sizeof(guess->name) || !*name)
		return;
	unsigned distance = name_distance(guess->word, name);

	if (distance > 1 && length >= PREFIX_MIN && strncasecmp(guess->word, name, length) == 0)
		distance = 1;
	if (distance < guess->distance) {
		strcpy(guess->name, name);
		guess->distance = distance;
	}
}

const char *name_guess_name(const struct name_guess *guess)
{
	return *guess->name ? guess->name : NULL;
}

const char *name_guess_text(struct name_guess *guess)
{
	char name[NAME_GUESS_SIZE];

	if (!*guess->name)
		return "";
	printable_copy(name, sizeof(name), guess->name);
	snprintf(guess->text, sizeof(guess->text), "; did you mean '%s'?", name);
	return guess->text;
}

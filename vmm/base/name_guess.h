/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which of several names somebody may have meant by a misspelled one.
 *
 *     struct name_guess guess = name_guess_of(word);
 *
 *     for (each name)
 *             name_guess_try(&guess, name);
 *     error_set(err, -ENOENT, "no type '%s'%s", word, name_guess_text(&guess));
 */
#ifndef VMM_NAME_GUESS_H
#define VMM_NAME_GUESS_H

/* In bytes, with the terminator. Longer words and names are not compared, so that each comparison is short. */
#define NAME_GUESS_SIZE 128

struct name_guess {
	char word[NAME_GUESS_SIZE];
	char name[NAME_GUESS_SIZE]; /* the nearest so far, or "" */
	unsigned distance;          /* its distance; before the first name, one more than is near */
	char text[NAME_GUESS_SIZE + 32];
};

struct name_guess name_guess_of(const char *word);

/* Remembers a name if it is nearer to the word than those before. The name is copied. */
void name_guess_try(struct name_guess *guess, const char *name);

/* The nearest name, or NULL if none is near. */
const char *name_guess_name(const struct name_guess *guess);

/* "; did you mean 'NAME'?", printable, or "" if no name is near. It belongs to the guess. */
const char *name_guess_text(struct name_guess *guess);

/*
 * How many letters have to be replaced, inserted, removed, or swapped with their neighbours, to make one text out of
 * the other. A letter's case does not count. Both are shorter than NAME_GUESS_SIZE.
 */
unsigned name_distance(const char *a, const char *b);

#endif

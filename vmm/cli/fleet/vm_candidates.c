/* SPDX-License-Identifier: MPL-2.0 */
/* Which VM a name without a prefix means: see vm_candidates.h. */
#include "cli/fleet/vm_candidates.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name_guess.h"
#include "base/printable.h"

#define CANDIDATES_MAX 65536

/* Of a line that lists VMs; an error has room for as much, and for what stands around it. */
#define LIST_SIZE 360

void vm_candidates_add(struct vm_candidates *candidates, enum vm_kind kind, const char *name,
		       const char *typed)
{
	unsigned count = candidates->count;

	if (count == CANDIDATES_MAX)
		return;
	if ((count & (count - 1)) == 0) {
		struct vm_candidate *more = reallocarray(
			candidates->list, count ? 2 * (size_t)count : 1, sizeof(*more));

		if (!more)
			return;
		candidates->list = more;
	}
	struct vm_candidate *candidate = &candidates->list[candidates->count++];

	candidate->kind = kind;
	snprintf(candidate->name, sizeof(candidate->name), "%s", name);
	snprintf(candidate->typed, sizeof(candidate->typed), "%s", typed);
}

void vm_candidates_free(struct vm_candidates *candidates)
{
	free(candidates->list);
	*candidates = (struct vm_candidates){0};
}

/* Without a name all are meant. */
static bool is_meant(const struct vm_candidate *candidate, const char *name, enum vm_kind kind)
{
	return !name || (*name && candidate->kind == kind && strcmp(candidate->name, name) == 0);
}

/* Whether the shell would take a word for something else. */
static bool needs_quotes(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+.,:/@%=#";

	return word[strspn(word, plain)] != '\0';
}

/* Writes a word as a shell takes it. Returns the length, or 0 if there is no room. */
static size_t write_word(const char *word, char *to, size_t size)
{
	bool quotes = needs_quotes(word);
	size_t length = 0;

	if (size < 4 * strlen(word) + 3)
		return 0;
	if (quotes)
		to[length++] = '\'';
	for (; *word; word++)
		if (*word == '\'')
			length += (size_t)sprintf(to + length, "'\\''");
		else
			to[length++] = *word;
	if (quotes)
		to[length++] = '\'';
	to[length] = '\0';
	return length;
}

/* Lists those that are meant, as they have to be typed, as many as there is room for. */
static int refuse_several(const struct vm_candidates *candidates, const char *name,
			  enum vm_kind kind, unsigned count, struct error *err)
{
	char list[LIST_SIZE] = "", more[48] = "", word[4 * VM_KEY_SIZE + 3];
	size_t length = 0;
	unsigned listed = 0;

	for (unsigned i = 0; i < candidates->count; i++) {
		const struct vm_candidate *candidate = &candidates->list[i];
		size_t part = is_meant(candidate, name, kind)
				      ? write_word(candidate->typed, word, sizeof(word))
				      : 0;

		if (part == 0 || length + part + 3 > sizeof(list))
			continue;
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   listed++ ? ", " : "", word);
	}
	if (listed < count)
		snprintf(more, sizeof(more), " and %u more; see pagevisor ps", count - listed);
	if (!name)
		return error_set(err, -EINVAL, "%u VMs are running; name one: %s%s", count, list,
				 more);
	return error_set(err, -EINVAL, "%u VMs are named '%.64s'; name one: %s%s", count, name,
			 list, more);
}

static int refuse_unknown(const struct vm_candidates *candidates, const char *name,
			  struct error *err)
{
	struct name_guess guess;
	char shown[64];

	if (!name)
		return error_set(err, -ENOENT, "no VM is running; pagevisor run starts one");
	guess = name_guess_of(name);
	for (unsigned i = 0; i < candidates->count; i++)
		name_guess_try(&guess, candidates->list[i].name);
	printable_copy(shown, sizeof(shown), name);
	return error_set(err, -ENOENT, "no VM named '%s'%s", shown,
			 name_guess_name(&guess) ? name_guess_text(&guess)
						 : "; pagevisor ps lists the running VMs");
}

/* The kind that comes first among those with the name. */
static enum vm_kind first_kind(const struct vm_candidates *candidates, const char *name)
{
	enum vm_kind first = VM_KINDS;

	for (unsigned i = 0; name && i < candidates->count; i++)
		if (candidates->list[i].kind < first &&
		    is_meant(&candidates->list[i], name, candidates->list[i].kind))
			first = candidates->list[i].kind;
	return first;
}

/* By kind; numbers in names as numbers. */
static int compare(const void *a, const void *b)
{
	const struct vm_candidate *one = a, *other = b;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strverscmp(one->typed, other->typed);
}

int vm_candidates_choose(struct vm_candidates *candidates, const char *name,
			 const struct vm_candidate **chosen, struct error *err)
{
	enum vm_kind kind = first_kind(candidates, name);
	unsigned count = 0;

	/* Daemons list domains in any order. */
	if (candidates->count > 0)
		qsort(candidates->list, candidates->count, sizeof(candidates->list[0]), compare);
	for (unsigned i = 0; i < candidates->count; i++)
		if (is_meant(&candidates->list[i], name, kind)) {
			*chosen = &candidates->list[i];
			count++;
		}
	if (count == 0)
		return refuse_unknown(candidates, name, err);
	return count == 1 ? 0 : refuse_several(candidates, name, kind, count, err);
}

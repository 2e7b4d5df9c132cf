/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest of QEMU has its RAM: see memory_tree.h. */
#include "source/qemu/memory_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A line without its end; it is part of the text. */
struct line {
	const char *start;
	size_t length;
};

/* Finds the line at *text and advances to the next. False: there is none. */
static bool next_line(const char **text, struct line *line)
{
	if (**text == '\0')
		return false;
	*line = (struct line){*text, strcspn(*text, "\r\n")};
	*text += line->length;
	*text += **text == '\r';
	*text += **text == '\n';
	return true;
}

static bool is_text(const char *start, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(start, text, length) == 0;
}

/* Empty lines separate flat views. The head of the wanted view names the system's address space. */
static const char *find_view(const char *text)
{
	struct line line;

	while (next_line(&text, &line))
		if (is_text(line.start, line.length, " AS \"memory\", root: system"))
			return text;
	return NULL;
}

/* The index of the backend with this name; `count` if there is none. Names may be of any length. */
static unsigned find_backend(const char *name, size_t length, const char *const *names,
			     unsigned count)
{
	unsigned i = 0;

	while (i < count && (strncmp(name, names[i], length) != 0 || names[i][length] != '\0'))
		i++;
	return i;
}

/* Advances *at past a text. Returns false, and leaves *at, if something else is there. */
static bool take(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

/* As above, for a hexadecimal number of at most 64 bits. */
static bool take_hex(const char **at, uint64_t *value)
{
	size_t length = strspn(*at, "0123456789abcdefABCDEF");

	if (length == 0 || length > 16)
		return false;
	*value = strtoull(*at, NULL, 16);
	*at += length;
	return true;
}

/*
 * "  0000000000100000-0000000007ffffff (prio 0, ram): pc.ram @0000000000100000 KVM". No step looks past the line's end: sscanf
 * would measure the rest of the text in each line.
 */
static bool parse_range(const struct line *line, const char *const *names, unsigned count,
			struct tree_ram *range)
{
	const char *at = line->start + strspn(line->start, " ");
	uint64_t last;

	if (!take_hex(&at, &range->base) || !take(&at, "-") || !take_hex(&at, &last) ||
	    !take(&at, " (prio ") || last < range->base)
		return false;
	at += strspn(at, "-0123456789");
	if (!take(&at, ", ram): ") && !take(&at, ", rom): "))
		return false;
	size_t length = strcspn(at, " \r\n");

	range->backend = find_backend(at, length, names, count);
	range->size = last - range->base + 1;
	range->offset = 0;
	at += length;
	if (range->backend == count)
		return false;
	return !take(&at, " @") || take_hex(&at, &range->offset);
}

/* Neither its addresses nor its offsets in the backend wrap, also when it is merged with one that begins before it. */
static bool is_possible(const struct tree_ram *range)
{
	return range->size > 0 && range->size <= UINT64_MAX - range->base &&
	       range->size <= UINT64_MAX - range->offset;
}

/* Ranges of one backend whose addresses and offsets advance together are merged, with what lies between them. */
static int add_range(struct memory_tree *tree, const struct tree_ram *range)
{
	if (!is_possible(range))
		return -EPROTO;
	for (unsigned i = 0; i < tree->count; i++) {
		struct tree_ram *ram = &tree->ram[i];

		if (ram->backend == range->backend && range->base >= ram->base &&
		    range->base - ram->base == range->offset - ram->offset) {
			uint64_t size = range->base - ram->base + range->size;

			ram->size = size > ram->size ? size : ram->size;
			return 0;
		}
	}
	if (tree->count == MEMORY_REGIONS_MAX)
		return -E2BIG;
	tree->ram[tree->count++] = *range;
	return 0;
}

int memory_tree_parse(const char *text, const char *const *backends, unsigned count,
		      struct memory_tree *tree, struct error *err)
{
	const char *view = find_view(text);
	struct tree_ram range;
	struct line line;
	int result = 0;

	*tree = (struct memory_tree){0};
	while (result == 0 && view && next_line(&view, &line) && line.length > 0)
		if (parse_range(&line, backends, count, &range))
			result = add_range(tree, &range);
	if (result < 0 || tree->count == 0)
		return error_set(err, -EPROTO, "QEMU's memory tree shows %s",
				 result == -EPROTO ? "RAM at impossible addresses"
				 : tree->count     ? "too many pieces of RAM"
						   : "no RAM");
	return 0;
}

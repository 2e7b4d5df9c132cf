/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest of QEMU has its RAM: see memory_tree.h. */
#include "source/qemu/memory_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 256

/* Copies the line at *text without its newline, cut if too long, and advances to the next. False: there is none. */
static bool next_line(const char **text, char line[LINE_SIZE])
{
	size_t length = strcspn(*text, "\r\n");
	size_t kept = length < LINE_SIZE ? length : LINE_SIZE - 1;

	if (**text == '\0')
		return false;
	memcpy(line, *text, kept);
	line[kept] = '\0';
	*text += length;
	*text += **text == '\r';
	*text += **text == '\n';
	return true;
}

/* Empty lines separate flat views. The head of the wanted view names the system's address space. */
static const char *find_view(const char *text)
{
	char line[LINE_SIZE];

	while (next_line(&text, line))
		if (strcmp(line, " AS \"memory\", root: system") == 0)
			return text;
	return NULL;
}

/* "  0000000000100000-0000000007ffffff (prio 0, ram): pc.ram @0000000000100000 KVM" */
static bool parse_range(const char *line, struct tree_ram *range)
{
	uint64_t last;
	char kind[16];
	int at = 0;

	if (sscanf(line, " %" SCNx64 "-%" SCNx64 " (prio %*d, %15[a-z/]): %63s %n", &range->base,
		   &last, kind, range->backend, &at) < 4)
		return false;
	if ((strcmp(kind, "ram") != 0 && strcmp(kind, "rom") != 0) || last < range->base)
		return false;
	range->size = last - range->base + 1;
	range->offset = 0;
	if (at && line[at] == '@')
		return sscanf(line + at, "@%" SCNx64, &range->offset) == 1;
	return true;
}

static bool is_one_of(const char *name, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Ranges of one backend whose addresses and offsets advance together are merged, with what lies between them. */
static int add_range(struct memory_tree *tree, const struct tree_ram *range)
{
	for (unsigned i = 0; i < tree->count; i++) {
		struct tree_ram *ram = &tree->ram[i];

		if (strcmp(ram->backend, range->backend) == 0 && range->base >= ram->base &&
		    range->base - ram->base == range->offset - ram->offset) {
			ram->size = range->base - ram->base + range->size;
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
	char line[LINE_SIZE];
	int result = 0;

	*tree = (struct memory_tree){0};
	while (result == 0 && view && next_line(&view, line) && line[0] != '\0')
		if (parse_range(line, &range) && is_one_of(range.backend, backends, count))
			result = add_range(tree, &range);
	if (result < 0 || tree->count == 0)
		return error_set(err, -EPROTO, "QEMU's memory tree shows %s",
				 tree->count ? "too many pieces of RAM" : "no RAM");
	return 0;
}

/* SPDX-License-Identifier: MPL-2.0 */
/* Blocks by zone and order, counted in two ways. */
#include "free_blocks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

const char *const block_zone_names[BLOCK_ZONES] = {"DMA", "DMA32", "Normal"};

/* Frames from which on each zone is, on x86-64: 0, 16 MiB, 4 GiB. */
static const uint64_t zone_starts[BLOCK_ZONES + 1] = {0, 0x1000, 0x100000, UINT64_MAX};

void free_blocks_from_buddyinfo(const char *text, struct free_blocks *free)
{
	char name[16];
	int length;

	memset(free, 0, sizeof(*free));
	for (const char *line = text; line != NULL && *line != '\0';
	     line = strchr(line, '\n'), line += line != NULL) {
		if (sscanf(line, "Node %*d, zone %15s%n", name, &length) != 1)
			continue;
		char *at = (char *)line + length;

		for (int zone = 0; zone < BLOCK_ZONES; zone++)
			for (int order = 0;
			     strcmp(name, block_zone_names[zone]) == 0 && order < BLOCK_ORDERS;
			     order++) {
				uint64_t blocks = strtoull(at, &at, 10);

				free->blocks[zone][order] += blocks;
				free->frames += blocks << order;
			}
	}
}

static bool is_free(const uint64_t *flags, uint64_t frames, uint64_t first, uint64_t count)
{
	if (count > frames - first)
		return false;
	for (uint64_t pfn = first; pfn < first + count; pfn++)
		if ((flags[pfn] & KPF(BUDDY)) == 0)
			return false;
	return true;
}

void free_blocks_from_flags(const uint64_t *flags, uint64_t frames, struct free_blocks *free)
{
	unsigned zone = 0, order;

	memset(free, 0, sizeof(*free));
	for (uint64_t pfn = 0; pfn < frames;) {
		while (pfn >= zone_starts[zone + 1])
			zone++;
		if ((flags[pfn] & KPF(BUDDY)) == 0) {
			pfn++;
			continue;
		}
		for (order = BLOCK_ORDERS - 1;
		     (pfn & ((1U << order) - 1)) != 0 || !is_free(flags, frames, pfn, 1U << order);)
			order--;
		free->blocks[zone][order]++;
		free->frames += 1U << order;
		pfn += 1U << order;
	}
}

uint64_t free_frames_in_meminfo(const char *text)
{
	const char *line = strstr(text, "MemFree:");

	return line == NULL ? 0 : strtoull(line + strlen("MemFree:"), NULL, 10) / 4;
}

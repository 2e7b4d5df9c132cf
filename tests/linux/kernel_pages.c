/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's own pages: see kernel_pages.h. Each area of vmallocinfo that says how many pages it has must have as many, all of one
 * class: of modules in their range, else of vmalloc or of stacks. Together with the areas that do not say it (of per-CPU memory,
 * vmap) they are all pages of these classes.
 */
#include "kernel_pages.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/frame_look.h"
#include "kind/linux/linux_guest.h"

#include "asked.h"

#define MODULES UINT64_C(0xffffffffa0000000)

struct area {
	uint64_t first, end;
	uint64_t pages; /* 0: it does not say */
};

struct found {
	const struct guest *guest;
	uint64_t areas, pages, wrong;
	uint64_t unsaid; /* pages of areas that do not say how many they have */
	uint64_t
		stack_areas; /* of the size of a stack, but of no thread: CPUs keep some, or it is something else */
	uint64_t classes[PAGE_CLASS_COUNT];
};

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

/* "0xFIRST-0xEND SIZE CALLER [pages=N] ..." */
static bool parse_area(const char *line, struct area *area)
{
	const char *pages = strstr(line, " pages=");

	if (sscanf(line, "0x%" SCNx64 "-0x%" SCNx64, &area->first, &area->end) != 2)
		return false;
	area->pages = pages != NULL && pages < next_line(line)
			      ? strtoull(pages + strlen(" pages="), NULL, 10)
			      : 0;
	return true;
}

/* How many pages of each class an area has. */
static uint64_t look_at_area(const struct guest *guest, const struct area *area,
			     uint64_t classes[PAGE_CLASS_COUNT])
{
	const struct kernel_space *space = &linux_guest_of(guest)->kernel.found.space;
	uint64_t mapped = 0;

	memset(classes, 0, PAGE_CLASS_COUNT * sizeof(classes[0]));
	for (uint64_t va = area->first; va < area->end; va += PAGE_SIZE) {
		struct frame_look look;
		paddr_t pa;

		if (kernel_space_translate(space, va, &pa, NULL) < 0)
			continue;
		mapped++;
		if (guest_look(guest, pa.addr / PAGE_SIZE, &look) == 0 && look.frame.type >= 0)
			classes[look.frame.type]++;
	}
	return mapped;
}

static void take_area(struct found *found, const struct area *area)
{
	const uint64_t stack_pages = linux_guest_of(found->guest)->plan.fields.stack_size /
				     PAGE_SIZE;
	const bool is_module = area->first >= MODULES;
	uint64_t classes[PAGE_CLASS_COUNT], mapped = look_at_area(found->guest, area, classes);
	uint64_t marked = classes[PAGE_CLASS_VMALLOC] + classes[PAGE_CLASS_STACK] +
			  classes[PAGE_CLASS_MODULE];

	for (unsigned i = 0; i < PAGE_CLASS_COUNT; i++)
		found->classes[i] += classes[i];
	if (area->pages == 0) {
		found->unsaid += marked;
		return;
	}
	found->areas++;
	found->pages += area->pages;
	if (area->pages == stack_pages && classes[PAGE_CLASS_VMALLOC] == stack_pages)
		found->stack_areas++;
	if (mapped == area->pages &&
	    classes[is_module                   ? PAGE_CLASS_MODULE
		    : classes[PAGE_CLASS_STACK] ? PAGE_CLASS_STACK
						: PAGE_CLASS_VMALLOC] == mapped)
		return;
	if (found->wrong++ == 0)
		printf("vmalloc: at 0x%" PRIx64 ": %" PRIu64 " pages, %" PRIu64 " mapped, %" PRIu64
		       " vmalloc, %" PRIu64 " stack, %" PRIu64 " module\n",
		       area->first, area->pages, mapped, classes[PAGE_CLASS_VMALLOC],
		       classes[PAGE_CLASS_STACK], classes[PAGE_CLASS_MODULE]);
}

static uint64_t kilobytes(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* "NAME SIZE USES ...": in whole pages. */
static uint64_t pages_of_modules(const char *text)
{
	uint64_t pages = 0, size;

	for (; *text != '\0'; text = next_line(text))
		if (sscanf(text, "%*s %" SCNu64, &size) == 1)
			pages += (size + PAGE_SIZE - 1) / PAGE_SIZE;
	return pages;
}

static uint64_t listed_in_zoneinfo(const char *text)
{
	uint64_t listed = 0;

	for (; (text = strstr(text, " count:")) != NULL; text++)
		listed += strtoull(strchr(text, ':') + 1, NULL, 10);
	return listed;
}

uint64_t compare_kernel_pages(const struct left *left, const struct guest *guest)
{
	struct found found = {.guest = guest};
	const char *meminfo = left->records[LEFT_MEMINFO].data;
	const uint64_t stacks = kilobytes(meminfo, "\nKernelStack:") * 1024 / PAGE_SIZE,
		       modules = pages_of_modules(left->records[LEFT_MODULES].data);
	struct frame_tally tally;
	struct findings ignored;
	struct area area;

	for (const char *line = left->records[LEFT_VMALLOCINFO].data; *line != '\0';
	     line = next_line(line))
		if (parse_area(line, &area))
			take_area(&found, &area);
	if (guest_tally(guest, &tally, &ignored) < 0)
		return 1;
	const uint64_t *ours = tally.types;
	uint64_t marked = ours[PAGE_CLASS_VMALLOC] + ours[PAGE_CLASS_STACK] +
			  ours[PAGE_CLASS_MODULE];

	printf("vmalloc      %" PRIu64 " areas, %" PRIu64 " pages: %" PRIu64
	       " areas have others; %" PRIu64 " pages of areas that do not say, %" PRIu64
	       " here in all\n",
	       found.areas, found.pages, found.wrong, found.unsaid, marked);
	printf("stacks       %" PRIu64 " pages, %" PRIu64 " in meminfo; %" PRIu64
	       " areas of that size are of no thread\n",
	       ours[PAGE_CLASS_STACK], stacks, found.stack_areas);
	printf("modules      %" PRIu64 " pages, %" PRIu64 " at least\n", ours[PAGE_CLASS_MODULE],
	       modules);
	printf("unknown      %" PRIu64 " pages in use, %" PRIu64 " in transit, of %" PRIu64 "\n",
	       ours[PAGE_CLASS_UNKNOWN], tally.states[PAGE_STATE_IN_TRANSIT], guest->ram_frames);
	return found.wrong + (found.areas == 0) + (marked != found.pages + found.unsaid) +
	       (ours[PAGE_CLASS_STACK] != stacks || stacks == 0) +
	       (ours[PAGE_CLASS_MODULE] < modules || modules == 0) +
	       asked_differs(guest, "state == pcp",
			     listed_in_zoneinfo(left->records[LEFT_ZONEINFO].data), 0);
}

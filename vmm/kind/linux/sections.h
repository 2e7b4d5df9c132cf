/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a kernel's struct pages lie: Linux's sparse memory model (mm/sparse.c). Each section of 128 MiB that is online has
 * its records at vmemmap + frame * 64; the kernel's page tables say where that is in RAM, in one to a few runs.
 */
#ifndef VMM_LINUX_SECTIONS_H
#define VMM_LINUX_SECTIONS_H

#include "base/error.h"
#include "kind/kind.h"
#include "kind/linux/kernel_space.h"
#include "kind/linux/vmcoreinfo.h"

struct page_array {
	uint64_t vmemmap;     /* virtual address of the record of frame 0, which need not exist */
	uint64_t frame_count; /* one more than the last frame that has a record */
	uint64_t present;     /* frames that have one */
	uint64_t section_frames;
	uint64_t sections;           /* that are online */
	bool has_mapped, has_copied; /* of the regions in which records lie */
	unsigned run_count;
	struct record_run runs[RECORD_RUNS_MAX]; /* in frame order, each within one region */
};

/* A section that is online, while it is visited. */
struct page_section {
	uint64_t number, frames; /* its frames are those from number * frames on */
	uint64_t map;            /* where the record of frame 0 would be */
	const uint8_t *record;   /* a copy of its struct mem_section */
	uint64_t record_size;
};

/* A result other than 0 ends the walk. */
typedef int page_section_visit(void *own, const struct page_section *section, struct error *err);

/* Visits the sections in order. Returns 0, the visitor's result, or as page_array_read. */
int page_sections(const struct kernel_space *space, const struct vmcoreinfo *info,
		  page_section_visit *visit, void *own, struct error *err);

/*
 * Reads the sections and translates their records. What is not mapped, or lies outside of this memory, is left out. The
 * guest may plug and unplug sections meanwhile: call it again. Returns 0, or with a text -EPROTO (no sections, or they
 * contradict each other), -E2BIG (more than RECORD_RUNS_MAX runs) or the error of reading.
 */
int page_array_read(const struct kernel_space *space, const struct vmcoreinfo *info,
		    struct page_array *array, struct error *err);

#endif

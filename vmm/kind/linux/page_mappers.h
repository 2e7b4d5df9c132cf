/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who maps a page: a walk of the page tables of all processes, which finds each mapping that there is, whatever the page
 * itself leads to. Its time grows with what all processes have mapped, and is bounded.
 */
#ifndef VMM_LINUX_PAGE_MAPPERS_H
#define VMM_LINUX_PAGE_MAPPERS_H

#include <stdio.h>

#include <json-c/json.h>

#include "kind/linux/processes.h"

#define MAPPERS_MAX 4096 /* that are listed */

/* Page tables that are read at most: those of 2 TiB, and some seconds' work. */
#define MAPPERS_TABLES_MAX (UINT64_C(1) << 20)

struct page_mapper {
	uint64_t memory, va;
	uint32_t pid;
	char name[PROCESS_NAME_SIZE]; /* printable */
};

struct page_mappers {
	bool is_known;    /* false: nobody was looked for, or could be */
	bool is_complete; /* all processes were looked at */
	bool is_bounded;  /* not all, because their tables are too many */
	uint64_t found;   /* mappings, of which `count` are listed */
	uint64_t processes;
	unsigned count;
	struct page_mapper *list; /* by process; page_mappers_free frees it */
};

/*
 * Looks for whoever maps a frame. Processes that share one memory count once, as the first of them. Returns 0; -ENODATA with a text
 * if the kernel does not say where its page tables are; or -ENOMEM.
 */
int page_mappers_find(const struct linux_kernel *kernel, const struct owner_fields *fields,
		      uint64_t pfn, uint64_t tables_max, struct page_mappers *mappers,
		      struct error *err);
void page_mappers_free(struct page_mappers *mappers);

/* Lines for people: as many as are of use, the others are counted. */
void page_mappers_print(const struct page_mappers *mappers, FILE *out);

/* An object for programs, with all that are listed. */
struct json_object *page_mappers_json(const struct page_mappers *mappers);

#endif

/* SPDX-License-Identifier: MPL-2.0 */
/* Who has pages: see owners.h. */
#include "owners.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/breakdown.h"
#include "kind/linux/file_name.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_owner.h"

#include "oddities.h"

#define FILES_MAX 16

/*
 * Until 6.1 each thread keeps what it counted until that were 64 events (TASK_RSS_EVENTS_THRESH); since 6.2 a CPU keeps as much as
 * percpu_counter_batch, of which /proc/PID/status knows nothing.
 */
#define THREADS_MAX 8
#define EVENTS      64

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

/* "NAME <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : ... : slabdata <active_slabs> <num_slabs> ..." */
static bool parse_cache(const char *line, char name[64], uint64_t *slabs)
{
	const char *data = strstr(line, "slabdata");

	return line[0] != '#' && data != NULL && data < next_line(line) &&
	       sscanf(line, "%63s", name) == 1 && sscanf(data, "slabdata %*u %" SCNu64, slabs) == 1;
}

static uint64_t slabs_in_text(const char *text, const char *name)
{
	uint64_t slabs, sum = 0;
	char found[64];

	for (; *text != '\0'; text = next_line(text))
		if (parse_cache(text, found, &slabs) && strcmp(found, name) == 0)
			sum += slabs;
	return sum;
}

static uint64_t slabs_in_rows(const struct breakdown *caches, const char *name)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < caches->row_count; i++)
		if (caches->rows[i].name != NULL && strcmp(caches->rows[i].name, name) == 0)
			sum += caches->rows[i].figures[1];
	return sum;
}

/* Either way round, so that each cache of both is looked at. Two of a name are compared together. */
static uint64_t compare_caches(const char *text, const struct breakdown *caches)
{
	uint64_t wrong = 0, listed = 0, slabs;
	char name[64];

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		if (!parse_cache(line, name, &slabs))
			continue;
		listed++;
		slabs = slabs_in_text(text, name);
		if (slabs_in_rows(caches, name) != slabs) {
			printf("cache %s: %" PRIu64 " slabs here, %" PRIu64 " in slabinfo\n", name,
			       slabs_in_rows(caches, name), slabs);
			wrong++;
		}
	}
	for (uint64_t i = 0; i < caches->row_count; i++) {
		const char *own = caches->rows[i].name;

		if (own == NULL || slabs_in_text(text, own) == 0) {
			printf("cache %s: %" PRIu64 " slabs here, none in slabinfo\n",
			       own == NULL ? "unknown" : own, caches->rows[i].figures[1]);
			wrong++;
		}
	}
	printf("caches       %" PRIu64 ", %" PRIu64 " slabs in %" PRIu64 " KiB: %" PRIu64
	       " differ from slabinfo\n",
	       listed, caches->sums[1], caches->sums[0] / 1024, wrong);
	return wrong + (listed == 0);
}

struct listed_file {
	uint64_t inode;
	char path[128];
};

static void read_files(const char *text, struct listed_file files[FILES_MAX])
{
	for (; *text != '\0'; text = next_line(text)) {
		struct listed_file file;
		unsigned number;

		if (sscanf(text, "%u %*s %" SCNu64 " %127s", &number, &file.inode, file.path) ==
			    3 &&
		    number < FILES_MAX)
			files[number] = file;
	}
}

static bool is_of(const struct guest *guest, const struct owner_fields *fields,
		  const struct left_page *page, const struct listed_file *listed)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	uint64_t record[LAYOUT_PAGE_SIZE / sizeof(uint64_t)];
	struct page_owner owner;
	static struct linux_file file;

	return linux_kernel_record(kernel, pfn(page->pfn), record) == 0 &&
	       page_owner_of(&in, page->pfn, record, PAGE_CLASS_FILE, &owner) && owner.has_index &&
	       owner.index == page->index &&
	       linux_file_of(&kernel->found.space, fields, owner.va, &file) &&
	       file.number == listed->inode && !file.is_deleted &&
	       strcmp(listed->path, file.path) == 0;
}

static uint64_t compare_files(const struct left *left, const struct guest *guest)
{
	const struct left_record *record = &left->records[LEFT_MAPPED];
	const struct left_page *pages = (const struct left_page *)(const void *)record->data;
	const uint64_t count = record->bytes / sizeof(*pages);
	struct listed_file files[FILES_MAX] = {{0, ""}};
	struct owner_fields fields;
	uint64_t wrong = 0;

	read_files(left->records[LEFT_FILES].data, files);
	if (!owner_fields_read(&linux_guest_of(guest)->kernel, &fields))
		return 1;
	for (uint64_t i = 0; i < count; i++) {
		const struct listed_file *file = &files[pages[i].file % FILES_MAX];

		if (!is_of(guest, &fields, &pages[i], file) && wrong++ == 0)
			printf("files: frame %#" PRIx64 " is not page %" PRIu64 " of %s\n",
			       pages[i].pfn, pages[i].index, file->path);
	}
	printf("files        %" PRIu64 " pages by path, inode and index: %" PRIu64
	       " are of something else\n",
	       count, wrong);
	return wrong + (count == 0);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static const struct breakdown_row *row_of(const struct breakdown *processes, uint64_t pid)
{
	for (uint64_t i = 0; i < processes->row_count; i++)
		if (processes->rows[i].figures[5] == pid)
			return &processes->rows[i];
	return NULL;
}

/* With parts of CPUs, the sum is exactly what page tables map; before, what threads keep is missing. */
static bool is_process(const struct breakdown_row *row, const uint64_t theirs[6], bool is_exact)
{
	/* anon, file, shmem, swap */
	for (int i = 1; i <= 4; i++)
		if (distance(row->figures[i] / PAGE_SIZE, theirs[i]) > EVENTS * THREADS_MAX)
			return false;
	return distance(row->figures[0] / PAGE_SIZE, theirs[5]) <=
	       (is_exact ? 0 : EVENTS * THREADS_MAX);
}

static uint64_t compare_processes(const struct left *left, const struct breakdown *processes)
{
	bool is_exact = release_number(left->records[LEFT_RELEASE].data) >= 602;
	uint64_t wrong = 0, count = 0, theirs[6];

	for (const char *line = left->records[LEFT_MEMORY].data; *line != '\0';
	     line = next_line(line)) {
		if (sscanf(line, "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
			   &theirs[0], &theirs[1], &theirs[2], &theirs[3], &theirs[4],
			   &theirs[5]) != 6)
			continue;
		const struct breakdown_row *row = row_of(processes, theirs[0]);

		count++;
		if (row != NULL && is_process(row, theirs, is_exact))
			continue;
		printf("process %" PRIu64 ": %" PRIu64 " pages here, %" PRIu64 " mapped\n",
		       theirs[0], row == NULL ? 0 : row->figures[0] / PAGE_SIZE, theirs[5]);
		wrong++;
	}
	wrong += distance(count, processes->row_count);
	printf("processes    %" PRIu64 ", %" PRIu64 " here: %" PRIu64 " have other memory\n", count,
	       processes->row_count, wrong);
	return wrong + (count == 0);
}

/* Each page of the page cache leads to an inode that leads back. */
static uint64_t check_cache_of_files(const struct breakdown *files)
{
	uint64_t unknown = 0;

	for (uint64_t i = 0; i < files->row_count; i++)
		if (files->rows[i].name == NULL || files->rows[i].group[0] == '\0')
			unknown += files->rows[i].figures[0] / PAGE_SIZE;
	printf("page cache   %" PRIu64 " files, %" PRIu64 " pages: %" PRIu64 " of no file\n",
	       files->row_count, files->sums[0] / PAGE_SIZE, unknown);
	return unknown;
}

uint64_t compare_owners(const struct left *left, const struct guest *guest)
{
	struct breakdown parts[BREAKDOWN_COUNT];
	uint64_t wrong = 0;

	for (int by = 0; by < BREAKDOWN_COUNT; by++) {
		struct error err;

		if (guest_breakdown(guest, (enum breakdown_by)by, UINT64_MAX, &parts[by], &err) <
		    0) {
			printf("by %s: %s\n", breakdown_names[by], err.text);
			wrong++;
		}
	}
	if (wrong == 0)
		wrong = compare_caches(left->records[LEFT_SLABINFO].data, &parts[BREAKDOWN_CACHE]) +
			check_cache_of_files(&parts[BREAKDOWN_FILE]) + compare_files(left, guest) +
			compare_processes(left, &parts[BREAKDOWN_PROCESS]);
	for (int by = 0; by < BREAKDOWN_COUNT; by++)
		breakdown_free(&parts[by]);
	return wrong;
}

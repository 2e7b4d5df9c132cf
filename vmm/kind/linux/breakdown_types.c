/* SPDX-License-Identifier: MPL-2.0 */
/* Memory by migrate type: see breakdown_types.h. */
#include "kind/linux/breakdown_types.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/linux/free_lists.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/zone_rows.h"

enum {
	FIGURE_BYTES,
	FIGURE_FREE,
	FIGURE_SMALL, /* of what is free: by the size of the pieces */
	FIGURE_MIDDLE,
	FIGURE_LARGE,
};

#define MIDDLE_ORDER 4 /* 64 KiB */

const struct breakdown_column linux_migrate_columns[MIGRATE_COLUMNS] = {
	[FIGURE_BYTES] = {"bytes", "MiB", BREAKDOWN_BYTES},
	[FIGURE_FREE] = {"free_bytes", "free", BREAKDOWN_BYTES},
	[FIGURE_SMALL] = {"free_below_64k_bytes", "<64K", BREAKDOWN_BYTES},
	[FIGURE_MIDDLE] = {"free_below_2m_bytes", "<2M", BREAKDOWN_BYTES},
	[FIGURE_LARGE] = {"free_2m_bytes", "2M+", BREAKDOWN_BYTES},
};

struct table {
	const struct linux_kernel *kernel;
	bool is_complete;
	struct breakdown_row rows[ZONE_NUMBERS_MAX][MIGRATE_TYPES_MAX];
};

/* A block is of the zone that its first page is of, as the kernel counts. */
static void add_blocks(struct table *table)
{
	const struct linux_kernel *kernel = table->kernel;
	const struct page_layout *layout = &kernel->layout;
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	for (uint64_t i = 0; i < kernel->blocks.count; i++) {
		const pfn_t first = pfn(i * PAGE_BLOCK_FRAMES);
		uint64_t type, zone;

		if (!page_block_type(&kernel->blocks, first, &type) || type >= MIGRATE_TYPES_MAX ||
		    linux_kernel_record(kernel, first, record) < 0)
			continue;
		zone = layout_zone(layout, layout_load(record, &layout->flags_word));
		table->rows[zone % ZONE_NUMBERS_MAX][type].figures[FIGURE_BYTES] +=
			PAGE_BLOCK_FRAMES * PAGE_SIZE;
	}
}

static bool add_free(void *own, const struct linux_zone *zone)
{
	struct table *table = own;
	struct linux_free_lists lists;

	linux_free_lists(table->kernel, zone, &lists);
	table->is_complete &= lists.is_complete;
	for (unsigned type = 0; type < MIGRATE_TYPES_MAX; type++)
		for (unsigned order = 0; order < FREE_ORDERS_MAX; order++) {
			uint64_t *figures =
				table->rows[zone->index % ZONE_NUMBERS_MAX][type].figures;
			uint64_t bytes = (lists.blocks[type][order] << order) * PAGE_SIZE;

			figures[FIGURE_FREE] += bytes;
			figures[order < MIDDLE_ORDER       ? FIGURE_SMALL
				: order < PAGE_BLOCK_ORDER ? FIGURE_MIDDLE
							   : FIGURE_LARGE] += bytes;
		}
	return true;
}

static int add_row(const struct guest *guest, const struct table *table, unsigned zone,
		   unsigned type, struct breakdown *to, struct error *err)
{
	const struct breakdown_row *from = &table->rows[zone][type];
	const char *name = migrate_type_name(&table->kernel->blocks.layout, type);
	struct breakdown_row *row;

	if (!from->figures[FIGURE_BYTES] && !from->figures[FIGURE_FREE])
		return 0;
	row = zone_row_add(guest, zone, from, to, err);
	if (!row)
		return -E2BIG;
	row->key = zone * MIGRATE_TYPES_MAX + type;
	return name ? breakdown_name(to, row, name, err) : 0;
}

static int add_rows(const struct guest *guest, const struct table *table, struct breakdown *to,
		    struct error *err)
{
	int result = 0;

	for (unsigned zone = 0; zone < ZONE_NUMBERS_MAX; zone++)
		for (unsigned type = 0; type < MIGRATE_TYPES_MAX && result == 0; type++)
			result = add_row(guest, table, zone, type, to, err);
	if (!table->is_complete)
		to->note = "lists of free pages changed while they were read: free is too low";
	return result;
}

int linux_breakdown_types(const struct guest *guest, struct breakdown *to, struct error *err)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	struct table *table;
	int result;

	if (!kernel->blocks.types)
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say of what type page blocks are");
	table = calloc(1, sizeof(*table));
	if (!table)
		return error_set(err, -ENOMEM, "no memory for the table of migrate types");
	table->kernel = kernel;
	table->is_complete = true;
	add_blocks(table);
	result = linux_zones(kernel, add_free, table, err);
	result = result < 0 ? -ENODATA : add_rows(guest, table, to, err);
	free(table);
	return result;
}

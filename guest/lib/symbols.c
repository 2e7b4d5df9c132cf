/* SPDX-License-Identifier: MPL-2.0 */
/* Names of functions, for backtraces: see symbols.h. */
#include "lib/symbols.h"

#include <stddef.h>

#include <pagevisor/layout.h>
#include <pagevisor/symbols.h>

const char *symbol_at(uint64_t address, uint32_t *offset)
{
	const struct symbol_table *table = (const struct symbol_table *)symbols_start;
	const struct table_symbol *symbols = (const struct table_symbol *)(table + 1);
	const struct table_symbol *found = NULL;
	const uint32_t low = (uint32_t)address;

	if (&symbols_start[0] == &symbols_end[0] || address < KERNEL_VIRTUAL_BASE)
		return NULL;
	for (uint32_t i = 0; i < table->count && symbols[i].address <= low; i++)
		found = &symbols[i];
	/* The last entry is the end of the functions. */
	if (!found || found == &symbols[table->count - 1])
		return NULL;
	*offset = low - found->address;
	return (const char *)(symbols + table->count) + found->name;
}

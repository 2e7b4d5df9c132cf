/* SPDX-License-Identifier: MPL-2.0 */
/* The functions of a guest's kernel: see guest_symbols.h. */
#include "kind/guest.h"
#include "kind/pagevisor/guest_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/symbols.h>

/* The kernel lies in the highest 2 GiB: the high half of its addresses is all ones. */
#define ADDRESS_HIGH (~UINT64_C(0) << 32)

/* The parts of a table, in a copy of it. */
struct table {
	struct symbol_table head;
	const uint8_t *symbols;
	const uint8_t *names;
};

static int find_parts(const uint8_t *bytes, size_t size, struct table *table)
{
	if (size < sizeof(table->head))
		return -EPROTO;
	memcpy(&table->head, bytes, sizeof(table->head));
	if (table->head.count < 2 ||
	    table->head.count > (size - sizeof(table->head)) / sizeof(struct table_symbol))
		return -EPROTO;
	table->symbols = bytes + sizeof(table->head);
	table->names = table->symbols + table->head.count * sizeof(struct table_symbol);
	if (table->head.names_size == 0 ||
	    table->head.names_size > (size_t)(bytes + size - table->names))
		return -EPROTO;
	return 0;
}

static struct table_symbol symbol_at(const struct table *table, uint32_t i)
{
	struct table_symbol symbol;

	memcpy(&symbol, table->symbols + i * sizeof(symbol), sizeof(symbol));
	return symbol;
}

static int fill(const struct table *table, struct symbols *symbols)
{
	uint32_t end = 0;

	/* Backwards. The last symbol only marks an end. */
	for (uint32_t i = table->head.count - 1; i-- > 0;) {
		struct table_symbol symbol = symbol_at(table, i);

		if (symbol.address > symbol_at(table, i + 1).address ||
		    symbol.name >= table->head.names_size)
			return -EPROTO;
		if (symbol.address != symbol_at(table, i + 1).address)
			end = symbol_at(table, i + 1).address;
		symbols->table[i] = (struct symbol){.address = ADDRESS_HIGH | symbol.address,
						    .size = end - symbol.address,
						    .name = symbol.name};
	}
	symbols->count = table->head.count - 1;
	return 0;
}

static int make(const struct table *table, struct symbols *symbols)
{
	symbols->names = malloc((size_t)table->head.names_size + 1);
	symbols->table = calloc(table->head.count, sizeof(*symbols->table));
	if (!symbols->names || !symbols->table)
		return -ENOMEM;
	/* Names go to terminals. */
	for (uint32_t i = 0; i < table->head.names_size; i++)
		symbols->names[i] =
			table->names[i] == '\0' || (table->names[i] > ' ' && table->names[i] <= '~')
				? (char)table->names[i]
				: '?';
	symbols->names[table->head.names_size] = '\0';
	return fill(table, symbols);
}

int guest_symbols_read(const struct guest_view *view, const struct guest_memory *memory,
		       struct symbols *symbols)
{
	struct table table;

	*symbols = (struct symbols){0};
	if (view->symbols_size == 0)
		return 0;
	if (view->symbols_size > SYMBOL_TABLE_MAX)
		return -EPROTO;

	uint8_t *bytes = malloc(view->symbols_size);
	int result = bytes ? 0 : -ENOMEM;

	if (result == 0 && guest_memory_copy(memory, view->symbols, bytes, view->symbols_size) < 0)
		result = -EPROTO;
	if (result == 0)
		result = find_parts(bytes, view->symbols_size, &table);
	if (result == 0)
		result = make(&table, symbols);
	free(bytes);
	if (result < 0)
		symbols_free(symbols);
	return result;
}

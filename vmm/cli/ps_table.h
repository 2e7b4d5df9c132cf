/* SPDX-License-Identifier: MPL-2.0 */
/* The table of `pagevisor ps`, and its JSON. */
#ifndef VMM_PS_TABLE_H
#define VMM_PS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/fleet/survey.h"

/* A VM: one that is attached, or one that does not answer. */
struct ps_row {
	const struct attached_vm *vm;   /* NULL: absent */
	const struct absent_vm *absent; /* NULL: attached */
};

struct ps_table {
	const char *expression; /* whose matches were counted; NULL: none */
	bool json;
	bool is_update; /* in JSON: the answer has a list of all VMs for each change */
	unsigned count;
	struct ps_row *rows;
};

#define PS_NAME_WIDTH 16 /* of the column, unless names of the table are longer */

/* Prints a name in so many columns of the terminal, which are no bytes. */
void ps_print_name(const char *name, unsigned columns);

/* By name and process. */
void ps_table_sort(struct ps_table *table);

/* The thread is registered with liburcu. */
void ps_table_print(const struct ps_table *table);

/* Writes name, process and state, which tell whether there is anything new, as snprintf does. */
size_t ps_row_state(const struct ps_row *row, char *text, size_t size);

#endif

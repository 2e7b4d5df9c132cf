/* SPDX-License-Identifier: MPL-2.0 */
/* What `mem` answers: text for people, or JSON. */
#ifndef VMM_MEM_REPORT_H
#define VMM_MEM_REPORT_H

#include <stdbool.h>

#include "base/json.h"
#include "memory/management.h"

/* What the command did. */
struct mem_report {
	const char *action; /* its name on the command line */
	const char *vm;
	const struct management_order *order;
	const struct management_status *status;
	bool is_change; /* the order was to change something, and it is over */
};

/* "512 MiB", "4 KiB", "1.5 MiB"; the text is valid until the fourth call after this one. */
const char *mem_size_text(uint64_t bytes);

/* What the order got, of what it wanted, and why they differ: one line. */
void mem_report_print_change(const struct mem_report *report);

/* What is known of the memory. */
void mem_report_print_status(const struct mem_report *report);

/* The members of the answer. */
json *mem_report_json(const struct mem_report *report);

#endif

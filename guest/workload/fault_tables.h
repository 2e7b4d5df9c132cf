/* SPDX-License-Identifier: MPL-2.0 */
/* The faults of fault.c in the kernel's page table. */
#ifndef GUEST_FAULT_TABLES_H
#define GUEST_FAULT_TABLES_H

#include "workload/workload.h"

/* A reference to a table that no entry holds. */
void fault_table_ref(struct worker *worker);

/* A table that nothing points at. */
void fault_table_lost(struct worker *worker);

/* A table whose metadata has another level than the one at which it is used. */
void fault_table_level(struct worker *worker);

/* An entry that still maps a freed frame; its tables are correct. */
void fault_pte_wild(struct worker *worker);

#endif

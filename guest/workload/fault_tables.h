/* SPDX-License-Identifier: MPL-2.0 */
/* The faults of fault.c that are about the kernel's page table. */
#ifndef GUEST_FAULT_TABLES_H
#define GUEST_FAULT_TABLES_H

#include "workload/workload.h"

/* A reference to a table that no entry holds. */
void fault_table_ref(struct worker *worker);

/* A table that nothing points at. */
void fault_table_lost(struct worker *worker);

/* A table whose metadata says another level than it is used at. */
void fault_table_level(struct worker *worker);

/* An entry that goes on to map a frame that was given back; its tables are as they should be. */
void fault_pte_wild(struct worker *worker);

#endif

/* SPDX-License-Identifier: MPL-2.0 */
/* Prints what a guest's image lists: `run --workload help` and `stress --list`. */
#ifndef VMM_GUEST_HELP_H
#define VMM_GUEST_HELP_H

#include "base/elf/option_list.h"

/* All workloads with their options, then the options of all workloads. Returns what output_flush returns. */
int guest_help_print(const struct option_list *list);

/* The workloads that a stress run can use, and the faults that it can plant. */
int guest_help_print_stress(const struct option_list *list);

#endif

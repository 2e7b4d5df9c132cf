/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's side of the info page: what is published, stage by stage. See pagevisor/info.h. */
#ifndef GUEST_INFO_H
#define GUEST_INFO_H

#include <pagevisor/info.h>
#include <pagevisor/panic.h>

#include "pagemeta/meta_init.h"

extern struct guest_info guest_info;
extern struct mailbox mailbox;
extern struct cpu_counters cpu_counters[MAX_CPUS];

/* Publishes the page with what is known from the start, the memory map included: STAGE_ENTERED. */
void info_publish(void);

/* The map was read, and max_paddr follows from it: STAGE_MEMORY. */
void info_set_memory(uint64_t max_paddr);

/* Where the metadata is, and how it is mapped: STAGE_METADATA. */
void info_set_metadata(const struct meta_array *array);

/* Where the frame allocator keeps its state, and the page that it shares with a keeper: STAGE_ALLOCATOR. */
void info_set_allocator(void);

/* How many processors run, and the TSC's frequency if it is known, else 0: STAGE_CPUS. */
void info_set_cpus(unsigned count, uint64_t tsc_khz);

/* Where the slots that are filled are counted, while metadata is initialised. */
void info_set_filled(const uint64_t *count);

/* What a panic leaves behind; complete. */
void info_set_panic(const struct panic_record *record);

/*
 * Announces a stage in the page and on the boot stage port; everything that the stage promises must be written before.
 */
void info_set_stage(enum boot_stage stage);

#endif

/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest's boot stages. The guest writes each stage to the info page and, as one byte, to PORT_BOOT_STAGE.
 *
 * A stage promises the fields of the info page named beside it, and all fields of the stages before. A field never
 * changes once its stage is reached. A guest may panic at any stage, so STAGE_PANIC promises only the fields that are
 * not zero.
 */
#ifndef PAGEVISOR_STAGE_H
#define PAGEVISOR_STAGE_H

enum boot_stage {
	STAGE_NONE,
	STAGE_ENTERED, /* in final ring: magic, versions, boot_id, kernel image, types, BTF, symbols, mailbox, log */
	STAGE_MEMORY, /* memory map read: regions_pa, region_count, regions_dropped, max_paddr */
	STAGE_METADATA, /* metadata array initialised: array_pa, slot_count, array_va, linear_va, page_table_pa */
	STAGE_ALLOCATOR, /* frame allocator running: allocator_pa, keeper_pa */
	STAGE_CPUS,      /* all processors up: cpu_count, counters_pa, tsc_khz, trace_pa */
	STAGE_READY,     /* the guest's own check of every slot passed */
	STAGE_RUNNING,   /* workload started on all processors */
	STAGE_FINISHED,  /* workload ended, counters are final, nothing changes any more */
	STAGE_PANIC,
	STAGE_COUNT,
};

static inline const char *boot_stage_name(unsigned stage)
{
	static const char *const names[STAGE_COUNT] = {
		[STAGE_NONE] = "none",           [STAGE_ENTERED] = "entered",
		[STAGE_MEMORY] = "memory",       [STAGE_METADATA] = "metadata",
		[STAGE_ALLOCATOR] = "allocator", [STAGE_CPUS] = "cpus",
		[STAGE_READY] = "ready",         [STAGE_RUNNING] = "running",
		[STAGE_FINISHED] = "finished",   [STAGE_PANIC] = "panic",
	};
	return stage < STAGE_COUNT ? names[stage] : "unknown";
}

#endif

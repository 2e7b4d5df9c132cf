/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a guest reports about itself, checked by the host: where its metadata is, which types it has, where its counters
 * are. The info page is copied, then validated; only the validated copy is used.
 */
#ifndef VMM_GUEST_VIEW_H
#define VMM_GUEST_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>
#include <pagevisor/layout.h>

#include "base/error.h"
#include "memory/guest_memory.h"

struct type_view {
	char name[sizeof(((struct type_descriptor *)0)->name)]; /* printable, NUL-terminated */
	unsigned size;
	enum type_role role;
	bool is_untyped;
	bool is_permanent;
	unsigned link_place; /* as in struct type_descriptor, if a link fits there; 0: none */
	bool has_on_drop;
};

struct guest_view {
	enum boot_stage stage; /* the fields below are valid from the stage named beside them */
	unsigned ring;         /* STAGE_ENTERED */
	uint64_t boot_id;      /* as the guest reports; changes with each boot, never 0 */
	paddr_t mailbox;
	uint64_t va_offset;   /* of the kernel's image; as reported, like the next fields */
	paddr_t kernel_start; /* of the kernel's image */
	paddr_t kernel_end;
	uint64_t types_va;
	unsigned type_count;
	struct type_view types[META_TYPES_MAX];
	paddr_t btf; /* as the guest reports; checked when it is read, see kind/fields/type_catalog.h */
	uint64_t btf_size; /* 0: there is none */
	paddr_t symbols;   /* like the BTF; see kind/pagevisor/guest_symbols.h */
	uint64_t symbols_size;
	uint64_t max_paddr; /* STAGE_MEMORY */
	uint32_t regions_dropped;
	paddr_t regions; /* the memory map that it was given; in guest RAM */
	uint32_t region_count;
	paddr_t array; /* STAGE_METADATA: the whole array lies in guest RAM, slot-aligned */
	uint64_t slot_count;
	uint64_t array_va; /* this and the next three as the guest reports; 0: unknown */
	uint64_t linear_va;
	paddr_t page_table;
	paddr_t allocator;  /* STAGE_ALLOCATOR */
	paddr_t keeper;     /* struct keeper_page, in guest RAM and aligned; 0: it has none */
	unsigned cpu_count; /* STAGE_CPUS */
	paddr_t counters;   /* cpu_count struct cpu_counters, in guest RAM and aligned */
	uint64_t tsc_khz;   /* as the guest reports; 0: it does not know */
	paddr_t trace; /* cpu_count struct trace_ring, in guest RAM and aligned; 0: it does not trace */
};

/*
 * Reads the info page. Returns 0; -EAGAIN if the guest has not published it yet; -EPROTO, with a text that names the
 * wrong field, if what it published cannot be true.
 */
int guest_view_read(const struct guest_memory *memory, paddr_t info, struct guest_view *view,
		    struct error *err);

/* What the page says of a boot. */
struct boot_view {
	uint64_t boot_id;
	enum boot_stage stage;
	unsigned cpu_count; /* 0: no processor counts yet */
	paddr_t counters;   /* as the guest reports */
};

/*
 * Reads these alone, and no type. Returns as guest_view_read: -EAGAIN if there is no boot now, -EPROTO if the page is none.
 */
int guest_view_read_boot(const struct guest_memory *memory, paddr_t info, struct boot_view *boot,
			 struct error *err);

/*
 * Parts of that for callers that find a page: whether it has this ABI, and whether its memory map, if it names one, can
 * be valid. They return 0 or -EPROTO.
 */
int guest_view_check_abi(const struct guest_info *info, struct error *err);
int guest_view_check_regions(const struct guest_info *info, struct error *err);

/* The type whose descriptor a vtable pointer names, or -1 if it names none. */
static inline int guest_view_type(const struct guest_view *view, uint64_t vtable_ptr)
{
	uint64_t offset = vtable_ptr - view->types_va;
	uint64_t index = offset / sizeof(struct type_descriptor);

	if (offset % sizeof(struct type_descriptor) || index >= view->type_count)
		return -1;
	return (int)index;
}

/* The first type with that role, or -1; roles other than NONE and RESERVED have one type at most. */
int guest_view_type_of_role(const struct guest_view *view, enum type_role role);

/*
 * The guest's counters so far, summed over its processors; exact from STAGE_FINISHED on. Returns 0, or -EAGAIN before
 * STAGE_CPUS.
 */
int guest_view_counters(const struct guest_view *view, const struct guest_memory *memory,
			struct cpu_counters *sum);

/*
 * The workload's steps so far, for each of its processors (view->cpu_count). Returns 0, or -EAGAIN before STAGE_CPUS.
 */
int guest_view_steps(const struct guest_view *view, const struct guest_memory *memory,
		     uint64_t steps[MAX_CPUS]);

/* Asks the workload to end. Does nothing if the guest has no mailbox in its RAM, or one of another version. */
void guest_view_ask_to_stop(const struct guest_view *view, const struct guest_memory *memory);

/* See guest_note_restore. Returns whether the guest has a mailbox. */
bool guest_view_note_restore(const struct guest_view *view, const struct guest_memory *memory,
			     uint64_t seed);

#endif
